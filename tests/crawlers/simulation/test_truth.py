from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest

from crawlers.simulation.orders import Simulation, simulate, truth_json
from models.clock import city_day
from models.item import Item
from models.labels import Status


def test_it_is_json(simulation: Simulation, truth: dict[str, Any]) -> None:
    assert json.loads(truth_json(simulation)) == truth
    assert truth["orders"] == len(simulation)
    assert (truth["start"], truth["end"]) == ("2026-09-26", "2026-11-24")


def test_events_are_in_the_items(items: list[Item], truth: dict[str, Any], simulation: Simulation) -> None:
    by_id = {item.native_id: item.payload for item in items}
    assert len(truth["events"]) == 8
    seen: set[str] = set()
    for event in truth["events"]:
        assert len(event["native_ids"]) == event["size"]
        assert not seen & set(event["native_ids"])
        seen |= set(event["native_ids"])
        days = []
        for native_id in event["native_ids"]:
            payload = by_id[native_id]
            assert (payload.district, payload.street, payload.place) == (
                event["district"],
                event["street"],
                event["place"],
            )
            assert payload.stated_topic == event["topic"]
            assert payload.department in (None, event["unit"]) or not payload.signed_at
            assert payload.created_at
            days.append(city_day(payload.created_at))
        assert (min(days).isoformat(), max(days).isoformat()) == (event["start"], event["end"])
        callers = {by_id[native_id].speaker for native_id in event["native_ids"]}
        assert len(callers) > 0.6 * event["size"], "many people, not one"
    recent = [event for event in truth["events"] if event["start"] >= "2026-11-15"]
    assert len(recent) >= 2


def test_event_texts_name_the_place(items: list[Item], truth: dict[str, Any]) -> None:
    by_id = {item.native_id: item.payload for item in items}
    for event in truth["events"]:
        named = [event["place"] in by_id[i].title + by_id[i].text for i in event["native_ids"]]
        assert sum(named) >= 0.9 * len(named), event["issue"]


def test_serial_callers_are_one_person_each(items: list[Item], truth: dict[str, Any]) -> None:
    by_id = {item.native_id: item.payload for item in items}
    assert truth["serial_callers"]
    for serial in truth["serial_callers"]:
        assert len({by_id[native_id].speaker for native_id in serial["native_ids"]}) == 1
        assert len({by_id[native_id].place for native_id in serial["native_ids"]}) == 1


def test_shocks_lie_in_the_period(truth: dict[str, Any]) -> None:
    assert truth["shocks"]
    for shock in truth["shocks"]:
        assert "2026-09-26" <= shock["start"] <= shock["end"] <= "2026-11-24"
        assert 1 < shock["height"] <= 4


@pytest.mark.slow
def test_ratings_follow_the_offices_quality() -> None:
    made = simulate(seed=3, days=45, per_day=160, end=date(2026, 6, 30), events=0)
    ratings: dict[str, list[int]] = {}
    for item in made.items():
        if item.payload.rating and item.payload.status != Status.REFUSED:
            ratings.setdefault(item.payload.department or "", []).append(item.payload.rating)
    true = {unit["unit"]: unit["satisfaction"] for unit in made.truth["units"]}
    assert set(ratings) <= set(true)
    many = [unit for unit, given in ratings.items() if len(given) >= 20]
    assert len(many) >= 20
    means = [np.mean(ratings[unit]) for unit in many]
    assert np.corrcoef(means, [true[unit] for unit in many])[0, 1] > 0.7
