"""An episode ends after days without a hotspot, not at a dip; what bursts after that alerts again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from indices.alerts.life import steps_of, take_step
from indices.alerts.quiet import QUIET_DAYS, settle
from indices.civic.alerts import alert_episodes, alert_members, alerts, list_alerts, record_alerts
from indices.database import writing
from models.clock import CITY_TIME
from models.figures import Hotspot, Hotspots, Source
from models.labels import Level
from models.query import Query

START = datetime(2026, 9, 8, 15, tzinfo=CITY_TIME)


def on(day: int) -> datetime:
    return START + timedelta(days=day)


def figure(day: int, level: Level | None, *, hours: float = 1.0) -> Hotspots:
    """The figure of a day: the incident at a level (NONE: unusual, no more), or without it."""
    at = on(day)
    one: dict[str, Any] = {
        "rank": 1, "title": "柳堤路路灯不亮", "heat": 80, "parts": {}, "count": 9, "people": 8, "first": at, "last": at,
        "places": ("柳堤路",), "topic": "城乡建设", "level": level, "members": ("1",), "sentences": (), "key": "k1",
        "record_ids": ("r1", f"r{day + 10}"), "rule": "突增 2 → 黄色预警",
    }  # fmt: skip
    source = Source(query=Query(since=at - timedelta(days=7), until=at + timedelta(hours=hours)), n=9, computed_at=at)
    return Hotspots(hotspots=(Hotspot.model_validate(one),) if level else (), source=source)


def look(state: Engine, day: int, level: Level | None) -> list[Level]:
    found = figure(day, level)
    raised = record_alerts(state, found, at=on(day))
    settle(state, found, at=on(day))
    return [one.level for one in raised]


def test_a_dip_ends_nothing_and_days_of_quiet_do(state: Engine) -> None:
    said = [look(state, day, level) for day, level in enumerate(
        (Level.YELLOW, None, Level.NONE, None, None, Level.YELLOW, None, None, None, None, None, Level.YELLOW, Level.YELLOW)
    )]  # fmt: skip
    assert [day for day, levels in enumerate(said) if levels] == [0, 11]
    assert len({one.id for one in list_alerts(state)}) == 2


def test_what_somebody_took_up_is_closed_and_what_nobody_saw_stays(state: Engine) -> None:
    look(state, 0, Level.YELLOW)
    look(state, 1, Level.ORANGE)
    seen, unseen = sorted(list_alerts(state), key=lambda one: one.level != Level.YELLOW)
    take_step(state, seen.id, "acknowledge", "王", at=on(1))
    for day in range(2, 3 + QUIET_DAYS):
        look(state, day, None)
    states = {one.id: one.state for one in list_alerts(state)}
    assert states == {seen.id: "closed", unseen.id: "raised"}
    assert steps_of(state, seen.id)[-1].note == "回落：连续 3 天不再是热点"
    assert steps_of(state, seen.id)[-1].who == "clock"


def test_a_figure_of_another_day_says_nothing_of_today(state: Engine) -> None:
    look(state, 0, Level.YELLOW)
    for day in range(1, 10):
        assert settle(state, figure(0, None), at=on(day)) == 0
    assert look(state, 10, Level.YELLOW) == []


@pytest.mark.parametrize("times", [1, 24])
def test_looking_every_hour_is_no_more_days(state: Engine, times: int) -> None:
    look(state, 0, Level.YELLOW)
    ended = [sum(settle(state, figure(day, None), at=on(day)) for _ in range(times)) for day in range(1, 8)]
    assert ended == [0, 0, 0, 1, 0, 0, 0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([None, Level.NONE, Level.BLUE, Level.YELLOW, Level.ORANGE]), min_size=1, max_size=16))
def test_one_alert_a_level_in_each_episode(state: Engine, days: list[Level | None]) -> None:
    with writing(state) as connection:
        for table in (alert_episodes, alert_members, alerts):
            connection.execute(delete(table))
    order = [Level.NONE, Level.BLUE, Level.YELLOW, Level.ORANGE]
    highest, quiet, expected, said = 0, 0, [], []
    for day, level in enumerate(days):
        said.append(look(state, day, level))
        rank = order.index(level) if level else 0
        expected.append([order[rank]] if rank > highest else [])
        highest = max(highest, rank)
        quiet = 0 if level else quiet + bool(highest)
        if quiet > QUIET_DAYS:
            highest = quiet = 0
    assert said == expected
