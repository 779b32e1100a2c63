"""热点事件: the list, and one incident beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from dashboards import formats
from dashboards.charts import Chart, Series, Spark, spark
from models.clock import city_day
from models.figures import Hotspot, Hotspots, Sentence
from models.labels import CHANNEL_NAMES, Level
from models.ports import Reader
from models.record import Record
from models.viewer import Viewer

MEMBERS_SHOWN: Final = 50
PARTS: Final = {
    "burst": "突增", "people": "人数", "growth": "增长", "negativity": "负面与紧急", "spread": "渠道扩散", "unresolved": "未解决",
    "engagement": "互动", "novelty": "新发",
}  # fmt: skip
# What is asked of the reader at each level (domain.md §4, default acknowledgement times).
ASKS: Final = {
    Level.RED: "30 分钟内确认并部署处置", Level.ORANGE: "1 小时内确认，明确牵头单位", Level.YELLOW: "4 小时内知悉，督促承办",
    Level.BLUE: "24 小时内知悉，持续关注", Level.NONE: "持续关注",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HotspotCard:
    """One hotspot as cards and rows show it."""

    figure: Hotspot
    place: str
    since: str
    against: str
    ask: str
    curve: Spark | None
    quotation: Sentence | None
    age: str
    needs_confirmation: bool

    @property
    def key(self) -> str:
        return self.figure.key


@dataclass(frozen=True, slots=True)
class HotspotsView:
    cards: tuple[HotspotCard, ...]
    empty: str
    n: int
    computed_at: datetime
    versions: str
    silent_sources: tuple[str, ...]
    selected: HotspotView | None = None


@dataclass(frozen=True, slots=True)
class PartRow:
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class MemberRow:
    record: Record
    channel: str


@dataclass(frozen=True, slots=True)
class HotspotView:
    """One incident: why it is one, its curve, its words, its members."""

    card: HotspotCard
    parts: tuple[PartRow, ...]
    chart: Chart
    channels: tuple[str, ...]
    members: tuple[MemberRow, ...]
    more_members: int


def card_of(hotspot: Hotspot, now: datetime) -> HotspotCard:
    """A hotspot with the words that a reader needs around its figures."""
    place = "、".join(hotspot.places[:3]) or "、".join(hotspot.districts[:3]) or "地点未明"
    against = (
        f"期望 {formats.number(hotspot.expected, 1)} 件，实际 {formats.number(hotspot.count)} 件"
        if hotspot.expected
        else ""
    )
    summary = f"{hotspot.title}：{formats.short_day(city_day(hotspot.first))} 至 {formats.short_day(city_day(hotspot.last))} 共 {hotspot.count} 件"
    return HotspotCard(
        figure=hotspot,
        place=place,
        since=formats.moment(hotspot.first),
        against=against,
        ask=ASKS[hotspot.level],
        curve=spark([d.count for d in hotspot.daily], [d.expected for d in hotspot.daily], summary=summary),
        quotation=next(iter(hotspot.sentences), None),
        age=formats.elapsed(now - hotspot.first),
        needs_confirmation=hotspot.level in (Level.ORANGE, Level.RED),
    )


def hotspots_view(
    hotspots: Hotspots, *, since: date, until: date, last: date | None = None, selected: HotspotView | None = None
) -> HotspotsView:
    """The list for a period. `last`: day of the latest hotspot before the period, where it is known."""
    source = hotspots.source
    return HotspotsView(
        cards=tuple(card_of(hotspot, source.computed_at) for hotspot in hotspots.hotspots),
        empty=empty_sentence(since, until, last, hotspots.silent_sources),
        n=source.n,
        computed_at=source.computed_at,
        versions="，".join(f"{name} {version}" for name, version in sorted(source.versions.items())),
        silent_sources=hotspots.silent_sources,
        selected=selected,
    )


def empty_sentence(since: date, until: date, last: date | None, silent: Sequence[str]) -> str:
    """ "Nothing to report" and "the source is silent" are answers of their own."""
    when = "今日" if since == until else f"{formats.span(since, until)}"
    sentence = f"{when}无达到阈值的热点。"
    if last:
        sentence += f"上一次出现在 {formats.day(last, year=last.year != until.year)}。"
    if silent:
        sentence += f"注意：{'、'.join(silent)} 没有数据进来，此结论不含这些来源。"
    return sentence


def hotspot_view(reader: Reader, viewer: Viewer, hotspot: Hotspot, *, now: datetime) -> HotspotView:
    """One incident with its members, as many as `viewer`'s reader lets through, newest first."""
    del viewer  # the reader is already scoped; kept in the signature for later issues (notes, actions)
    found = [record for record_id in hotspot.record_ids[:MEMBERS_SHOWN] if (record := reader.get(record_id))]
    members = sorted(found, key=lambda record: record.created_at, reverse=True)
    return HotspotView(
        card=card_of(hotspot, now),
        parts=tuple(
            PartRow(PARTS.get(k, k), v) for k, v in sorted(hotspot.parts.items(), key=lambda kv: -kv[1]) if v > 0
        ),
        chart=daily_chart(hotspot),
        channels=tuple(CHANNEL_NAMES.get(name, name) for name in hotspot.channels),
        members=tuple(MemberRow(record, CHANNEL_NAMES.get(record.channel, record.channel)) for record in members),
        more_members=max(0, len(hotspot.record_ids) - MEMBERS_SHOWN),
    )


def daily_chart(hotspot: Hotspot) -> Chart:
    """Expectation against observation, day by day; the highest day is the one meant."""
    counts = tuple(float(d.count) for d in hotspot.daily)
    mark = max(range(len(counts)), key=lambda i: counts[i]) if counts else None
    return Chart(
        key=f"hotspot-{hotspot.rank}",
        title="每日件数与季节期望",
        x=tuple(d.day.isoformat() for d in hotspot.daily),
        labels=tuple(formats.short_day(d.day) for d in hotspot.daily),
        series=(
            Series("实际", counts, "observed"),
            Series("期望", tuple(round(d.expected, 2) for d in hotspot.daily), "expected", "area"),
        ),
        mark=mark,
        summary=f"共 {hotspot.count} 件，期望 {formats.number(hotspot.expected, 1)} 件。",
    )
