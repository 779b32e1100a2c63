from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.simulation.clock import OPENS, SHUTS, UTC_OFFSET, add_working_days, midnight, office, waking, working
from models.clock import CITY_TIME, day_start

INSTANTS = st.integers(midnight(date(2025, 1, 1)), midnight(date(2026, 12, 1)))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=CITY_TIME).timestamp())


def told(instant: int) -> str:
    return datetime.fromtimestamp(instant, CITY_TIME).strftime("%Y-%m-%d %H:%M")


def test_midnight_is_the_city_s() -> None:
    assert midnight(date(2026, 3, 1)) == day_start(date(2026, 3, 1)).timestamp()


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-20 10:00", 1, "2026-11-23 10:00"),  # Friday → Monday
        ("2026-11-21 10:00", 1, "2026-11-24 10:00"),  # Saturday counts from Monday
        ("2025-09-30 09:00", 1, "2025-10-09 09:00"),  # the National Day week
        ("2025-09-26 09:00", 1, "2025-09-28 09:00"),  # a make-up Sunday is a working day
        ("2026-11-23 10:00", 0, "2026-11-23 10:00"),
    ],
)
def test_working_days_know_the_holidays(start: str, days: int, end: str) -> None:
    assert told(add_working_days(at(start), days)) == end


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-23 10:00", 2, "2026-11-23 12:00"),
        ("2026-11-23 16:30", 2, "2026-11-24 09:30"),
        ("2026-11-23 06:00", 0, "2026-11-23 08:30"),
        ("2026-11-20 18:00", 1, "2026-11-23 09:30"),
        ("2026-11-22 12:00", 18, "2026-11-24 17:30"),
    ],
)
def test_office_time(start: str, hours: float, end: str) -> None:
    instant = office(at(start), hours * 3_600)
    assert told(instant) == end or told(instant) == "2026-11-25 08:30"


@given(INSTANTS, st.floats(0, 40 * 3_600))
def test_office_never_answers_outside_its_hours(instant: int, seconds: float) -> None:
    day, second = divmod(office(instant, seconds) + UTC_OFFSET, 86_400)
    assert working(day)
    assert OPENS <= second <= SHUTS
    assert office(instant, seconds) >= instant + min(seconds, 1) - 1
    assert office(instant, seconds + 60) >= office(instant, seconds)


@given(INSTANTS)
def test_the_desk_sleeps(instant: int) -> None:
    moved = waking(instant)
    hour = ((moved + UTC_OFFSET) % 86_400) // 3_600
    assert 7 <= hour < 22
    assert instant <= moved <= instant + timedelta(hours=10).total_seconds()
