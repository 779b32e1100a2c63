"""The briefing of a day (domain.md §5): sentences, each number with the query and the record ids that it came from.

A sentence is made of words and claims. A claim holds a value, the question to the store, and ids; `verify` asks the store again
and names what does not hold, so that a paper with a number that nobody can find again is not printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from dashboards import formats
from dashboards.views.counts import SEASON_WEEKS, label_of, repeated, window
from indices.civic.metrics import definition
from models.clock import city_day, now
from models.figures import Hotspot, Hotspots, Metric
from models.labels import CHANNEL_NAMES, Level
from models.ports import Reader
from models.query import Query
from models.record import Frozen

HOTSPOTS: Final = 5
IDS_SHOWN: Final = 20  # ids that stand behind a claim on paper; the query finds the others
SHARES_SHOWN: Final = 6
WEEK_DAYS: Final = 7
REPEATS: Final = 3
METRICS: Final = ("timely_rate", "resolution_rate", "satisfaction_rate", "return_rate")
_UNCONFIRMED: Final = (Level.ORANGE, Level.RED)


class Claim(Frozen):
    """A number and where it came from. `computed`: it is not a plain count (a rate, a mean) but its inputs are named in `words`."""

    value: float
    words: str
    query: Query
    ids: tuple[str, ...] = ()
    computed: bool = False


class Statement(Frozen):
    """A sentence as it is printed, with the claims of its numbers."""

    text: str
    claims: tuple[Claim, ...] = ()


class Section(Frozen):
    heading: str
    statements: tuple[Statement, ...] = ()
    items: tuple[tuple[Statement, ...], ...] = ()


class Briefing(Frozen):
    day: date
    city: str
    made_at: datetime
    hotspots: int
    sections: tuple[Section, ...]
    versions: dict[str, str]
    part: str = ""
    """The districts that it speaks of; empty: the whole city."""

    @property
    def title(self) -> str:
        return f"{self.city or '本市'}{f'（{self.part}）' if self.part else ''}民生诉求每日简报"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim in the order of the paper; their numbers in print are their places here, from 1."""
        groups = [
            s
            for section in self.sections
            for s in (*section.statements, *(one for item in section.items for one in item))
        ]
        return tuple(claim for statement in groups for claim in statement.claims)


def compose(
    reader: Reader,
    day: date,
    hotspots: Hotspots,
    metrics: Sequence[Metric],
    *,
    city: str = "",
    district: str | None = None,
    part: str = "",
) -> Briefing:
    """The briefing of a city day.

    Args:
        part: the districts that the reader sees where that is not the whole city; stands in the title.
        hotspots: of the week that ends with the day, best first; none is an answer.
        metrics: of the same week, from the metric registry.
    """
    shown = hotspots.hotspots[:HOTSPOTS]
    sections = (
        _overview(reader, day, district),
        _classes(reader, day, district),
        _handling(reader, metrics),
        _hot(shown, hotspots),
        _repeated(reader, day, district),
        Section(heading="督办、批示落实", statements=(Statement(text="督办、批示尚未接入本系统，本期不列。"),)),
    )
    return Briefing(
        day=day, city=city, made_at=now(), hotspots=len(shown), sections=sections, versions=hotspots.source.versions,
        part=district or part,
    )  # fmt: skip


def _count(reader: Reader, query: Query, words: str) -> Claim:
    page = reader.search(query.model_copy(update={"size": IDS_SHOWN}))
    ids = tuple(hit.record.native_id or hit.record.id for hit in page.hits)
    return Claim(value=page.total, words=words, query=query.model_copy(update={"size": 0}), ids=ids)


def _overview(reader: Reader, day: date, district: str | None) -> Section:
    query = window(day, day, district)
    whole = _count(reader, query, "当日受理")
    before = _count(reader, window(day - timedelta(days=1), day - timedelta(days=1), district), "前一日受理")
    week = _count(reader, window(day - timedelta(days=7), day - timedelta(days=7), district), "上周同日受理")
    if not whole.value:
        return Section(
            heading="受理概况",
            statements=(Statement(text=f"{formats.day(day)}没有受理记录，请先核对数据源是否中断。", claims=(whole,)),),
        )
    first = f"{formats.day(day)}共受理 {whole.value:,.0f} 件，{_against(whole, before, '前一日')}，{_against(whole, week, '上周同日')}。"
    channels = _shares(reader, query, "channel")
    return Section(
        heading="受理概况",
        statements=(Statement(text=first, claims=(whole, before, week)), _listed("按渠道", channels)),
    )


def _against(claim: Claim, past: Claim, name: str) -> str:
    difference = claim.value - past.value
    if not difference:
        return f"与{name}（{past.value:,.0f} 件）持平"
    return f"较{name}（{past.value:,.0f} 件）{'增加' if difference > 0 else '减少'} {abs(difference):,.0f} 件"


def _shares(reader: Reader, query: Query, field: str) -> tuple[Claim, ...]:
    buckets = reader.aggregate(query, [field])[:SHARES_SHOWN]
    return tuple(_count(reader, query.narrowed(**{field: (b.keys[0],)}), label_of(field, b.keys[0])) for b in buckets)


def _listed(lead: str, claims: Sequence[Claim]) -> Statement:
    if not claims:
        return Statement(text=f"{lead}：无记录。")
    return Statement(
        text=f"{lead}：{'、'.join(f'{claim.words} {claim.value:,.0f} 件' for claim in claims)}。", claims=tuple(claims)
    )


