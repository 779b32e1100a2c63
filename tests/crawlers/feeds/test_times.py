from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.feeds.times import parse_time
from models.clock import CITY_TIME

EIGHT_O_FIVE = datetime(2019, 7, 5, 8, 5, tzinfo=CITY_TIME)


@pytest.mark.parametrize(
    "text",
    [
        "2019/7/5 8:05:00", "2019-07-05 08:05", "2019.7.5 8:5", "2019年7月5日8时5分", "2019年07月05日 8:05", "2019-07-05T08:05:00+08:00",
        "2019-07-05T00:05:00Z", "20190705080500", "201907050805", "２０１９－７－５　８：０５", "2019/7/5 上午8:05", "2019-7-5 8:05 AM",
        "2019年7月5日 星期五 8点5分", "2019-07-05 08:05:00.123", " 2019/7/5  8:05 ", "43651.33680555555", "1562285100", "1562285100000",
    ],
)  # fmt: skip
def test_the_same_instant_in_many_forms(text: str) -> None:
    assert parse_time(text) == EIGHT_O_FIVE


@pytest.mark.parametrize(
    "value",
    [
        43651.33680555555,
        1562285100,
        1562285100000.0,
        datetime(2019, 7, 5, 8, 5),  # noqa: DTZ001 - the city's time is meant
        datetime(2019, 7, 5, 0, 5, tzinfo=UTC),
    ],
)
def test_numbers_and_datetimes(value: object) -> None:
    assert parse_time(value) == EIGHT_O_FIVE


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2019-7-5 下午3:00", 15),
        ("2019-7-5 3:00 PM", 15),
        ("2019-7-5 中午12:00", 12),
        ("2019-7-5 中午11:30", 11),
        ("2019年7月5日 中午1点", 13),
        ("2019-7-5 凌晨12:30", 0),
        ("2019-7-5 晚上9点", 21),
    ],
)
def test_halves_of_the_day(text: str, hour: int) -> None:
    assert parse_time(text).hour == hour


def test_twelve_in_the_night_ends_the_day() -> None:
    assert parse_time("2019年7月5日 晚上12点30分") == datetime(2019, 7, 6, 0, 30, tzinfo=CITY_TIME)


def test_a_day_alone_begins_at_midnight_of_the_city() -> None:
    assert (
        parse_time("2019-07-05")
        == parse_time("20190705")
        == parse_time("2019年7月5日")
        == datetime(2019, 7, 5, tzinfo=CITY_TIME)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "昨天",
        "2019-13-01",
        "2019-02-30",
        "2019-7-5 25:00",
        "12345",
        "7/5/2019",
        "2019",
        "0",
        "-1",
        "nan",
        "1e300",
        "0001-01-01",
        "2019-07-05T08:05:00+99:00",
    ],
)
def test_what_is_no_time_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"[时日期数字]"):
        parse_time(text)


@given(st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_what_python_writes_is_read_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for text in (moment.isoformat(), moment.strftime("%Y/%m/%d %H:%M:%S"), moment.strftime("%Y年%m月%d日%H时%M分%S秒")):
        assert parse_time(text) == moment.replace(tzinfo=CITY_TIME)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text).tzinfo
