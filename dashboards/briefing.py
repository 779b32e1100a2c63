"""The briefing of a day, a week or a month (domain.md §5): sentences, each number with the query and the record ids behind it.

A sentence is made of words and claims. A claim holds a value, the question to the store, and ids. Before a paper is printed
`dashboards.briefing_check` asks the store again and leaves out what does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from dashboards import formats
from dashboards.views.counts import SEASON_WEEKS, label_of, repeated, window
from indices.civic.metrics import ANY, definition, last_day
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
Kind = Literal["day", "week", "month", "incident"]
KIND_NAMES: Final[dict[str, str]] = {"day": "每日", "week": "每周", "month": "每月", "incident": "事件"}
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
    """A paper. `day`: its last day; `first`: its first; `correction`: 0, or which correction of the paper of that day it is;
    `dropped`: sentences that were left out because the store did not bear them out.
    """

    day: date
    city: str
    made_at: datetime
    hotspots: int
    sections: tuple[Section, ...]
    versions: dict[str, str]
    part: str = ""
    """The districts that it speaks of; empty: the whole city."""
    kind: Kind = "day"
    first: date | None = None
    subject: str = ""
    """Of a paper about one incident: its title."""
    correction: int = 0
    dropped: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        if self.kind == "incident":
            return f"关于“{self.subject}”的情况"
        return f"{self.city or '本市'}{f'（{self.part}）' if self.part else ''}民生诉求{KIND_NAMES[self.kind]}简报"

    @property
    def span(self) -> str:
        """The days in words, as they stand under the title."""
        day = f"{self.day.year}年{self.day.month}月{self.day.day}日"
        if self.first is None or self.first == self.day:
            return day
        return f"{self.first.year}年{self.first.month}月{self.first.day}日至{day}"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim in the order of the paper; their numbers in print are their places here, from 1."""
        groups = [
            s
            for section in self.sections
            for s in (*section.statements, *(one for item in section.items for one in item))
        ]
        return tuple(claim for statement in groups for claim in statement.claims)


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a paper speaks of, both inclusive."""

    kind: Kind
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def query(self, district: str | None) -> Query:
        return window(self.first, self.last, district)

    def before(self, times: int, district: str | None) -> Query:
        """The period of the same kind so many times earlier; of a day the same weekday of earlier weeks."""
        if self.kind == "month":
            months = self.first.year * 12 + self.first.month - 1 - times
            first = date(months // 12, months % 12 + 1, 1)
            following = date((months + 1) // 12, (months + 1) % 12 + 1, 1)
            return window(first, min(following, first + timedelta(days=self.days)) - timedelta(days=1), district)
        shift = timedelta(weeks=times)
        return window(self.first - shift, self.last - shift, district)

    @property
    def words(self) -> str:
        """When, in the sentence that begins the paper."""
        return formats.day(self.last) if self.kind == "day" else formats.span(self.first, self.last)

    @property
    def earlier(self) -> str:
        return {"day": "上周同日", "week": "上周同期", "month": "上月同期"}[self.kind]


def period_of(kind: Kind, day: date) -> Period:
    """The day, or the natural week or month up to it."""
    first = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[kind]
    return Period(kind, first, day)


def last_complete(kind: Kind, newest: date) -> date:
    """The last day of the latest natural week or month that is over on `newest`; of days `newest` itself."""
    if kind == "day":
        return newest
    following = newest + timedelta(days=1)
    return period_of(kind, following).first - timedelta(days=1)


def compose(
    reader: Reader,
    day: date,
    hotspots: Hotspots,
    metrics: Sequence[Metric],
    *,
    city: str = "",
    district: str | None = None,
    part: str = "",
    kind: Kind = "day",
    instructions: Sequence[str] = (),
) -> Briefing:
    """The briefing of a city day, or of the natural week or month up to it.

    Args:
        part: the districts that the reader sees where that is not the whole city; stands in the title.
        hotspots: of the period (of a day: of the week that ends with it), best first; none is an answer.
        metrics: of the same days, from the metric registry.
        instructions: a line for each that is open (批示).
    """
    period = period_of(kind, day)
    shown = hotspots.hotspots[:HOTSPOTS]
    sections = (
        _overview(reader, period, district),
        _classes(reader, period, district),
        _handling(reader, metrics, period),
        _hot(shown, hotspots, period),
        _repeated(reader, period, district),
        _instructed(instructions),
        *([_appendix(metrics, period)] if len(metrics) > len(METRICS) else []),
    )
    return Briefing(
        day=day, city=city, made_at=now(), hotspots=len(shown), sections=sections, versions=hotspots.source.versions,
        part=district or part, kind=kind, first=period.first,
    )  # fmt: skip


def _instructed(lines: Sequence[str]) -> Section:
    """Leaders' notes that are not closed yet."""
    heading = "督办、批示落实"
    if not lines:
        return Section(heading=heading, statements=(Statement(text="没有未办结的批示。"),))
    return Section(heading=heading, statements=tuple(Statement(text=line) for line in lines))


