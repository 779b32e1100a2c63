from __future__ import annotations

from types import ModuleType

import pytest

from dashboards.pages import render_satisfaction
from dashboards.views.satisfaction import satisfaction_view


def test_units_with_too_little_come_last_and_are_never_ranked(city: ModuleType) -> None:
    view = satisfaction_view(city.index("district"))
    status = [line.figure.status for line in view.lines]
    assert status == ["ok"] * 4 + ["not_ranked", "样本不足"]
    values = [line.figure.value for line in view.lines if line.figure.status == "ok"]
    assert values == sorted(values, reverse=True)
    assert (view.lines[-1].note, view.lines[-1].bar, view.lines[-1].tier) == ("样本不足，n=7", None, "")
    assert view.lines[-2].note == "不排名：区间过宽"
    assert view.too_few == 1


def test_a_unit_is_above_or_below_only_with_its_whole_interval(city: ModuleType) -> None:
    index = city.index("district")
    rows = (city.row("甲", 80.0, 3.0, 90), city.row("乙", 72.0, 3.0, 90), city.row("丙", 60.0, 3.0, 90))
    view = satisfaction_view(index.model_copy(update={"rows": rows}))
    assert [line.tier for line in view.lines] == ["高于全市", "与全市无显著差别", "低于全市"]


@pytest.mark.parametrize(
    ("place", "whose", "named"),
    [
        ("全市", "全市", "全市"),
        ("东桥区", "东桥区", "东桥区"),
        ("东桥区、白石县", "可见区县", "可见区县（东桥区、白石县）"),
    ],
)
def test_a_unit_is_compared_with_whose_numbers_these_are(city: ModuleType, place: str, whose: str, named: str) -> None:
    index = city.index("department")
    rows = (city.row("城管", 80.0, 3.0, 90), city.row("公用", 72.0, 3.0, 90), city.row("交警", 60.0, 3.0, 90))
    view = satisfaction_view(index.model_copy(update={"rows": rows}), place=place)
    assert [line.tier for line in view.lines] == [f"高于{whose}", f"与{whose}无显著差别", f"低于{whose}"]
    page = render_satisfaction(view, city.frame("satisfaction", "/satisfaction"))
    main = page.split("<main")[1]
    assert f"与{whose}相比" in main
    assert f"细竖线为{named}整体 71.4" in main
    assert ("全市" in main.split('id="table-title"')[1]) == (place == "全市")


def test_what_is_all_there_is_is_not_compared_with_itself(city: ModuleType) -> None:
    index = city.index("district")
    only = index.overall.model_copy(update={"key": "东桥区", "value": 90.0, "low": 89.0, "high": 91.0})
    assert satisfaction_view(index.model_copy(update={"rows": (only,)}), place="东桥区").lines[0].tier == ""


def test_weeks_stay_in_time_and_draw_the_trend(city: ModuleType) -> None:
    view = satisfaction_view(city.index("week"))
    assert [line.figure.key for line in view.lines] == sorted(line.figure.key for line in view.lines)
    assert view.trend
    assert not view.trend.zero
    assert view.trend.band
    assert len(view.trend.band.low) == len(view.trend.x) == 12
    assert view.lines[0].name.endswith(" 起")


def test_a_week_with_too_little_is_a_gap(city: ModuleType) -> None:
    weekly = city.index("week")
    weekly = weekly.model_copy(update={"rows": (*weekly.rows[:3], city.row("2026-12-07", None, 0, 4))})
    view = satisfaction_view(city.index(), weekly=weekly)
    assert view.trend
    assert view.trend.series[0].values[-1] is None
    assert view.trend.labels[-1] == "12/7"


def test_the_citys_line_lies_on_the_scale(city: ModuleType) -> None:
    view = satisfaction_view(city.index("district"))
    start, end = view.scale
    assert view.overall_at == pytest.approx(100 * (71.4 - start) / (end - start), abs=0.01)
    assert view.overall_words == "71.4（70.5–72.3）"


def test_heat_cells_say_too_few_instead_of_a_colour(city: ModuleType) -> None:
    cells = [cell for cell in city.cells() if (cell.unit, cell.n) != ("白石县", 5) or cell.week == city.cells()[1].week]
    view = satisfaction_view(city.index(), cells=cells)
    rows = {row.name: row.cells for row in view.heat}
    assert len(view.heat_head) == 12
    assert all(len(row) == 12 for row in rows.values())
    assert (rows["白石县"][1].step, rows["白石县"][1].note) == (-1, "样本不足，n=5")
    assert (rows["白石县"][3].step, rows["白石县"][3].note) == (-1, "样本不足，n=0"), "a week without any rating"
    values = [cell.value for cell in cells if cell.unit == "东桥区"]
    assert [tile.value for tile in rows["东桥区"]] == values
    assert [tile.step for tile in rows["东桥区"]] == [
        sum(value >= s for s in (50, 60, 65, 70, 75, 80, 85)) for value in values
    ]


def test_a_heat_map_that_would_be_mostly_empty_is_left_out_and_the_map_stays(city: ModuleType) -> None:
    few = [cell.model_copy(update={"value": None}) if number % 2 else cell for number, cell in enumerate(city.cells())]
    assert sum(cell.value is None for cell in few) == 36
    assert satisfaction_view(city.index(), cells=few).heat
    few[0] = few[0].model_copy(update={"value": None})
    one = [cell for cell in city.cells() if cell.unit == "东桥区"]
    for cells in (few, one, []):
        view = satisfaction_view(city.index(), cells=cells)
        assert (view.heat, view.heat_head) == ((), ())
        assert view.map
        assert len(view.map.tiles) == 6
        assert "heat-title" not in render_satisfaction(view, city.frame("satisfaction", "/satisfaction"))


def test_departments_are_named_in_full_and_tiles_come_from_the_districts(city: ModuleType) -> None:
    view = satisfaction_view(city.index("department"), districts=city.index("district"))
    assert any(line.name == "城市管理和综合执法" for line in view.lines)
    assert view.map
    assert len(view.map.tiles) == 6
    assert satisfaction_view(city.index("department")).map is None


def test_no_ratings_is_said_with_what_to_do(city: ModuleType) -> None:
    index = city.index().model_copy(update={"rows": (), "source": city.source(0)})
    assert "没有评价" in satisfaction_view(index).empty
    assert satisfaction_view(city.index()).empty == ""
