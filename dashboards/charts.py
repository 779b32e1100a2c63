"""Charts as data only: the page carries them as JSON, one static script draws them, and each has a table twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards import formats

Role = Literal["observed", "expected", "accent", "plain"]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or row of bars. `values` has one entry per x; None is a gap, never a zero."""

    name: str
    values: tuple[float | None, ...]
    role: Role = "observed"
    shape: Literal["line", "bar", "area"] = "line"


@dataclass(frozen=True, slots=True)
class Band:
    """An interval around the first series."""

    name: str
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn and, row by row, what the table says.

    Attributes:
        key: unique on the page; also the file name of PNG and CSV.
        x: the machine's value of each point (ISO day, week, month); what a click selects.
        labels: the reader's value of each point.
        zero: the axis starts at zero (counts); else it is cut and says so (indices).
        select: address with `{from}` and `{to}` that a click or a drag opens; "" where nothing happens.
        summary: one sentence for screen readers and for paper.
    """

    key: str
    title: str
    x: tuple[str, ...]
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = "件"
    band: Band | None = None
    zero: bool = True
    decimals: int = 0
    mark: int | None = None
    select: str = ""
    ends: tuple[str, ...] = ()
    summary: str = ""
    x_title: str = "日期"

    @property
    def empty(self) -> bool:
        return not any(value is not None for series in self.series for value in series.values)

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads; plain values only."""
        return {
            "title": self.title, "x": self.x, "labels": self.labels, "unit": self.unit, "zero": self.zero,
            "decimals": self.decimals, "mark": self.mark, "select": self.select, "ends": self.ends,
            "series": [
                {"name": s.name, "values": s.values, "role": s.role, "shape": s.shape} for s in self.series
            ],
            "band": self.band and {"name": self.band.name, "low": self.band.low, "high": self.band.high},
        }  # fmt: skip

    @property
    def head(self) -> list[str]:
        unit = f"（{self.unit}）" if self.unit else ""
        names = [self.x_title, *(f"{series.name}{unit}" for series in self.series)]
        return [*names, f"{self.band.name} 下限", f"{self.band.name} 上限"] if self.band else names

    @property
    def rows(self) -> list[list[str]]:
        columns: list[Sequence[float | None]] = [series.values for series in self.series]
        if self.band:
            columns += [self.band.low, self.band.high]
        return [
            [label, *(formats.number(column[i], self.decimals) for column in columns)]
            for i, label in enumerate(self.labels)
        ]


@dataclass(frozen=True, slots=True)
class Spark:
    """A small curve drawn by the server as SVG paths in a box of `width` × `height`, without a script."""

    observed: str
    expected: str
    area: str
    last_x: float
    last_y: float
    width: int
    height: int
    peak: float
    summary: str


_PAD: Final = 3.0


def spark(
    observed: Sequence[float], expected: Sequence[float] = (), *, width: int = 240, height: int = 56, summary: str = ""
) -> Spark | None:
    """A curve from zero; None where there are fewer than two points."""
    if len(observed) < 2:
        return None
    peak = max(1.0, *observed, *expected)
    step = (width - 2 * _PAD) / (len(observed) - 1)

    def point(i: int, value: float) -> tuple[float, float]:
        return round(_PAD + i * step, 1), round(height - _PAD - value / peak * (height - 2 * _PAD), 1)

    def path(values: Sequence[float]) -> str:
        return "M" + "L".join(f"{x},{y}" for x, y in (point(i, v) for i, v in enumerate(values)))

    line = path(expected) if len(expected) == len(observed) else ""
    floor = height - _PAD
    area = f"{line}L{round(_PAD + (len(observed) - 1) * step, 1)},{floor}L{_PAD},{floor}Z" if line else ""
    last_x, last_y = point(len(observed) - 1, observed[-1])
    return Spark(path(observed), line, area, last_x, last_y, width, height, peak, summary)


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """Positions of an estimate and its interval on a common scale, in percent of the width."""

    low: float
    high: float
    value: float


def interval_bars(
    rows: Sequence[tuple[float | None, float | None, float | None]],
) -> tuple[list[IntervalBar | None], float, float]:
    """Bars on one scale that spans all intervals, rounded outward to tens; the scale's ends with them."""
    known = [(v, lo, hi) for v, lo, hi in rows if v is not None and lo is not None and hi is not None]
    if not known:
        return [None for _ in rows], 0.0, 100.0
    start = max(0.0, min(lo for _, lo, _ in known) // 10 * 10)
    end = min(100.0, -(-max(hi for _, _, hi in known) // 10) * 10)
    width = max(end - start, 1.0)

    def place(value: float) -> float:
        return round(100 * (value - start) / width, 2)

    bars = [
        None if v is None or lo is None or hi is None else IntervalBar(place(lo), place(hi), place(v))
        for v, lo, hi in rows
    ]
    return bars, start, end
