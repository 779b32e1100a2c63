"""Time as the city sees it. China has one time zone; instants are kept as UTC, days are the city's days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

CITY_TIME = ZoneInfo("Asia/Shanghai")
_NUMBER: Final = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def city_day(instant: datetime) -> date:
    """The city's calendar day of an aware instant."""
    return instant.astimezone(CITY_TIME).date()


def day_start(day: date) -> datetime:
    """The aware instant at which a city day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=CITY_TIME)


def week_start(day: date) -> date:
    """Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


def no_number(moment: object) -> object:
    """The argument of a date or instant as it is, unless it is a number.

    20260301 would be taken for seconds since 1970, and be a day in August of that year.

    Raises:
        ValueError: it is a number, or a text that holds nothing else.
    """
    if isinstance(moment, int | float) or (isinstance(moment, str) and _NUMBER.fullmatch(moment.strip())):
        raise ValueError("日期应写成 2026-03-01 或 2026-03-01T08:30:00+08:00 这样的形式，不能是一个数")
    return moment
