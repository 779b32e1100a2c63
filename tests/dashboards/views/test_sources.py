from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest

from dashboards.views.sources import SourceInput, daily_counts, health_of, silent, sources_view

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("quiet", "error", "health"),
    [
        (HOUR, "", "正常"),
        (1.4 * HOUR, "", "正常"),
        (1.6 * HOUR, "", "迟缓"),
        (3.1 * HOUR, "", "中断"),
        (HOUR, "连接被拒", "出错"),
        (4 * HOUR, "连接被拒", "中断"),
    ],
)
def test_health_in_words(city: ModuleType, quiet: timedelta, error: str, health: str) -> None:
    source = SourceInput("热线", usual_gap=HOUR, last_item=city.NOW - quiet, last_error=error)
    assert health_of(source, city.NOW)[0] == health


def test_a_file_loaded_once_is_never_silent(city: ModuleType) -> None:
    source = SourceInput("历史", usual_gap=None, last_item=city.NOW - timedelta(days=900))
    assert health_of(source, city.NOW) == ("正常", "一次性导入，2024年6月7日 周五")


def test_a_source_that_never_sent_is_not_connected(city: ModuleType) -> None:
    assert health_of(SourceInput("新"), city.NOW)[0] == "未接入"


def test_silence_says_how_long_and_what_is_usual(city: ModuleType) -> None:
    source = SourceInput("热线", usual_gap=HOUR, last_item=city.NOW - timedelta(days=3))
    assert health_of(source, city.NOW)[1] == "已 3 天没有新件（通常不超过 1 小时）"
    assert silent([source, SourceInput("信箱", title="网上信箱", last_item=city.NOW)], city.NOW) == ("热线",)


def test_the_worst_comes_first_and_the_books_balance(city: ModuleType) -> None:
    view = sources_view(city.sources(), now=city.NOW)
    assert [row.health for row in view.rows][:3] == ["中断", "未接入", "正常"]
    assert view.balanced
    assert view.troubled == 1
    assert view.totals["received"] == sum(source.received for source in city.sources())


def test_books_that_do_not_balance_are_shown(city: ModuleType) -> None:
    sources = city.sources()
    view = sources_view([replace(sources[0], received=sources[0].received + 3), *sources[1:]], now=city.NOW)
    assert not view.balanced
    assert view.difference == 3
    assert [row.balanced for row in view.rows if row.source.name == "热线工单"] == [False]


def test_curves_hold_28_days_of_each_source(city: ModuleType, kept: Any) -> None:
    daily = daily_counts(kept, date(2026, 11, 23))
    assert set(daily) == {"热线工单", "网上信箱", "留言板"}
    assert all(len(row) == 28 for row in daily.values())
    view = sources_view(city.sources(), now=city.NOW, daily=daily)
    shown = {row.name: row for row in view.rows}
    assert shown["热线工单"].month == sum(daily["热线工单"]) > 0
    assert shown["微信公众号"].curve is None


def test_no_source_says_how_to_connect_one(city: ModuleType) -> None:
    view = sources_view([], now=city.NOW)
    assert view.rows == ()
    assert "minsheng ingest" in view.empty
