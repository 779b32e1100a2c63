from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from indices.civic.workdays import is_workday, workdays_between

DAYS = st.dates(date(2004, 1, 1), date(2030, 12, 31))


def test_holidays_and_make_up_days_of_the_calendar() -> None:
    # 2018: the Spring Festival from 15 to 21 February, 11 and 24 February worked for it
    assert not is_workday(date(2018, 2, 15))
    assert is_workday(date(2018, 2, 11))
    assert is_workday(date(2018, 2, 24))
    # 11 (a Sunday), 12, 13, 14, 22, 23, 24 (a Saturday), 26
    assert workdays_between(date(2018, 2, 9), date(2018, 2, 26)) == 8
    assert workdays_between(date(2018, 3, 2), date(2018, 3, 2)) == 0
    assert workdays_between(date(2018, 3, 2), date(2018, 3, 5)) == 1


@given(DAYS, st.integers(0, 400))
def test_counted_one_by_one(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    assert workdays_between(first, last) == sum(is_workday(first + timedelta(days=one + 1)) for one in range(days))
    assert workdays_between(last, first) == -workdays_between(first, last)
