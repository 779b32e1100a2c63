"""The rules of health, one by one, on sources whose days are written by hand; how often they are right is measured by `minsheng bench health`."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.collection.days import FIELDS, Day
from indices.collection.health import DIMENSIONS, Expectation, _at_most, expect, judge, judge_all

TODAY = date(2026, 3, 20)  # a Friday


def a_day(items: int, **changes: object) -> Day:
    filled = dict.fromkeys(FIELDS, items * 9 // 10)
    values = {
        "items": items,
        "stored": items,
        "timely": items,
        "consistent": items,
        "proper": items,
        "delay_hours": 2.0 * items,
        "fields": filled,
    }
    return Day(**{**values, **changes})  # type: ignore[arg-type]


def source(mean: int = 100, days: int = 60, seed: int = 1) -> dict[date, Day]:
    draw = Random(seed)
    return {TODAY - timedelta(days=n): a_day(round(mean * draw.uniform(0.9, 1.1))) for n in range(1, days)}


def state(days: dict[date, Day], today: Day | None, **told: object) -> tuple[str, str]:
    found = judge({**days, **({TODAY: today} if today else {})}, TODAY, **told)  # type: ignore[arg-type]
    return found.state, found.reason


def test_a_day_like_the_others_is_in_order() -> None:
    assert state(source(), a_day(98))[0] == "正常"
    assert state(source(), a_day(180))[0] == "正常", "a storm is the city's"


def test_nothing_from_a_large_source_is_broken_with_how_much_is_missing_and_why() -> None:
    assert state(source(), None) == ("中断", "连续 1 天没有一件，按平时应有约 99 件")
    assert state(source(), None, failing="MS108 取不到")[1].endswith("上次运行失败：MS108 取不到")
    days = {day: one for day, one in source().items() if day < TODAY - timedelta(days=4)}
    assert state(days, None)[1].startswith("连续 5 天没有一件，按平时应有约 499 件")


def test_nothing_from_a_small_source_is_quiet_until_it_lasts() -> None:
    draw = Random(3)
    days = {TODAY - timedelta(days=n): a_day(draw.choice((0, 1, 1, 2, 2, 3))) for n in range(1, 60)}
    assert state(days, a_day(0))[0] == "安静"
    gone = {day: one for day, one in days.items() if day < TODAY - timedelta(days=9)}
    assert state(gone, None)[0] == "中断"


def test_less_than_half_is_odd_unless_the_whole_city_is_calm() -> None:
    assert state(source(), a_day(30)) == ("异常", "收到 30 件，只有应有约 99 件的 30%")
    assert state(source(), a_day(30), beside=1.0)[0] == "异常"
    found, why = state(source(), a_day(38), beside=0.4)
    assert found == "安静"
    assert "是全市都少" in why


def test_what_is_calm_everywhere_is_calm_and_what_is_broken_alone_is_broken() -> None:
    days = {f"来源{n}": source(seed=n) for n in range(6)}
    for own in days.values():
        own[TODAY] = a_day(40)
    assert {one.state for one in judge_all(days, TODAY).values()} == {"安静"}
    del days["来源0"][TODAY]
    found = judge_all(days, TODAY)
    assert found["来源0"].state == "中断"
    assert found["来源1"].state == "安静"


def test_holidays_are_expected_to_be_calm() -> None:
    draw, days = Random(4), {}
    for n in range(1, 60):
        day = date(2026, 10, 1) - timedelta(days=n)
        days[day] = a_day(round(draw.uniform(0.9, 1.1) * (100 if day.weekday() < 5 else 30)))
    national_day = expect(days, date(2026, 10, 1))  # a Thursday
    working_day = expect(days, date(2026, 9, 30))
    assert national_day is not None
    assert working_day is not None
    assert national_day.mean < 0.5 * working_day.mean


def test_a_new_level_is_accepted_after_a_week() -> None:
    days = source()
    for n in range(1, 8):
        days[TODAY - timedelta(days=n)] = a_day(40)
    expected = expect(days, TODAY)
    assert expected is not None
    assert expected.shifted
    assert state(days, a_day(41))[0] == "正常"
    assert "换了水平" in state(days, a_day(41))[1]


def test_a_week_of_nothing_is_no_new_level() -> None:
    days = {day: one for day, one in source().items() if day < TODAY - timedelta(days=9)}
    assert state(days, None)[0] == "中断"


def test_a_day_delivered_twice_is_odd() -> None:
    twice = a_day(200, duplicate=100)
    assert state(source(), twice) == ("异常", "200 件里 50% 重复收到，平时 0%")
    days = {day: a_day(100, duplicate=60) for day in source()}
    assert state(days, a_day(100, duplicate=62))[0] == "正常", "of a source that always repeats itself nothing is odd"


def test_a_flood_into_quarantine_is_odd() -> None:
    assert "进了隔离" in state(source(), a_day(100, quarantined=50))[1]


@pytest.mark.parametrize("field", ["reply", "district", "rating"])
def test_a_field_that_vanished_is_named(field: str) -> None:
    names = {"reply": "答复", "district": "区县", "rating": "评价"}
    today = a_day(100)
    gone = a_day(100, fields={**today.fields, field: 0})
    found, why = state(source(), gone)
    assert found == "异常"
    assert f"{names[field]}只有 0% 填写" in why
    assert why.count("填写") == 1


def test_late_is_late_and_a_failed_run_is_told() -> None:
    assert state(source(), a_day(100, delay_hours=6_000.0)) == ("迟缓", "从发生到收到平均 60 小时，平时 2 小时")
    assert state(source(), a_day(100), failing="MS108 取不到") == ("迟缓", "上次运行失败：MS108 取不到")


def test_a_site_that_was_rebuilt_is_seen_from_its_pages() -> None:
    assert "站点可能改版" in state(source(), a_day(80, problems=60, requests=100))[1]


def test_of_a_young_source_nothing_is_expected() -> None:
    assert state(source(days=10), None)[0] == "未满"
    assert judge({}, TODAY).state == "未满"
    assert expect({}, TODAY) is None


def test_a_file_of_years_in_one_day_makes_no_source_that_died() -> None:
    days = {TODAY - timedelta(days=40): a_day(80_000)}
    assert state(days, None)[0] == "正常"


def test_the_six_dimensions_are_shares_of_what_came() -> None:
    days = {TODAY: a_day(100, duplicate=10, quarantined=5, timely=80, consistent=99, proper=100)}
    quality = judge(days, TODAY).quality
    assert tuple(quality) == DIMENSIONS
    assert quality == {"完整": pytest.approx(0.9), "准确": 0.95, "一致": 0.99, "及时": 0.8, "唯一": 0.9, "规范": 1.0}
    assert set(judge({}, TODAY).quality.values()) == {None}


@given(st.dictionaries(st.integers(0, 80), st.integers(0, 500), max_size=80))
def test_every_history_has_an_answer(counts: dict[int, int]) -> None:
    days = {TODAY - timedelta(days=n): a_day(items) for n, items in counts.items()}
    found = judge(days, TODAY, beside=0.5)
    assert found.reason
    assert found.state in ("正常", "迟缓", "安静", "异常", "中断", "未满")


@given(
    mean=st.floats(0.1, 2_000),
    variance=st.floats(0.01, 1.0),
    count=st.integers(0, 3_000),
    share=st.sampled_from([0.05, 0.5, 0.95]),
)
def test_chances_are_those_of_the_negative_binomial(mean: float, variance: float, count: int, share: float) -> None:
    from scipy.stats import nbinom

    one, size = Expectation(mean, variance), 1 / variance
    assert one.at_most(count) == pytest.approx(nbinom.cdf(count, size, size / (size + mean)), abs=1e-9)
    assert abs(one.quantile(share) - nbinom.ppf(share, size, size / (size + mean))) <= 1


@given(n=st.integers(1, 500), count=st.integers(-1, 500), share=st.floats(0.01, 0.99))
def test_and_of_the_binomial(n: int, count: int, share: float) -> None:
    from scipy.stats import binom

    assert _at_most(count, n, share) == pytest.approx(binom.cdf(count, n, share), abs=1e-9)
