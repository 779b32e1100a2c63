"""The clock of offices: how many working days lie between two days, by the Chinese calendar with its holidays and make-up days."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_FRIDAY = 4


@cache
def is_workday(day: date) -> bool:
    """Whether offices work: holidays and make-up days of the Chinese calendar; Monday to Friday in years that it does not know yet."""
    import chinese_calendar

    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() <= _FRIDAY


def workdays_between(first: date, last: date) -> int:
    """Working days after `first` up to and including `last`; negative where `last` comes before: 0 on the same day, 1 on the next working day."""
    if last < first:
        return -workdays_between(last, first)
    return _since(last) - _since(first)


@cache
def _since(day: date) -> int:
    """Working days of the year up to and including a day, and of all years before it since 2000."""
    begin = date(day.year, 1, 1)
    before = _year(day.year - 1) if day.year > _FIRST else 0
    return before + sum(is_workday(begin + timedelta(days=one)) for one in range((day - begin).days + 1))


_FIRST = 2000


@cache
def _year(year: int) -> int:
    return _since(date(year, 12, 31))
