"""Points on two scales, drawn by the server as SVG: funnel, importance against performance, calibration. Each has a table twin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from dashboards import formats
from models.figures import Drivers, Index, IndexRow, TextPrediction

Tone = Literal["plain", "low", "high", "few"]
WIDTH: Final = 640
HEIGHT: Final = 320
LEFT, RIGHT, TOP, BOTTOM = 48.0, 16.0, 12.0, 40.0
RATING_SPREAD: Final = 30.0
"""Standard deviation of one rating on 0–100 where a unit's own are not at hand; the limits of a funnel are drawn with it."""
_LIMITS: Final = ((1.96, "95%"), (3.09, "99.8%"))
_CURVE_POINTS: Final = 48


@dataclass(frozen=True, slots=True)
class Point:
    """`x`, `y` in pixels; `low`, `high` ends of the vertical interval, `left`, `right` of the horizontal one (None: not drawn)."""

    name: str
    x: float
    y: float
    words: str
    tone: Tone = "plain"
    low: float | None = None
    high: float | None = None
    left: float | None = None
    right: float | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """A drawn figure. `paths`: curves as SVG path data with a class; `rows` under `head` say the same in words."""

    key: str
    title: str
    points: tuple[Point, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_title: str
    y_title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    summary: str
    paths: tuple[tuple[str, str], ...] = ()
    corners: tuple[tuple[str, float, float], ...] = field(default=())
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels; `logarithmic` values must be positive."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)


def across(low: float, high: float, *, logarithmic: bool = False) -> Scale:
    return Scale(low, high, LEFT, WIDTH - RIGHT, logarithmic)


def upwards(low: float, high: float) -> Scale:
    return Scale(low, high, HEIGHT - BOTTOM, TOP)


def _ends(values: Sequence[float], step: float, lowest: float = 0.0, highest: float = 100.0) -> tuple[float, float]:
    low, high = math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step
    low, high = max(lowest, low), min(highest, high)
    return (low, high) if high > low else (max(lowest, low - step), min(highest, low + step))


def _ticks(scale: Scale, step: float) -> tuple[Tick, ...]:
    count = round((scale.high - scale.low) / step)
    every = max(1, math.ceil(count / 8))
    return tuple(Tick(scale(scale.low + k * step), f"{scale.low + k * step:g}") for k in range(0, count + 1, every))


def funnel(index: Index, names: dict[str, str]) -> Scatter | None:
    """Plain means against the number of ratings, with the limits between which chance alone keeps units like the whole. None below three units."""
    rows = [row for row in index.rows if row.raw is not None]
    centre = index.overall.raw
    if len(rows) < 3 or centre is None:
        return None
    most = max(row.n for row in rows)
    x = across(min(row.n for row in rows) * 0.9, most * 1.15, logarithmic=True)
    y = upwards(*_ends([*(row.raw or 0.0 for row in rows), centre], 10))
    points = [_funnel_point(row, names.get(row.key, row.key), centre, x, y) for row in rows]
    paths = [(f"M{LEFT},{y(centre)}H{WIDTH - RIGHT}", "scatter-line")]
    for z, _ in _LIMITS:
        for sign in (1, -1):
            steps = [x.low * (x.high / x.low) ** (k / _CURVE_POINTS) for k in range(_CURVE_POINTS + 1)]
            curve = "L".join(f"{x(n)},{y(centre + sign * z * RATING_SPREAD / math.sqrt(n))}" for n in steps)
            paths.append((f"M{curve}", "scatter-limit" if z > 2 else "scatter-limit inner"))
    marks = [n for k in range(7) for n in (10**k, 3 * 10**k) if x.low <= n <= x.high]
    outside = sum(point.tone != "plain" for point in points)
    return Scatter(
        key="funnel", title="漏斗图：评价数与原始均值", points=tuple(points), x_ticks=tuple(Tick(x(n), f"{n:,}") for n in marks),
        y_ticks=_ticks(y, 10), x_title="评价数 n（对数）", y_title="原始均值", paths=tuple(paths),
        head=("单位", "评价数 n", "原始均值", "位置"),
        rows=tuple((names.get(r.key, r.key), f"{r.n:,}", formats.number(r.raw, 1), _side(p.tone)) for r, p in zip(rows, points, strict=True)),
        summary=f"{len(rows)} 个单位，{outside} 个在 99.8% 控制线以外；线内的差别可能只是偶然。",
    )  # fmt: skip


def _funnel_point(row: IndexRow, name: str, centre: float, x: Scale, y: Scale) -> Point:
    limit = _LIMITS[1][0] * RATING_SPREAD / math.sqrt(row.n)
    off = (row.raw or 0.0) - centre
    tone: Tone = "high" if off > limit else "low" if off < -limit else "plain"
    return Point(name, x(row.n), y(row.raw or 0.0), f"{name}：{row.raw:.1f}，n={row.n:,}", tone, named=tone != "plain")


def _side(tone: Tone) -> str:
    return {"high": "高于控制线", "low": "低于控制线"}.get(tone, "线内")


def quadrants(found: Drivers) -> Scatter | None:
    """Importance against performance of what happens to an order, with intervals. None without points."""
    if not found.points:
        return None
    y = upwards(
        *_ends(
            [end for one in found.points for end in (one.importance.low, one.importance.high, found.importance_cut)],
            5,
            -20,
        )
    )
    x = across(
        *_ends(
            [end for one in found.points for end in (one.performance.low, one.performance.high, found.performance_cut)],
            10,
        )
    )
    points = [
        Point(
            one.name, x(one.performance.value), y(one.importance.value),
            f"{one.name}：重要性 {one.importance.value:.1f} 分，做到 {one.performance.value:.1f}%，{one.quadrant}",
            "low" if one.quadrant == "重点改进" else "few" if one.quadrant == "不能判定" else "plain", y(one.importance.low), y(one.importance.high),
            x(one.performance.low), x(one.performance.high), named=True,
        )
        for one in found.points
    ]  # fmt: skip
    cut_x, cut_y = x(found.performance_cut), y(found.importance_cut)
    return Scatter(
        key="drivers", title="重要性与表现", points=tuple(points), x_ticks=_ticks(x, 10), y_ticks=_ticks(y, 5), x_title="做到的比例 %",
        y_title="做到时评价高多少分",
        paths=((f"M{cut_x},{TOP}V{HEIGHT - BOTTOM}", "scatter-line"), (f"M{LEFT},{cut_y}H{WIDTH - RIGHT}", "scatter-line")),
        corners=(("重点改进", LEFT + 6, TOP + 14), ("保持优势", WIDTH - RIGHT - 62, TOP + 14),
                 ("次要改进", LEFT + 6, HEIGHT - BOTTOM - 8), ("不必加码", WIDTH - RIGHT - 62, HEIGHT - BOTTOM - 8)),
        head=("环节", "重要性（分）", "表现（%）", "归类"),
        rows=tuple(
            (one.name, formats.interval(one.importance.value, one.importance.low, one.importance.high),
             formats.interval(one.performance.value, one.performance.low, one.performance.high), one.quadrant) for one in found.points
        ),
        summary="，".join(f"{one.name}{one.quadrant}" for one in found.points) + "。",
    )  # fmt: skip


def calibration(found: TextPrediction) -> Scatter | None:
    """What was expected from the texts against what was rated; on the line they are the same. None where there is too little."""
    if not found.enough:
        return None
    low, high = _ends([end for one in found.bins for end in (one.expected, one.low, one.high)], 10)
    x, y = across(low, high), upwards(low, high)
    points = [
        Point(f"{one.expected:.0f}", x(one.expected), y(one.observed), f"预测 {one.expected:.1f}，实际 {one.observed:.1f}，n={one.n:,}",
              low=y(one.low), high=y(one.high))
        for one in found.bins
    ]  # fmt: skip
    return Scatter(
        key="calibration", title="文字预测的校准", points=tuple(points), x_ticks=_ticks(x, 10), y_ticks=_ticks(y, 10), x_title="由文字预测的评价",
        y_title="实际评价", paths=((f"M{x(low)},{y(low)}L{x(high)},{y(high)}", "scatter-line"),), head=("预测", "实际（95% 区间）", "n"),
        rows=tuple((formats.number(b.expected, 1), formats.interval(b.observed, b.low, b.high), f"{b.n:,}") for b in found.bins),
        summary=f"预测与实际平均相差 {found.error:.1f} 分，能解释评价差异的 {100 * max(found.explained, 0):.1f}%。",
    )  # fmt: skip
