"""满意度: the index with its intervals. A unit with too little is said to be so, never ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from dashboards import formats
from dashboards.charts import Band, Chart, IntervalBar, Series, interval_bars
from dashboards.scatter import RATING_SPREAD, Scatter, funnel
from dashboards.views.counts import label_of
from dashboards.views.tile_map import TileMap, index_map
from indices.civic.change_points import jumps
from indices.civic.weekly import drop_words
from indices.saved_views import SavedView
from models.figures import Index, IndexCell, IndexRow, Survey
from models.satisfaction import DROP_ALERT

By = Literal["district", "department", "topic", "week", "street", "community"]
BY_NAMES: Final[dict[By, str]] = {
    "district": "区县", "department": "承办单位", "topic": "分类", "week": "周", "street": "街道", "community": "社区",
}  # fmt: skip
LEAST_PEOPLE: Final = 5
"""k: the orders of fewer raters are not shown (domain.md §6)."""
CITY, SEVERAL = "全市", "可见区县"  # several districts are named once, below the table; a cell has no room for them
# Steps of the tile and heat maps: a sequential scale over the range where rating indices lie.
STEPS: Final = (50.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0)
DEFINITION: Final = (
    (
        "是什么",
        "回访评价（非常满意 5 … 非常不满意 1）估计出的满意度指数，换算到 0–100：非常不满意 = 0，非常满意 = 100。",
    ),
    (
        "怎么算",
        "有序 Logit 模型，区县、承办单位、分类、渠道、是否按时与文字情绪同时估计，经验贝叶斯收缩：样本少的单位向同类单位靠拢。区间为 95%。",
    ),
    (
        "谁算在内",
        "所选范围内有回访渠道的全部工单：没有评价的，按条件相同而有评价的推算，原始均值列在旁边。n 为评价数，有效 n 为评价人数，"
        "同一人的多次评价只算一人；覆盖为有评价的占比。整体用双稳健估计，并给出未评价者更不满意时的下界。",
    ),
    (
        "何时不排",
        "评价不足 30 件标「样本不足」；区间宽于 15 或有效 n 低于 10 标「不排名」。其余分上、中、下三档，档内不排名次："
        "按同等事项结构比较，处于最低五分之一的概率达到 80% 的列下档。",
    ),
    ("文字的作用", "模型读出的情绪只在能预测评价的限度内起作用；可关闭，关闭后只用评价与过程数据。"),
    ("不要误用", "回访满意度与问卷满意度不是同一个量，不可直接比较；区间重叠的两个单位不能说谁高谁低。"),
)


@dataclass(frozen=True, slots=True)
class IndexLine:
    """A row of the table."""

    figure: IndexRow
    name: str
    bar: IntervalBar | None
    tier: str
    note: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    value: float | None
    step: int
    note: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    name: str
    cells: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class SatisfactionView:
    by: By
    by_name: str
    choices: tuple[tuple[By, str], ...]
    overall: IndexRow
    whose: str
    place: str
    overall_words: str
    lines: tuple[IndexLine, ...]
    scale: tuple[float, float]
    overall_at: float | None
    trend: Chart | None
    map: TileMap | None
    heat: tuple[HeatRow, ...]
    heat_head: tuple[str, ...]
    too_few: int
    rated: int
    versions: str
    definition: tuple[tuple[str, str], ...]
    empty: str
    funnel: Scatter | None = None
    dropped: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    text: bool = True
    saved: tuple[SavedView, ...] = ()
    surveys: tuple[Survey, ...] = ()


def satisfaction_view(
    index: Index,
    *,
    weekly: Index | None = None,
    districts: Index | None = None,
    cells: Sequence[IndexCell] = (),
    drop: Mapping[str, float] | None = None,
    place: str = CITY,
    records: Callable[..., str] | None = None,
    saved: Sequence[SavedView] = (),
    surveys: Sequence[Survey] = (),
    layout: Mapping[str, tuple[int, int]] | None = None,
) -> SatisfactionView:
    """The page.

    Args:
        index: what the table shows (`index.by` is the chosen switch).
        weekly: the same scope by week, for the trend; None: no trend.
        districts: the same scope by district, for the tile map; taken from `index` where that is by district.
        cells: districts in weeks, for the heat map; where most of it would be empty there is the tile map instead.
        drop: unit → probability that it fell by more than three points in four weeks; those that are sure are named.
        records: `records(field=value)` is the address of the masked orders of a unit; none where fewer than five people rated it.
        place: whose index this is, as `Frame.place` says it: the whole city, a district, or several with 、 between them.
    """
    ordered = sorted(index.rows, key=_order(index.by))
    bars, start, end = interval_bars([(row.value, row.low, row.high) for row in ordered])
    overall = index.overall
    areas = index if index.by == "district" else districts
    weeks = index if index.by == "week" else weekly
    heat_head, heat = _heat(cells)
    whose = SEVERAL if "、" in place else place
    return SatisfactionView(
        by=index.by,
        by_name=BY_NAMES[index.by],
        choices=tuple(BY_NAMES.items()),
        overall=overall,
        whose=whose,
        place=place if whose == place else f"{whose}（{place}）",
        overall_words=formats.interval(overall.value, overall.low, overall.high),
        lines=tuple(
            IndexLine(
                row,
                _name(index.by, row.key),
                bar,
                _tier(row, overall, whose),
                _note(row),
                _records(row, index.by, records),
            )
            for row, bar in zip(ordered, bars, strict=True)
        ),
        scale=(start, end),
        overall_at=_place(overall.value, start, end),
        trend=_trend(weeks) if weeks and weeks.rows else None,
        map=index_map(areas.rows, layout or {}, overall.value, lambda row: _records(row, "district", records))
        if areas
        else None,
        heat=heat,
        heat_head=heat_head,
        too_few=sum(row.status == "样本不足" for row in index.rows),
        rated=index.source.n,
        versions="，".join(f"{name} {version}" for name, version in sorted(index.source.versions.items())),
        definition=DEFINITION,
        funnel=None
        if index.by == "week"
        else funnel(index, {row.key: label_of(index.by, row.key) for row in index.rows}),
        dropped=tuple(
            drop_words(label_of("district", unit), chance)
            for unit, chance in sorted((drop or {}).items())
            if chance > DROP_ALERT
        ),
        jumps=_jumps(weeks) if weeks else (),
        saved=tuple(saved),
        surveys=tuple(surveys),
        text=index.source.versions.get("text") != "out",
        empty="" if index.source.n else "所选范围内没有评价，不能给出指数。请放宽时间或区县，或检查回访数据是否接入。",
    )


def _records(row: IndexRow, by: By, records: Callable[..., str] | None) -> str:
    return "" if records is None or by == "week" or row.n_effective < LEAST_PEOPLE else records(**{by: row.key})


def _jumps(weekly: Index) -> tuple[str, ...]:
    """A sentence for each week in which the level of the plain means jumped."""
    rows = sorted((row for row in weekly.rows if row.raw is not None), key=lambda row: row.key)
    values, n = np.array([row.raw or 0.0 for row in rows]), np.array([row.n for row in rows], dtype=float)
    found = jumps(values, RATING_SPREAD**2 / np.maximum(n, 1.0))
    return tuple(
        f"{rows[one.at].key} 这一周起，评价均值{'上升' if one.change > 0 else '下降'} {abs(one.change):.1f} 分"
        f"（95% 区间 {formats.signed(one.low, 1)} ~ {formats.signed(one.high, 1)}）"
        for one in found
    )


def _place(value: float | None, start: float, end: float) -> float | None:
    """Where `value` lies on the scale, in percent; None outside it."""
    return (
        round(100 * (value - start) / (end - start), 2) if value is not None and start <= value <= end > start else None
    )


def _order(by: By) -> Callable[[IndexRow], tuple[bool, bool, float, str]]:
    """Weeks in time; everything else by value, the units without a rank after the others."""
    if by == "week":
        return lambda row: (False, False, 0.0, row.key)
    return lambda row: (row.value is None, row.status != "ok", -(row.value or 0.0), row.key)


def _name(by: By, key: str) -> str:
    return f"{key} 起" if by == "week" else label_of(by, key)


def _tier(row: IndexRow, overall: IndexRow, whose: str) -> str:
    """Tiers instead of ranks: a unit is above or below only where its whole interval is. One that is all there is has no tier."""
    if row.status != "ok" or row.low is None or row.high is None or overall.value is None or row.n == overall.n:
        return ""
    if row.low <= overall.value <= row.high:
        return f"与{whose}无显著差别"
    return f"{'高' if row.low > overall.value else '低'}于{whose}"


def _note(row: IndexRow) -> str:
    if row.status == "样本不足":
        return f"样本不足，n={row.n}"
    return "不排名：区间过宽" if row.status == "not_ranked" else ""


def _step(value: float | None) -> int:
    return -1 if value is None else sum(value >= cut for cut in STEPS)


def _tile(name: str, row: IndexRow | IndexCell) -> Tile:
    note = formats.interval(row.value, row.low, row.high) if row.value is not None else f"样本不足，n={row.n}"
    return Tile(name, row.value, _step(row.value), note)


def _trend(weekly: Index) -> Chart:
    rows = sorted(weekly.rows, key=lambda row: row.key)
    known = [row.value for row in rows if row.value is not None]
    return Chart(
        key="satisfaction",
        title="满意度指数，按周，带 95% 区间",
        x=tuple(row.key for row in rows),
        labels=tuple(_week_label(row.key) for row in rows),
        series=(Series("指数", tuple(row.value for row in rows)),),
        band=Band("95% 区间", tuple(row.low for row in rows), tuple(row.high for row in rows)),
        unit="",
        decimals=1,
        zero=False,
        x_title="周（起）",
        summary=f"{len(known)} 周有值，最低 {formats.number(min(known), 1)}，最高 {formats.number(max(known), 1)}。"
        if known
        else "各周样本不足。",
    )


def _week_label(key: str) -> str:
    parts = key.split("-")
    return f"{int(parts[1])}/{int(parts[2])}" if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() else key


def _heat(cells: Sequence[IndexCell]) -> tuple[tuple[str, ...], tuple[HeatRow, ...]]:
    """Weeks and rows of districts; nothing for a single district (the trend has it) or where most cells would have no value."""
    found = {(cell.unit, cell.week): cell for cell in cells}
    areas, weeks = sorted({cell.unit for cell in cells}), sorted({cell.week for cell in cells})
    if len(areas) < 2 or 2 * sum(cell.value is not None for cell in cells) < len(areas) * len(weeks):
        return (), ()

    def tile(area: str, week: str) -> Tile:
        return _tile(week, found.get((area, week), IndexCell(unit=area, week=week, n=0)))

    rows = tuple(HeatRow(area, tuple(tile(area, week) for week in weeks)) for area in areas)
    return tuple(_week_label(week) for week in weeks), rows
