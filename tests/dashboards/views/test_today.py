from __future__ import annotations

from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest

from dashboards.views.today import today_view
from models.labels import Level

DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def view(city: ModuleType, kept: Any) -> Any:
    return today_view(kept, day=DAY, hotspots=city.hotspots(), today=DAY + timedelta(days=1))


def test_the_headline_says_how_many_against_what_and_what_needs_attention(view: Any) -> None:
    share = 100 * (view.total - view.against_week.against) / view.against_week.against
    assert (
        view.headline
        == f"昨日受理 {view.total} 件，较上周同日 {share:+.1f}%；4 个热点需关注，其中 2 个为橙色以上。".replace(
            "-", "−"
        )
    )


def test_the_headline_withholds_a_percentage_of_few(city: ModuleType) -> None:
    random = city.Random(1)
    kept = city.store(
        [city.record(i, city.day_start(DAY - timedelta(days=7 * (i % 2))), city.ISSUES[0], random) for i in range(8)]
    )
    view = today_view(kept, day=DAY, hotspots=city.no_hotspots(), today=DAY)
    assert view.headline == "今日受理 4 件；今日无达到阈值的热点。"


def test_a_silent_source_is_not_no_hotspot(city: ModuleType, kept: Any) -> None:
    view = today_view(kept, day=DAY, hotspots=city.no_hotspots(("留言板",)))
    assert view.headline.startswith("11月23日受理")
    assert view.headline.endswith("部分来源中断，不能断定没有热点。")
    assert "留言板 没有数据进来" in view.empty


def test_a_day_without_records_says_so(city: ModuleType) -> None:
    view = today_view(city.store([]), day=DAY, hotspots=city.no_hotspots(), last_hotspot=date(2025, 12, 30))
    assert view.headline == "11月23日没有受理记录；无达到阈值的热点。"
    assert view.empty == "今日无达到阈值的热点。上一次出现在 2025年12月30日 周二。"
    assert view.against_week is None
    assert (view.topics, view.units, view.channels) == ((), (), ())


def test_at_most_five_cards_in_the_order_of_the_figure(city: ModuleType, kept: Any) -> None:
    many = city.hotspots()
    many = many.model_copy(update={"hotspots": many.hotspots * 2})
    view = today_view(kept, day=DAY, hotspots=many)
    assert [card.figure for card in view.cards] == list(many.hotspots[:5])


def test_cards_say_what_is_asked_and_what_needs_a_person(view: Any) -> None:
    red, *rest = view.cards
    assert red.figure.level is Level.RED
    assert red.needs_confirmation
    assert red.ask.startswith("30 分钟内确认")
    assert [card.needs_confirmation for card in rest] == [True, False, False]
    assert red.against == f"期望 5.1 件，实际 {red.figure.count} 件"


def test_the_trend_has_28_days_and_an_expectation_for_each(view: Any) -> None:
    assert len(view.trend.x) == 28
    assert view.trend.x[-1] == DAY.isoformat()
    assert view.trend.series[0].values[-1] == view.total
    assert None not in view.trend.series[1].values
    assert view.trend.mark == 27


def test_class_changes_are_against_the_same_weekday(view: Any, kept: Any) -> None:
    row = next(row for row in view.topics if row.topic == "城乡建设")
    assert row.change.value == next(b.count for b in kept.aggregate(_day(DAY), ["topic"]) if b.keys == ("城乡建设",))
    past = [
        b.count
        for k in range(1, 5)
        for b in kept.aggregate(_day(DAY - timedelta(weeks=k)), ["topic"])
        if b.keys == ("城乡建设",)
    ]
    assert row.change.against == sum(past) / 4
    assert [r.surprise for r in view.topics] == sorted((r.surprise for r in view.topics), reverse=True)


def test_units_show_a_rate_only_with_enough(view: Any) -> None:
    rates = [rate for row in view.units for rate in (row.timely, row.returned)]
    assert all(rate.numerator <= rate.denominator for rate in rates)
    few = [rate for rate in rates if not rate.enough]
    assert few
    assert all(str(rate) in (f"样本不足 n={rate.denominator}", "—") for rate in few)


def test_rates_of_units_are_those_of_the_registry(city: ModuleType) -> None:
    """Two screens never count the same thing differently: the only unit's rate is the city's."""
    from indices.civic.metrics import measure

    random = city.Random(2)
    made = [city.record(i, city.day_start(DAY), city.ISSUES[0], random, returns=int(i < 3)) for i in range(40)]
    kept = city.store(made)
    unit = today_view(kept, day=DAY, hotspots=city.no_hotspots()).units[0]
    assert (unit.name, unit.count, str(unit.returned)) == ("生态环境", 40, "7.5%")
    for name, rate in (("timely_rate", unit.timely), ("return_rate", unit.returned)):
        metric = measure(kept, name, _day(DAY))
        assert (metric.numerator, metric.denominator) == (rate.numerator, rate.denominator)


def test_a_district_narrows_every_block(city: ModuleType, kept: Any, view: Any) -> None:
    part = today_view(kept, day=DAY, hotspots=city.hotspots(), district="东桥区")
    assert 0 < part.total < view.total
    assert sum(row.count for row in part.channels) == part.total
    assert part.trend.series[0].values[-1] == part.total


def _day(day: date) -> Any:
    from dashboards.views.counts import window

    return window(day, day)