def _count(reader: Reader, query: Query, words: str) -> Claim:
    page = reader.search(query.model_copy(update={"size": IDS_SHOWN}))
    ids = tuple(hit.record.native_id or hit.record.id for hit in page.hits)
    return Claim(value=page.total, words=words, query=query.model_copy(update={"size": 0}), ids=ids)


def _overview(reader: Reader, period: Period, district: str | None) -> Section:
    query = period.query(district)
    whole = _count(reader, query, "当日受理" if period.kind == "day" else "本期受理")
    if not whole.value:
        return Section(
            heading="受理概况",
            statements=(Statement(text=f"{period.words}没有受理记录，请先核对数据源是否中断。", claims=(whole,)),),
        )
    past = [(period.earlier, _count(reader, period.before(1, district), f"{period.earlier}受理"))]
    if period.kind == "day":
        yesterday = period.last - timedelta(days=1)
        past.insert(0, ("前一日", _count(reader, window(yesterday, yesterday, district), "前一日受理")))
    against = "，".join(_against(whole, claim, name) for name, claim in past)
    first = f"{period.words}共受理 {whole.value:,.0f} 件，{against}。"
    channels = _shares(reader, query, "channel")
    return Section(
        heading="受理概况",
        statements=(Statement(text=first, claims=(whole, *(claim for _, claim in past))), _listed("按渠道", channels)),
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


def _classes(reader: Reader, period: Period, district: str | None) -> Section:
    query, unit = period.query(district), {"day": "周同日", "week": "周同期", "month": "月同期"}[period.kind]
    statements = [_listed("按诉求类型", _shares(reader, query, "demand_type"))]
    for claim in _shares(reader, query, "topic")[:3]:
        past = [
            _count(reader, period.before(k, district).narrowed(topic=(claim.words,)), f"前 {k} {unit}")
            for k in range(1, SEASON_WEEKS + 1)
        ]
        mean = sum(one.value for one in past) / len(past)
        expected = Claim(
            value=round(mean, 1), words=f"{claim.words}前 {SEASON_WEEKS} {unit}均值", query=claim.query, computed=True
        )
        text = f"{claim.words}类 {claim.value:,.0f} 件，前 {SEASON_WEEKS} {unit}平均 {mean:.1f} 件。"
        statements.append(Statement(text=text, claims=(claim, expected)))
    return Section(heading="诉求分类", statements=tuple(statements))


def _parts(reader: Reader, metric: Metric) -> tuple[Claim, ...]:
    """Numerator and denominator of a rate; as counts of their own, so that they can be found again, where its definition is two filters."""
    assert metric.source is not None
    query = metric.source.query
    rule = definition(metric.name, last_day(query))
    if (
        rule.per
        or rule.workdays
        or rule.exclusions
        or ANY in (*rule.numerator.values(), *(rule.denominator or {}).values())
    ):
        ends = ((metric.numerator, "分子"), (metric.denominator, "分母"))
        return tuple(
            Claim(value=n or 0, words=f"{metric.title}的{part}", query=query, computed=True) for n, part in ends
        )
    whole = query.narrowed(**(rule.denominator or {}))
    numerator = _count(reader, whole.narrowed(**rule.numerator), f"{metric.title}的分子")
    return numerator, _count(reader, whole, f"{metric.title}的分母")


def _handling(reader: Reader, metrics: Sequence[Metric], period: Period) -> Section:
    statements, when = [], f"近 {WEEK_DAYS} 日" if period.kind == "day" else "本期"
    for metric in metrics:
        if (
            metric.name not in METRICS
            or metric.source is None
            or metric.denominator is None
            or metric.numerator is None
        ):
            continue
        if metric.value is None:
            statements.append(Statement(text=f"{when}{metric.title}：无可计算的工单。"))
            continue
        rate = Claim(value=metric.value, words=metric.title, query=metric.source.query, computed=True)
        parts = _parts(reader, metric)
        text = f"{when}{metric.title} {metric.value:.1f}%（{metric.numerator:,}/{metric.denominator:,}）。"
        statements.append(Statement(text=text, claims=(rate, *parts)))
    return Section(heading="承办情况", statements=tuple(statements) or (Statement(text="本期没有承办数据。"),))


def _appendix(metrics: Sequence[Metric], period: Period) -> Section:
    """Every metric of the registry, as the pages and the API give it."""
    without: list[str] = []
    statements, when = [], f"近 {WEEK_DAYS} 日" if period.kind == "day" else "本期"
    for metric in metrics:
        if metric.value is None or metric.source is None:
            without.append(metric.title)
            continue
        claims = [Claim(value=metric.value, words=metric.title, query=metric.source.query, computed=True)]
        text = f"{when}{metric.title} {formats.metric_value(metric.value, metric.unit)}"
        if metric.denominator is not None and metric.numerator is not None:
            text += f"（{metric.numerator:,}/{metric.denominator:,}）"
            claims += [
                Claim(value=n, words=f"{metric.title}的{part}", query=metric.source.query, computed=True)
                for n, part in ((metric.numerator, "分子"), (metric.denominator, "分母"))
            ]
        statements.append(Statement(text=f"{text}。", claims=tuple(claims)))
    if without:
        statements.append(Statement(text=f"没有数据可算的：{'、'.join(without)}。"))
    return Section(heading="指标附表", statements=tuple(statements))


def _hot(shown: Sequence[Hotspot], hotspots: Hotspots, period: Period) -> Section:
    if not shown:
        silent = (
            f"但 {'、'.join(hotspots.silent_sources)} 没有数据进来，此结论不含这些来源。"
            if hotspots.silent_sources
            else ""
        )
        return Section(
            heading="热点难点",
            statements=(Statement(text=f"{'今日' if period.kind == 'day' else '本期'}无达到阈值的热点。{silent}"),),
        )
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


def _repeated(reader: Reader, period: Period, district: str | None) -> Section:
    daily = period.kind == "day"
    query = (
        window(period.last - timedelta(days=WEEK_DAYS - 1), period.last, district) if daily else period.query(district)
    )
    when = f"近 {WEEK_DAYS} 日" if daily else "本期"
    speakers, records, topics = repeated(reader, query, REPEATS)
    if not speakers:
        return Section(
            heading="重复投诉",
            statements=(Statement(text=f"{when}没有人就同一类问题反映 {REPEATS} 次以上。"),),
        )
    most = topics.most_common(3)
    claims = [
        Claim(value=speakers, words=f"同一类反映 {REPEATS} 次以上的人数", query=query, computed=True),
        Claim(value=records, words=f"同一人同一类 {REPEATS} 次以上的件数", query=query, computed=True),
        *(
            Claim(value=n, words=f"其中{topic}", query=query.narrowed(topic=(topic,)), computed=True)
            for topic, n in most
        ),
    ]
    listed = "、".join(f"{topic} {count:,} 件" for topic, count in most)
    text = f"{when} {speakers:,} 人就同一类问题反映 {REPEATS} 次以上，共 {records:,} 件；集中在{listed}。"
    return Section(heading="重复投诉", statements=(Statement(text=text, claims=tuple(claims)),))
