"""Times as web pages write them, each meant from the moment of the fetch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.web.times import web_time
from models.clock import CITY_TIME

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)  # half past nine in the city, a Monday


def city(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=CITY_TIME)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("刚刚", city(3, 2, 9, 30)), ("35秒前", NOW - timedelta(seconds=35)), ("3 分钟前", city(3, 2, 9, 27)), ("3小时前", city(3, 2, 6, 30)),
        ("半小时前", city(3, 2, 9)), ("两个小时之前", city(3, 2, 7, 30)), ("2天前", city(2, 28, 9, 30)), ("十二天前", city(2, 18, 9, 30)), ("一周前", city(2, 23, 9, 30)),
        ("今天 08:30", city(3, 2, 8, 30)), ("昨天08:05", city(3, 1, 8, 5)),
        ("前天 下午3点", city(2, 28, 15)), ("昨日", city(3, 1)), ("昨天中午12:10", city(3, 1, 12, 10)),
        ("3月1日 晚上8点20分", city(3, 1, 20, 20)), ("03-02 08:30", city(3, 2, 8, 30)), ("3月5日", city(3, 5, year=2025)), ("12/31", city(12, 31, year=2025)),
        ("2月29日", city(2, 29, year=2024)), ("二〇二五年三月二日", city(3, 2, year=2025)), ("二○二五年十二月三十一日 10:15", city(12, 31, 10, 15, year=2025)),
        ("发布时间：2026-02-27 16:05 来源：市政府网", city(2, 27, 16, 5)), ("[2026/2/7]", city(2, 7)), ("写信日期2026年2月7日 上午9:05", city(2, 7, 9, 5)),
        ("2026-02-27T16:05:33+08:00", city(2, 27, 16, 5) + timedelta(seconds=33)), ("２０２６－０２－２７", city(2, 27)), ("答复于 2026.02.27", city(2, 27)),
        ("1772155500", datetime(2026, 2, 27, 1, 25, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_what_pages_write(text: str, meant: datetime) -> None:
    assert web_time(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "来源：市政府网", "13月40日", "昨天 25:10", "点击 1234 次", "2026年2月30日"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        web_time(text, NOW)


@given(st.integers(1, 400), st.sampled_from(["秒", "分钟", "小时", "天", "周", "个月"]))
def test_what_was_ago_is_never_in_the_future_and_rises_with_its_number(count: int, unit: str) -> None:
    one, more = web_time(f"{count}{unit}前", NOW), web_time(f"{count + 1}{unit}前", NOW)
    assert more < one < NOW


@given(st.datetimes(datetime(2001, 1, 1), datetime(2026, 3, 2, 9)))  # noqa: DTZ001 - the city's own clock
def test_a_whole_date_is_itself_whatever_stands_around_it(moment: datetime) -> None:
    meant = moment.replace(second=0, microsecond=0, tzinfo=CITY_TIME)
    for form in (
        f"时间：{moment:%Y-%m-%d %H:%M} 浏览 17 次",
        f"{moment.year}年{moment.month}月{moment.day}日{moment:%H:%M}",
    ):
        assert web_time(form, NOW) == meant


@given(st.integers(1, 12), st.integers(1, 28))
def test_without_a_year_it_is_the_latest_that_is_past(month: int, day: int) -> None:
    found = web_time(f"{month}月{day}日", NOW)
    assert found <= NOW.astimezone(CITY_TIME)
    assert NOW - found < timedelta(days=367)
