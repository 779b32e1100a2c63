"""The days of sources: counted by the worker line and by runs, on both engines."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

import indices.collection.days  # noqa: F401 - declares its tables
from indices.collection.days import Days
from models.clock import CITY_TIME
from models.item import PROBLEM, Item, Payload
from models.query import Outcome

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=CITY_TIME)


def item(n: int, *, hours: float = 1.0, **changes: object) -> Item:
    payload = {"title": "路灯", "text": "不亮", "created_at": NOON - timedelta(hours=hours), **changes}
    return Item(source="m", native_id=f"N{n}", fetched_at=NOON, payload=Payload.model_validate(payload))


@pytest.fixture
def days(database: Engine) -> Days:
    return Days(database)


def test_batches_add_up(days: Days) -> None:
    days.add_items([(item(1), Outcome.STORED), (item(2, reply="已办"), Outcome.UPDATED)])
    days.add_items([(item(1), Outcome.DUPLICATE), (item(3, hours=50), Outcome.STORED), (item(4), Outcome.REJECTED)])
    day = days.read(NOON.date())["m"][NOON.date()]
    assert (day.items, day.stored, day.updated, day.duplicate, day.quarantined, day.fresh) == (5, 3, 1, 1, 1, 4)
    assert day.timely == 4
    assert day.delay_hours == pytest.approx(54)
    assert day.fields == {"title": 5, "text": 5, "created_at": 5, "reply": 1}


def test_times_out_of_order_and_things_without_identity_are_counted_as_such(days: Days) -> None:
    odd = item(1, replied_at=NOON - timedelta(days=9))
    nameless = Item(source="m", fetched_at=NOON, payload=Payload(text="x"))
    unread = item(2).model_copy(update={"extra": {PROBLEM: "x"}})
    days.add_items([(odd, Outcome.STORED), (nameless, Outcome.STORED), (unread, Outcome.REJECTED)])
    day = days.read(NOON.date())["m"][NOON.date()]
    assert (day.items, day.consistent, day.proper) == (3, 2, 1)


def test_runs_add_what_they_cost(days: Days) -> None:
    days.add_run("m", at=NOON, requests=10, failed=2, bytes=5_000, seconds=1.5)
    days.add_run("m", at=NOON, requests=5, blocked=1)
    day = days.read(NOON.date(), "m")["m"][NOON.date()]
    assert (day.runs, day.requests, day.failed, day.blocked, day.bytes, day.seconds) == (2, 15, 2, 1, 5_000, 1.5)
    assert days.read(NOON.date(), "other") == {}


def test_old_days_are_forgotten(days: Days) -> None:
    days.add_items([(item(1), Outcome.STORED)])
    days.forget(NOON.date() + timedelta(days=1))
    assert days.read(NOON.date()) == {}
