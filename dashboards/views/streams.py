"""网络热榜: what was on a hot-search list, for how long and how high; and orders about the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dashboards import formats
from dashboards.charts import Chart, Series, Spark, spark
from indices.streams.events import StreamEvent
from indices.streams.links import Link
from models.clock import CITY_TIME

LOWEST = 51
"""A curve is drawn upside down from here: the first place is the top."""


@dataclass(frozen=True, slots=True)
class StreamRow:
    event: StreamEvent
    curve: Spark | None


@dataclass(frozen=True, slots=True)
class StreamsView:
    rows: tuple[StreamRow, ...]
    sources: tuple[str, ...]
    source: str
    empty: str


@dataclass(frozen=True, slots=True)
class StreamView:
    event: StreamEvent
    source: str
    chart: Chart
    links: tuple[Link, ...]


def streams_view(found: Sequence[StreamEvent], *, sources: Sequence[str], source: str) -> StreamsView:
    """The list of a period."""
    empty = "这段时间没有上榜的事件。" if source in sources else "还没有导入榜单：minsheng streams import 文件"
    rows = tuple(StreamRow(one, _curve(one)) for one in found)
    return StreamsView(rows, tuple(sources), source, empty)


def stream_view(one: StreamEvent, links: Sequence[Link], *, source: str) -> StreamView:
    """One event: its rank hour by hour, a gap where it was off the list."""
    at = dict(one.curve)
    hours = [one.first + timedelta(hours=step) for step in range(one.duration_hours)]
    values = tuple(None if at.get(hour) is None else float(at[hour]) for hour in hours)
    chart = Chart(
        key="ranks", title="每小时最好名次", x=tuple(hour.isoformat() for hour in hours),
        labels=tuple(f"{hour.astimezone(CITY_TIME):%m-%d %H 时}" for hour in hours), series=(Series("名次", values, "observed"),),
        unit="名", x_title="小时",
        summary=f"{formats.moment(one.first)}起 {one.duration_hours} 小时，在榜 {one.hours} 小时，最好第 {one.best_rank} 名。",
    )  # fmt: skip
    return StreamView(one, source, chart, tuple(links))


def _curve(one: StreamEvent) -> Spark | None:
    at = dict(one.curve)
    hours = [one.first + timedelta(hours=step) for step in range(one.duration_hours)]
    heights = [float(max(0, LOWEST - at[hour])) if hour in at else 0.0 for hour in hours]
    return spark(heights, width=120, height=28, summary=f"在榜 {one.hours} 小时，最好第 {one.best_rank} 名")
