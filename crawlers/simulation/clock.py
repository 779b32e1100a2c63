"""Office hours and working days of the simulated city, in Unix seconds; fast, because every order asks several times."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from crawlers.simulation.seasons import day_kind

DAY: Final = 86_400
HOUR: Final = 3_600
UTC_OFFSET: Final = 8 * HOUR
OPENS, SHUTS = 8 * HOUR + HOUR // 2, 17 * HOUR + HOUR // 2
_EPOCH: Final = date(1970, 1, 1)


@lru_cache(maxsize=8192)
def working(day: int) -> bool:
    """Whether a day (days since 1970, the city's calendar) is a working day."""
    return day_kind(_EPOCH + timedelta(days=day)).working


@lru_cache(maxsize=65_536)
def working_day_after(day: int, count: int) -> int:
    """The `count`-th working day after `day`; 0: `day` itself or the next working day."""
    while not working(day):
        day += 1
    for _ in range(count):
        day += 1
        while not working(day):
            day += 1
    return day


def midnight(day: date) -> int:
    """The instant at which a city day begins."""
    return (day - _EPOCH).days * DAY - UTC_OFFSET


def add_working_days(instant: int, count: int) -> int:
    """The same time of day, `count` working days later."""
    day, second = divmod(instant + UTC_OFFSET, DAY)
    return working_day_after(day, count) * DAY + second - UTC_OFFSET


def office(instant: int, seconds: float = 0.0) -> int:
    """The instant after `seconds` of office time from `instant` (working days, 8:30–17:30)."""
    day, second = divmod(instant + UTC_OFFSET, DAY)
    open_day = working_day_after(day, 0)
    second = max(OPENS, second) if open_day == day else OPENS
    whole, rest = divmod(int(seconds), SHUTS - OPENS)
    if second >= SHUTS:
        open_day, second = working_day_after(open_day, 1), OPENS
    second += rest
    if second > SHUTS:
        whole, second = whole + 1, second - SHUTS + OPENS
    return working_day_after(open_day, whole) * DAY + second - UTC_OFFSET


def waking(instant: int) -> int:
    """The instant itself, or seven in the morning where it falls between 22:00 and 7:00 (the dispatch desk's night)."""
    day, second = divmod(instant + UTC_OFFSET, DAY)
    if second < 7 * HOUR:
        return day * DAY + 7 * HOUR + second % HOUR - UTC_OFFSET
    if second >= 22 * HOUR:
        return (day + 1) * DAY + 7 * HOUR + second % HOUR - UTC_OFFSET
    return instant
