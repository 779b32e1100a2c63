"""One source: what it brought beside what was expected, how whole it was, how its runs ended, what can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from dashboards import formats
from dashboards.charts import Band, Chart, Series
from dashboards.views.sources import SourceInput, health_of
from indices.collection.days import FIELDS, Day
from indices.collection.health import DIMENSIONS, TITLES, Expectation, Health

CHART_DAYS: Final = 60
TABLE_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class FieldRow:
    name: str
    usual: str
    now: str
    width: float


@dataclass(frozen=True, slots=True)
class DayRow:
    day: str
    items: int
    duplicate: int
    quarantined: int
    delay: str
    requests: int
    failed: int
    bytes: str


@dataclass(frozen=True, slots=True)
class SourcePage:
    """`may_act`: the viewer may pause, run and try it; `output`: what a try printed."""

    source: SourceInput
    state: str
    words: str
    chart: Chart
    quality: tuple[tuple[str, str, float], ...]
    fields: tuple[FieldRow, ...]
    days: tuple[DayRow, ...]
    may_act: bool
    output: str = ""


def source_page(source: SourceInput, days: Mapping[date, Day], expected: Mapping[date, Expectation | None], health: Health | None, *,
                now: datetime, day: date, may_act: bool, output: str = "") -> SourcePage:  # fmt: skip
    """The page at the end of `day`. `expected`: for the days of the chart."""
    state, words = health_of(source, now)
    return SourcePage(source=source, state=state, words=words, chart=_chart(source.name, days, expected, day),
                      quality=_quality(health), fields=_fields(days, day), days=_days(days, day), may_act=may_act, output=output)  # fmt: skip


def _chart(name: str, days: Mapping[date, Day], expected: Mapping[date, Expectation | None], day: date) -> Chart:
    span = [day - timedelta(days=n) for n in range(CHART_DAYS - 1, -1, -1)]
    first = min(days, default=day)
    seen = tuple(float(days[one].fresh) if one in days else 0.0 if one >= first else None for one in span)
    middle = [expected.get(one) for one in span]
    low, high = ([None if one is None else float(one.quantile(part)) for one in middle] for part in (0.05, 0.95))
    return Chart(
        key="source", title=f"{name}：每天收到的件数", x=tuple(one.isoformat() for one in span), labels=tuple(formats.day(one) for one in span),
        series=(Series("收到", seen), Series("应有", tuple(None if one is None else round(one.mean, 1) for one in middle), role="expected")),
        band=Band("应有的九成范围", tuple(low), tuple(high)), summary=f"近 {CHART_DAYS} 天收到 {sum(one or 0 for one in seen):,.0f} 件",
    )  # fmt: skip


def _quality(health: Health | None) -> tuple[tuple[str, str, float], ...]:
    found = health.quality if health else {}
    return tuple(
        (name, formats.DASH if (value := found.get(name)) is None else f"{value:.1%}", 100 * (value or 0.0))
        for name in DIMENSIONS
    )


def _fields(days: Mapping[date, Day], day: date) -> tuple[FieldRow, ...]:
    before = [days[one] for n in range(1, 29) if (one := day - timedelta(days=n)) in days]
    items, today = sum(one.items for one in before), days.get(day, Day())
    rows = []
    for name in FIELDS:
        share = sum(one.fields.get(name, 0) for one in before) / items if items else None
        now = today.fields.get(name, 0) / today.items if today.items else None
        rows.append(FieldRow(TITLES[name], _percent(share), _percent(now), 100 * (now or 0.0)))
    return tuple(rows)


def _percent(share: float | None) -> str:
    return formats.DASH if share is None else f"{share:.0%}"


def _days(days: Mapping[date, Day], day: date) -> tuple[DayRow, ...]:
    rows: Sequence[date] = [one for n in range(TABLE_DAYS) if (one := day - timedelta(days=n - 1)) in days]
    return tuple(
        DayRow(formats.day(one), days[one].items, days[one].duplicate, days[one].quarantined,
               f"{days[one].delay_hours / days[one].items:,.1f} 小时" if days[one].items else formats.DASH,
               days[one].requests, days[one].failed, _size(days[one].bytes))
        for one in rows
    )  # fmt: skip


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.0f} kB" if count else formats.DASH
