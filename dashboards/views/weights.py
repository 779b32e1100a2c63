"""综合指数与权重: units by the public scheme, with the band of its weights; other weights can be tried, and are kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboards import formats
from dashboards.charts import IntervalBar, interval_bars
from dashboards.views.counts import label_of
from models.figures import Composite, CompositeRow
from models.satisfaction import LAYERS, Scheme


@dataclass(frozen=True, slots=True)
class CompositeLine:
    figure: CompositeRow
    name: str
    bar: IntervalBar | None
    band: IntervalBar | None
    layers: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class WeightField:
    layer: str
    value: str
    percent: str


@dataclass(frozen=True, slots=True)
class SchemeRow:
    scheme: Scheme
    shares: str
    href: str


@dataclass(frozen=True, slots=True)
class WeightsView:
    composite: Composite
    lines: tuple[CompositeLine, ...]
    layers: tuple[str, ...]
    fields: tuple[WeightField, ...]
    schemes: tuple[SchemeRow, ...]
    trial: bool
    scale: tuple[float, float]


def weights_view(
    composite: Composite, schemes: Sequence[Scheme], *, trial: bool, try_link: Callable[..., str]
) -> WeightsView:
    """`try_link(**parameters)`: the address of a trial with these weights."""
    rows = composite.rows
    ends = [(row.value, min(row.low or 0.0, row.band_low or 0.0), max(row.high or 0.0, row.band_high or 0.0)) if row.value is not None
            else (None, None, None) for row in rows]  # fmt: skip
    _, start, end = interval_bars(ends)
    lines = tuple(
        CompositeLine(row, label_of(composite.by, row.key), _bar(row.value, row.low, row.high, start, end),
                      _bar(row.value, row.band_low, row.band_high, start, end), tuple(_layer(row, name) for name in LAYERS), _note(row))
        for row in rows
    )  # fmt: skip
    return WeightsView(
        composite=composite, lines=lines, layers=LAYERS,
        fields=tuple(WeightField(name, f"{100 * composite.weights.get(name, 0.0):.0f}", f"{100 * composite.weights.get(name, 0.0):.1f}%")
                     for name in LAYERS),
        schemes=tuple(
            SchemeRow(one, "，".join(f"{name} {100 * share:.0f}%" for name, share in one.shares.items()),
                      try_link(**{f"w_{name}": f"{one.weights.get(name, 0):g}" for name in LAYERS}))
            for one in schemes
        ),
        trial=trial, scale=(start, end),
    )  # fmt: skip


def _bar(value: float | None, low: float | None, high: float | None, start: float, end: float) -> IntervalBar | None:
    if value is None or low is None or high is None:
        return None
    width = max(end - start, 1.0)
    places = [round(100 * (one - start) / width, 2) for one in (low, high, value)]
    return IntervalBar(*places)


def _layer(row: CompositeRow, name: str) -> str:
    found = next((layer for layer in row.layers if layer.name == name), None)
    if found is None:
        return formats.DASH
    return formats.number(found.value, 1) if found.value is not None else f"样本不足，n={found.n}"


def _note(row: CompositeRow) -> str:
    return f"缺 {'、'.join(row.missing)}" if row.missing else ""
