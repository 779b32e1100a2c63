"""变化原因: why the index changed between two periods, in sentences whose numbers are checked; and what ratings depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from dashboards import formats
from dashboards.briefing import Claim, Statement
from dashboards.briefing_check import loose_numbers
from dashboards.scatter import Scatter, calibration, quadrants
from dashboards.views.counts import label_of
from models.figures import Drivers, IndexChange, Span, TextPrediction
from models.query import Query

Unit = Literal["district", "department", "topic"]
NAMES: Final[Mapping[Unit, str]] = {"district": "区县", "department": "承办单位", "topic": "分类"}
SHOWN: Final = 12
NAMED: Final = 3
LEAST_POINTS: Final = 0.1


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part's contribution: the words of its spans, and bars from the middle, in per cent of half the width."""

    name: str
    rate: str
    mix: str
    rate_width: float
    mix_width: float
    value: float
    sure: bool


@dataclass(frozen=True, slots=True)
class ChangeView:
    by: Unit
    choices: tuple[tuple[Unit, str], ...]
    by_name: str
    before: tuple[date, date]
    after: tuple[date, date]
    change: IndexChange | None
    problem: str
    sentences: tuple[Statement, ...]
    rows: tuple[PartRow, ...]
    hidden: int
    quadrants: Scatter | None
    calibration: Scatter | None
    text: TextPrediction


def change_view(
    change: IndexChange | None, drivers: Drivers, text: TextPrediction, *, by: Unit, before: tuple[date, date], after: tuple[date, date],
    problem: str = "",
) -> ChangeView:  # fmt: skip
    """`problem`: why there is no `change`, in words."""
    parts = change.parts[:SHOWN] if change else ()
    widest = max((abs(span.value) for part in parts for span in (part.rate, part.mix)), default=0.0) or 1.0
    rows = tuple(
        PartRow(
            label_of(by, part.name), spanned(part.rate), spanned(part.mix), round(100 * part.rate.value / widest, 1),
            round(100 * part.mix.value / widest, 1), part.rate.value + part.mix.value, part.rate.low > 0 or part.rate.high < 0,
        )
        for part in parts
    )  # fmt: skip
    return ChangeView(
        by=by, choices=tuple(NAMES.items()), by_name=NAMES[by], before=before, after=after, change=change, problem=problem,
        sentences=why(change, by) if change else (), rows=rows, hidden=len(change.parts) - len(rows) if change else 0,
        quadrants=quadrants(drivers), calibration=calibration(text), text=text,
    )  # fmt: skip


def spanned(span: Span) -> str:
    """`−1.2（−2.0 ~ −0.4）`"""
    return f"{formats.signed(span.value, 1)}（{formats.signed(span.low, 1)} ~ {formats.signed(span.high, 1)}）"


def why(change: IndexChange, by: Unit) -> tuple[Statement, ...]:
    """Sentences on a change; one whose numbers are not all claims is left out."""
    made = [_whole(change), _split(change), *_parts(change, by)]
    return tuple(one for one in made if not loose_numbers(one))


def _claim(value: float, words: str) -> Claim:
    return Claim(value=value, words=words, query=Query(), computed=True)


def _number(value: float) -> float:
    return float(f"{value:.1f}")


def _whole(change: IndexChange) -> Statement:
    total, before, after = change.change, change.before, change.after
    claims = [_claim(_number(v), w) for v, w in (
        (before.value, "前"), (after.value, "后"), (abs(total.value), "变化"), (abs(total.low), "下限"), (abs(total.high), "上限"),
    )]  # fmt: skip
    interval = f"区间 {formats.signed(total.low, 1)} ~ {formats.signed(total.high, 1)}"
    if total.low <= 0 <= total.high:
        text = f"评价均值由 {before.value:.1f} 变为 {after.value:.1f}，变化 {formats.signed(total.value, 1)} 分（{interval}），与偶然波动分不开。"
    else:
        turn = "上升" if total.value > 0 else "下降"
        text = f"评价均值由 {before.value:.1f} {turn}到 {after.value:.1f}，{turn} {abs(total.value):.1f} 分（{interval}）。"
    return Statement(text=text, claims=tuple(claims))


def _split(change: IndexChange) -> Statement:
    claims = (_claim(_number(abs(change.rate.value)), "办理"), _claim(_number(abs(change.mix.value)), "结构"))
    rate, mix = (formats.signed(span.value, 1) for span in (change.rate, change.mix))
    main = "办理得好坏" if abs(change.rate.value) >= abs(change.mix.value) else "来的是哪些诉求"
    text = f"其中各部分自身的变化占 {rate} 分，结构变化占 {mix} 分：主要是{main}变了。"
    return Statement(text=text, claims=claims)


def _parts(change: IndexChange, by: Unit) -> list[Statement]:
    """The parts whose own change is told from chance, the largest first."""
    sure = [p for p in change.parts if (p.rate.low > 0 or p.rate.high < 0) and abs(p.rate.value) >= LEAST_POINTS]
    if not sure:
        return [Statement(text=f"没有哪个{NAMES[by]}自身的变化能与偶然波动分开。")]
    found = []
    for part in sorted(sure, key=lambda p: -abs(p.rate.value))[:NAMED]:
        turn = "拉高" if part.rate.value > 0 else "拉低"
        name = label_of(by, part.name)
        text = f"“{name}”{turn} {abs(part.rate.value):.1f} 分（区间 {formats.signed(part.rate.low, 1)} ~ {formats.signed(part.rate.high, 1)}）。"
        ends = ((abs(part.rate.value), "贡献"), (abs(part.rate.low), "下限"), (abs(part.rate.high), "上限"))
        found.append(Statement(text=text, claims=tuple(_claim(_number(v), w) for v, w in ends)))
    return found
