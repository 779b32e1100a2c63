from __future__ import annotations

from datetime import date
from types import ModuleType
from typing import Any

import pytest

from dashboards.views.hotspots import card_of, daily_chart, empty_sentence, hotspot_view, hotspots_view
from models.labels import Level, Role
from models.viewer import Viewer

DAY = date(2026, 11, 23)
VIEWER = Viewer(name="某人", role=Role.LEADER)


def test_the_list_keeps_the_figures_order_and_names_its_versions(city: ModuleType) -> None:
    view = hotspots_view(city.hotspots(), since=DAY, until=DAY)
    assert [card.figure.level for card in view.cards] == [Level.RED, Level.ORANGE, Level.YELLOW, Level.BLUE]
    assert view.versions == "模型 linear-2026.11，规则 2026.1"
    assert view.n == 2400


def test_an_incident_shows_parts_largest_first_and_leaves_out_nothing_above_zero(city: ModuleType, kept: Any) -> None:
    hotspot = city.hotspot(
        1, Level.ORANGE, "供暖", parts={"burst": 20.0, "novelty": 0.0, "people": 25.0, "new_part": 1.0}
    )
    view = hotspot_view(kept, VIEWER, hotspot, now=city.NOW)
    assert [(part.name, part.value) for part in view.parts] == [("人数", 25.0), ("突增", 20.0), ("new_part", 1.0)]
    assert view.channels == ("热线电话", "信箱")


def test_members_come_through_the_readers_door_only(city: ModuleType, kept: Any) -> None:
    hotspot = city.hotspot(1, Level.ORANGE, "供暖", record_ids=(f"{1:032x}", "ab" * 16, f"{2:032x}"))
    members = hotspot_view(kept, VIEWER, hotspot, now=city.NOW).members
    assert {member.record.id for member in members} == {f"{1:032x}", f"{2:032x}"}
    assert [m.record.created_at for m in members] == sorted((m.record.created_at for m in members), reverse=True)


def test_many_members_are_cut_and_said_to_be(city: ModuleType, kept: Any) -> None:
    hotspot = city.hotspot(1, Level.ORANGE, "供暖", record_ids=tuple(f"{i:032x}" for i in range(60)))
    view = hotspot_view(kept, VIEWER, hotspot, now=city.NOW)
    assert (len(view.members), view.more_members) == (50, 10)


def test_the_chart_marks_its_highest_day(city: ModuleType) -> None:
    hotspot = city.hotspot(1, Level.ORANGE, "供暖")
    chart = daily_chart(hotspot)
    counts = [day.count for day in hotspot.daily]
    assert chart.mark == counts.index(max(counts))
    assert chart.series[1].role == "expected"
    assert daily_chart(city.hotspot(1, Level.BLUE, "无", daily=())).mark is None


def test_a_card_without_place_or_expectation_says_so(city: ModuleType) -> None:
    card = card_of(
        city.hotspot(1, Level.BLUE, "无", places=(), districts=(), expected=0.0, sentences=(), daily=()), city.NOW
    )
    assert (card.place, card.against, card.quotation, card.curve) == ("地点未明", "", None, None)


@pytest.mark.parametrize(
    ("since", "last", "silent", "sentence"),
    [
        (DAY, None, (), "今日无达到阈值的热点。"),
        (date(2026, 11, 17), date(2026, 10, 3), (), "2026年11月17日–23日无达到阈值的热点。上一次出现在 10月3日 周六。"),
        (
            DAY,
            None,
            ("热线工单", "信箱"),
            "今日无达到阈值的热点。注意：热线工单、信箱 没有数据进来，此结论不含这些来源。",
        ),
    ],
)
def test_nothing_to_report_is_an_answer(since: date, last: date | None, silent: tuple[str, ...], sentence: str) -> None:
    assert empty_sentence(since, DAY, last, silent) == sentence
