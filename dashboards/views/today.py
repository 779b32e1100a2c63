"""今日: what a leader reads in one minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dashboards import formats
from dashboards.charts import Chart, Series
from dashboards.formats import Change
from dashboards.views.counts import SEASON_WEEKS, Share, by_day, expectation, label_of, repeated, shares, window
from dashboards.views.hotspots import HotspotCard, card_of, empty_sentence
from dashboards.views.tile_map import TileMap, tile_map
from indices.civic.metrics import measure_by
from models.figures import Hotspots, Metric
from models.labels import Level
from models.ports import Reader
from models.query import Query

CARDS: Final = 5
TREND_DAYS: Final = 28
TOPICS_SHOWN: Final = 8
UNITS_SHOWN: Final = 8
REPEAT_DAYS: Final = 7
REPEATS: Final = 3
WALL_REFRESH_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A class on the day against the mean of the same weekday in the four weeks before."""

    topic: str
    change: Change
    surprise: float
    enough: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of the metric registry for one unit."""

    numerator: int
    denominator: int

    @property
    def enough(self) -> bool:
        return self.denominator >= formats.ENOUGH

    def __str__(self) -> str:
        """The share, or why there is none."""
        if not self.denominator:
            return formats.DASH
        return formats.percent(self.numerator, self.denominator) if self.enough else f"样本不足 n={self.denominator}"


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A department over the last week: what it got, what it answered in time, what it sent back."""

    department: str
    name: str
    count: int
    timely: Rate
    returned: Rate


@dataclass(frozen=True, slots=True)
class Repeats:
    """Speakers who raised one class at least `REPEATS` times in `REPEAT_DAYS` days."""

    speakers: int
    records: int
    topics: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class TodayView:
    day: date
    headline: str
    kicker: str
    total: int
    against_week: Change | None
    against_day: Change | None
    cards: tuple[HotspotCard, ...]
    empty: str
    trend: Chart
    channels: tuple[Share, ...]
    types: tuple[Share, ...]
    topics: tuple[TopicChange, ...]
    units: tuple[UnitRow, ...]
    metrics: tuple[Metric, ...]
    repeats: Repeats
    silent_sources: tuple[str, ...]
    map: TileMap | None = None
    wall: bool = False
    briefing_url: str = ""
    refresh_seconds: int = WALL_REFRESH_SECONDS

    @property
    def day_query(self) -> str:
        """The day as parameters of the search."""
        return f"from={self.day.isoformat()}&to={self.day.isoformat()}"


def today_view(
    reader: Reader,
    *,
    day: date,
    hotspots: Hotspots,
    today: date | None = None,
    district: str | None = None,
    metrics: Sequence[Metric] = (),
    last_hotspot: date | None = None,
    wall: bool = False,
    briefing_url: str = "",
    layout: Mapping[str, tuple[int, int]] | None = None,
) -> TodayView:
    """The page of a city day.

    Args:
        reader: already scoped to the viewer.
        hotspots: of the window that ends with `day`, best first.
        today: the city's present day, so that the headline can say 今日 and 昨日; None: the date itself is said.
        metrics: 承办 figures of the metric registry, shown as they are.
        last_hotspot: when the latest one was, for the empty state.
        layout: where the tile of each district stands (`dashboards.views.tile_map`).
        briefing_url: address of the day's paper; "" where the viewer may not have it.
    """
    one = window(day, day, district)
    month = window(day - timedelta(days=TREND_DAYS + 7 * SEASON_WEEKS), day, district)
    daily = by_day(reader, month, day - timedelta(days=TREND_DAYS + 7 * SEASON_WEEKS), day)
    total = daily[day]
    cards = tuple(card_of(hotspot, hotspots.source.computed_at) for hotspot in hotspots.hotspots[:CARDS])
    against_week = _change(daily, day, day - timedelta(weeks=1), "较上周同日")
    return TodayView(
        day=day,
        headline=_headline(day, today, total, against_week, hotspots),
        kicker=formats.day(day, year=True),
        total=total,
        against_week=against_week,
        against_day=_change(daily, day, day - timedelta(days=1), "较前一日"),
        cards=cards,
        empty=empty_sentence(day, day, last_hotspot, hotspots.silent_sources),
        trend=_trend(daily, day),
        channels=shares(reader, one, "channel", 6),
        types=shares(reader, one, "demand_type", 7),
        topics=_topics(reader, month, day),
        units=_units(reader, window(day - timedelta(days=6), day, district)),
        metrics=tuple(metrics),
        repeats=_repeats(reader, window(day - timedelta(days=REPEAT_DAYS - 1), day, district)),
        silent_sources=hotspots.silent_sources,
        map=tile_map(reader, day, layout, district),
        wall=wall,
        briefing_url=briefing_url,
    )


