"""指标与口径: every metric with its value, interval, n and definition; one of them month by month, with where its definition changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import formats
from dashboards.charts import Band, Chart, Series
from models.figures import Metric, MetricSeries


@dataclass(frozen=True, slots=True)
class MetricRow:
    figure: Metric
    value: str
    interval: str
    of: str


@dataclass(frozen=True, slots=True)
class MetricsView:
    rows: tuple[MetricRow, ...]
    chosen: MetricSeries | None
    chart: Chart | None
    changes: tuple[str, ...]


def metrics_view(metrics: Sequence[Metric], chosen: MetricSeries | None = None) -> MetricsView:
    """`chosen`: the metric whose months are drawn."""
    return MetricsView(
        rows=tuple(MetricRow(one, shown(one), interval(one), of(one)) for one in metrics), chosen=chosen,
        chart=_chart(chosen) if chosen else None,
        changes=tuple(f"自 {one.month} 起口径改为：{one.definition}（{one.day} 生效）" for one in chosen.changes) if chosen else (),
    )  # fmt: skip


def shown(one: Metric) -> str:
    """`93.42%`, `1,842 件`, a dash."""
    return formats.DASH if one.value is None else formats.metric_value(one.value, one.unit)


def interval(one: Metric) -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.1f}–{one.high:.1f}"


def of(one: Metric) -> str:
    """`123 / 456`"""
    if one.numerator is None:
        return formats.DASH
    return formats.number(one.numerator) if one.denominator is None else f"{one.numerator:,} / {one.denominator:,}"


def _chart(series: MetricSeries) -> Chart:
    months = tuple(series.points)
    points = list(series.points.values())
    band = None
    if any(point.low is not None for point in points):
        band = Band("95% 区间", tuple(point.low for point in points), tuple(point.high for point in points))
    broken = "、".join(change.month for change in series.changes)
    return Chart(
        key=f"metric-{series.name}", title=f"{series.title}，按月{f'（口径于 {broken} 变化）' if broken else ''}", x=months, labels=months,
        series=(Series(series.title, tuple(point.value for point in points)),), unit=series.unit, band=band,
        zero=series.unit != "%", decimals=0 if series.unit == "件" else 2, x_title="月",
        mark=months.index(series.changes[-1].month) if series.changes else None,
        summary=f"{len(months)} 个月。" + (f"口径在 {broken} 变化，前后不可直接比较。" if broken else ""),
    )  # fmt: skip