def _classes(reader: Reader, day: date, district: str | None) -> Section:
    query = window(day, day, district)
    statements = [_listed("按诉求类型", _shares(reader, query, "demand_type"))]
    for claim in _shares(reader, query, "topic")[:3]:
        past = [
            _count(
                reader,
                window(day - timedelta(weeks=k), day - timedelta(weeks=k), district).narrowed(topic=(claim.words,)),
                f"{k} 周前同日",
            )
            for k in range(1, SEASON_WEEKS + 1)
        ]
        mean = sum(one.value for one in past) / len(past)
        expected = Claim(
            value=round(mean, 1), words=f"{claim.words}前 {SEASON_WEEKS} 周同日均值", query=claim.query, computed=True
        )
        text = f"{claim.words}类 {claim.value:,.0f} 件，前 {SEASON_WEEKS} 周同日平均 {mean:.1f} 件。"
        statements.append(Statement(text=text, claims=(claim, expected)))
    return Section(heading="诉求分类", statements=tuple(statements))


def _parts(reader: Reader, metric: Metric) -> tuple[Claim, ...]:
    """Numerator and denominator of a rate as counts of their own, so that they can be found again."""
    assert metric.source is not None
    query = metric.source.query
    rule = definition(
        metric.name, city_day(query.until - timedelta(microseconds=1)) if query.until else city_day(now())
    )
    whole = query.narrowed(**(rule.denominator or {}))
    numerator = _count(reader, whole.narrowed(**rule.numerator), f"{metric.title}的分子")
    return numerator, _count(reader, whole, f"{metric.title}的分母")


def _handling(reader: Reader, metrics: Sequence[Metric]) -> Section:
    statements = []
    for metric in metrics:
        if metric.source is None or metric.denominator is None or metric.numerator is None:
            continue
        if metric.value is None:
            statements.append(Statement(text=f"近 {WEEK_DAYS} 日{metric.title}：无可计算的工单。"))
            continue
        rate = Claim(value=metric.value, words=metric.title, query=metric.source.query, computed=True)
        parts = _parts(reader, metric)
        text = f"近 {WEEK_DAYS} 日{metric.title} {metric.value:.1f}%（{metric.numerator:,}/{metric.denominator:,}）。"
        statements.append(Statement(text=text, claims=(rate, *parts)))
    return Section(heading="承办情况", statements=tuple(statements) or (Statement(text="本期没有承办数据。"),))


def _hot(shown: Sequence[Hotspot], hotspots: Hotspots) -> Section:
    if not shown:
        silent = (
            f"但 {'、'.join(hotspots.silent_sources)} 没有数据进来，此结论不含这些来源。"
            if hotspots.silent_sources
            else ""
        )
        return Section(heading="热点难点", statements=(Statement(text=f"今日无达到阈值的热点。{silent}"),))
    return Section(heading="热点难点", items=tuple(_hotspot(one, hotspots.source.query) for one in shown))


def _hotspot(one: Hotspot, query: Query) -> tuple[Statement, ...]:
    own = query.model_copy(update={"filters": {**query.filters, "id": one.record_ids}, "size": 0})
    count = Claim(value=one.count, words=f"热点「{one.title}」件数", query=own, ids=one.members[:IDS_SHOWN])
    people = Claim(
        value=one.people, words=f"热点「{one.title}」去重人数", query=own, ids=one.members[:IDS_SHOWN], computed=True
    )
    usual = Claim(value=round(one.expected, 1), words="同期通常件数", query=own, computed=True)
    level = "" if one.level is Level.NONE else f"（{one.level}{'，待人工确认' if one.level in _UNCONFIRMED else ''}）"
    places = "、".join(one.places[:3]) or "地点不详"
    channels = "、".join(CHANNEL_NAMES.get(name, name) for name in one.channels)
    head = Statement(text=f"{one.title}{level}。")
    facts = Statement(
        text=f"{_date(one.first)} 至 {_date(one.last)}，{places}，"
        f"{one.count:,} 件、{one.people:,} 人反映，同期通常 {one.expected:.1f} 件；渠道：{channels or '不详'}；承办：{one.department or '未定'}。",
        claims=(count, people, usual),
    )
    quotes = [Statement(text=f"典型诉求：“{sentence.text}”（{sentence.id}）") for sentence in one.sentences[:1]]
    return (head, facts, *quotes)


def _date(instant: datetime) -> str:
    day = city_day(instant)
    return f"{day.month} 月 {day.day} 日"


def _repeated(reader: Reader, day: date, district: str | None) -> Section:
    query = window(day - timedelta(days=WEEK_DAYS - 1), day, district)
    speakers, records, topics = repeated(reader, query, REPEATS)
    if not speakers:
        return Section(
            heading="重复投诉",
            statements=(Statement(text=f"近 {WEEK_DAYS} 日没有人就同一类问题反映 {REPEATS} 次以上。"),),
        )
    claim = Claim(value=records, words=f"同一人同一类 {REPEATS} 次以上的件数", query=query, computed=True)
    most = "、".join(f"{topic} {count:,} 件" for topic, count in topics.most_common(3))
    text = f"近 {WEEK_DAYS} 日 {speakers:,} 人就同一类问题反映 {REPEATS} 次以上，共 {records:,} 件；集中在{most}。"
    return Section(heading="重复投诉", statements=(Statement(text=text, claims=(claim,)),))


def verify(briefing: Briefing, reader: Reader) -> list[str]:
    """Count every plain claim again; a sentence for each that the store does not bear out (none: the paper may be printed)."""
    wrong = []
    for number, claim in enumerate(briefing.claims, start=1):
        if claim.computed:
            continue
        found = reader.search(claim.query).total
        if found != claim.value:
            wrong.append(f"〔{number}〕{claim.words}：简报写 {claim.value:,.0f}，现查为 {found:,}")
    return wrong
