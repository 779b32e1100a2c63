from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dashboards import formats
from dashboards.formats import Change

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("value", "decimals", "text"), [(1842, 0, "1,842"), (0, 0, "0"), (76.25, 1, "76.2"), (None, 0, "—"), (-3, 0, "-3")]
)
def test_number_separates_thousands_and_says_when_nothing_is_known(
    value: float | None, decimals: int, text: str
) -> None:
    assert formats.number(value, decimals) == text


def test_percent_has_one_decimal_and_needs_a_whole() -> None:
    assert formats.percent(1, 3) == "33.3%"
    assert formats.percent(0, 3) == "0.0%"
    assert formats.percent(1, 0) == "—"


@pytest.mark.parametrize(("value", "text"), [(12, "+12"), (-3.2, "−3"), (0, "0"), (0.2, "0"), (-1234, "−1,234")])
def test_signed_never_signs_a_zero(value: float, text: str) -> None:
    assert formats.signed(value) == text


def test_interval_is_written_as_the_trade_writes_it() -> None:
    assert formats.interval(76.2, 74.8, 77.5) == "76.2（74.8–77.5）"
    assert formats.interval(76.2, None, None) == "76.2"
    assert formats.interval(None, None, None) == "—"


def test_days_carry_their_weekday() -> None:
    assert formats.day(DAY) == "11月24日 周二"
    assert formats.day(DAY, year=True) == "2026年11月24日 周二"


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (DAY, "2026年11月24日"),
        (date(2026, 11, 1), "2026年11月1日–24日"),
        (date(2026, 10, 1), "2026年10月1日–11月24日"),
        (date(2025, 12, 31), "2025年12月31日–2026年11月24日"),
    ],
)
def test_span_repeats_only_what_changes(first: date, text: str) -> None:
    assert formats.span(first, DAY) == text


def test_moments_are_in_the_citys_time() -> None:
    late = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)
    assert formats.moment(late) == "11月24日 01:05"
    assert formats.full_moment(late) == "2026-11-24 01:05"
    assert formats.moment(None) == formats.full_moment(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 秒"), (59, "59 秒"), (61, "1 分钟"), (7200, "2 小时"), (47 * 3600, "47 小时"), (49 * 3600, "2 天")],
)
def test_elapsed_uses_one_unit(seconds: int, text: str) -> None:
    assert formats.elapsed(timedelta(seconds=seconds)) == text


def test_change_names_its_basis_and_its_share() -> None:
    assert str(Change(162, 150, "较上周同日")) == "较上周同日 +12（+8.0%）"
    assert str(Change(138, 150, "较上周同日")) == "较上周同日 −12（−8.0%）"
    assert str(Change(150, 150, "较上周同日")) == "与上周同日持平"


def test_change_withholds_the_percentage_of_a_small_number() -> None:
    change = Change(9, 3, "较上周同日")
    assert change.share is None
    assert str(change) == "较上周同日 +6"