def _change(daily: dict[date, int], day: date, past: date, basis: str) -> Change | None:
    return Change(daily[day], daily[past], basis) if daily.get(past) else None


def _headline(day: date, today: date | None, total: int, change: Change | None, hotspots: Hotspots) -> str:
    """One sentence: how many, compared with what, and what needs attention."""
    name = {today: "今日", today and today - timedelta(days=1): "昨日"}.get(day) or formats.day(day).split(" ")[0]
    if not total:
        first = f"{name}没有受理记录"
    elif change and change.share is not None:
        first = f"{name}受理 {formats.number(total)} 件，较上周同日 {formats.signed(100 * change.share, 1)}%"
    else:
        first = f"{name}受理 {formats.number(total)} 件"
    count = len(hotspots.hotspots)
    urgent = sum(h.level in (Level.ORANGE, Level.RED) for h in hotspots.hotspots)
    if hotspots.silent_sources and not count:
        return f"{first}；部分来源中断，不能断定没有热点。"
    if not count:
        return f"{first}；今日无达到阈值的热点。" if name == "今日" else f"{first}；无达到阈值的热点。"
    tail = f"，其中 {urgent} 个为橙色以上" if urgent else ""
    return f"{first}；{count} 个热点需关注{tail}。"


def _trend(daily: dict[date, int], day: date) -> Chart:
    days = [day - timedelta(days=i) for i in range(TREND_DAYS - 1, -1, -1)]
    expected = tuple(expectation(daily, d) for d in days)
    return Chart(
        key="intake",
        title=f"近 {TREND_DAYS} 日受理量与前四周同日均值",
        x=tuple(d.isoformat() for d in days),
        labels=tuple(formats.short_day(d) for d in days),
        series=(
            Series("受理", tuple(float(daily[d]) for d in days)),
            Series("同日均值", tuple(None if e is None else round(e, 1) for e in expected), "expected", "area"),
        ),
        mark=len(days) - 1,
        summary=f"{formats.day(day)} 受理 {formats.number(daily[day])} 件，前四周同日均值 {formats.number(expected[-1], 1)} 件。",
    )


def _topics(reader: Reader, query: Query, day: date) -> tuple[TopicChange, ...]:
    """Classes whose count moved most against the season, by |observed − expected| / √(expected + 1)."""
    table: dict[str, Counter[str]] = {}
    for bucket in reader.aggregate(query, ["topic", "day"]):
        table.setdefault(bucket.keys[0], Counter())[bucket.keys[1]] = bucket.count
    past = [(day - timedelta(weeks=k)).isoformat() for k in range(1, SEASON_WEEKS + 1)]
    out = []
    for topic, counts in table.items():
        observed, expected = counts[day.isoformat()], sum(counts[d] for d in past) / SEASON_WEEKS
        if not observed and not expected:
            continue
        surprise = (observed - expected) / (expected + 1) ** 0.5
        out.append(TopicChange(topic, Change(observed, expected, "较前四周同日"), surprise, observed + expected >= 10))
    out.sort(key=lambda row: (-abs(row.surprise), row.topic))
    return tuple(sorted(out[:TOPICS_SHOWN], key=lambda row: (-row.surprise, row.topic)))


def _units(reader: Reader, query: Query) -> tuple[UnitRow, ...]:
    """The units with most records; rates as the registry defines them on the last day."""
    received = reader.aggregate(query, ["department"])[:UNITS_SHOWN]
    if not received:
        return ()
    timely, returned = _rates(reader, query, "timely_rate"), _rates(reader, query, "return_rate")
    none = Rate(0, 0)
    return tuple(
        UnitRow(key, label_of("department", key), bucket.count, timely.get(key, none), returned.get(key, none))
        for bucket in received
        for key in bucket.keys
    )


def _rates(reader: Reader, query: Query, name: str) -> dict[str, Rate]:
    """A rate of the registry for every department."""
    found = measure_by(reader, name, query, "department")
    return {key: Rate(one.numerator or 0, one.denominator or 0) for key, one in found.items()}


def _repeats(reader: Reader, query: Query) -> Repeats:
    speakers, records, topics = repeated(reader, query, REPEATS)
    whole = sum(topics.values())
    return Repeats(speakers, records, tuple(Share(t, t, n, whole) for t, n in topics.most_common(5)))
