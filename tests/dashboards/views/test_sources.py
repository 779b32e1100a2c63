from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType
from typing import Any

import pytest

from dashboards.pages import render_sources
from dashboards.views.sources import SourceInput, daily_counts, health_of, sources_view
from indices.civic.silence import Rhythm

DAILY = Rhythm(count=120, span_days=60, longest_days=1, quiet_days=0)


@pytest.mark.parametrize(
    ("quiet", "error", "health", "words"),
    [
        (0, "", "正常", "最近一件在 1 小时前"),
        (1, "", "正常", "最近一件在 1 小时前"),
        (2, "", "迟缓", "连续 2 天没有新件（此前最多 1 天）；按平时应有约 4 件"),
        (3, "", "中断", "连续 3 天没有新件（此前最多 1 天）；按平时应有约 6 件"),
        (60, "", "中断", "连续 60 天没有新件（此前最多 1 天）；按平时应有约 120 件"),
        (61, "", "已停", "已 61 天没有新件；超过 60 天不再提示"),
        (0, "连接被拒", "出错", "连接被拒"),
        (2, "连接被拒", "出错", "连接被拒"),
        (3, "连接被拒", "中断", "连续 3 天没有新件（此前最多 1 天）；按平时应有约 6 件"),
        (61, "连接被拒", "出错", "连接被拒"),
    ],
)
def test_health_in_words(city: ModuleType, quiet: int, error: str, health: str, words: str) -> None:
    last = city.NOW - timedelta(hours=1)
    source = SourceInput("热线", rhythm=replace(DAILY, quiet_days=quiet), last_item=last, last_error=error)
    assert health_of(source, city.NOW) == (health, words)


@pytest.mark.parametrize(("quiet", "health"), [(2, "迟缓"), (3, "中断"), (60, "中断")])
def test_who_sees_a_part_reads_for_how_long_nothing_came_but_no_counts_of_the_whole(
    city: ModuleType, quiet: int, health: str
) -> None:
    source = SourceInput("热线", rhythm=replace(DAILY, quiet_days=quiet), last_item=city.NOW - timedelta(days=9))
    assert health_of(source, city.NOW, part=True) == (health, f"连续 {quiet} 天没有新件")
    view = sources_view([source], now=city.NOW, part="东桥区")
    page = render_sources(view, city.frame("sources", "/sources")).split("<main")[1]
    assert "东桥区" in page
    assert not any(word in page for word in ("收件账", "收到", "入库", "隔离", "按平时"))


def test_a_file_loaded_once_is_never_silent(city: ModuleType) -> None:
    once = Rhythm(count=4_326, span_days=2, longest_days=0, quiet_days=900)
    source = SourceInput("历史", rhythm=once, last_item=city.NOW - timedelta(days=900))
    assert health_of(source, city.NOW) == ("正常", "一次性导入，2024年6月7日 周五")


def test_a_source_that_never_sent_is_not_connected(city: ModuleType) -> None:
    assert health_of(SourceInput("新"), city.NOW)[0] == "未接入"


def test_the_worst_comes_first_and_the_books_balance(city: ModuleType) -> None:
    view = sources_view(city.sources(), now=city.NOW)
    assert [row.health for row in view.rows][:3] == ["中断", "异常", "未接入"]
    assert view.balanced
    assert view.troubled == 2
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
