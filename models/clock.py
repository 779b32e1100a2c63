"""Time as the city sees it. China has one time zone; instants are kept as UTC, days are the city's days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CITY_TIME = ZoneInfo("Asia/Shanghai")


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
