"""检索: a question, its facets, its count over time, its hits. The whole question lives in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final
from urllib.parse import urlencode

from dashboards import formats
from dashboards.charts import Chart, Series
from dashboards.views.counts import bucket_days, bucket_label, bucket_of, label_of, month_end, window
from dashboards.views.marks import Piece, pieces, snippet, words_of
from dashboards.views.records import place_of, title_of
from models.errors import BadQuery, BadRequest
from models.ports import Reader
from models.query import MAX_WINDOW, Expression, Query, Sort
from models.record import Record

Parse = Callable[[str], Expression | None]

FACETS: Final[dict[str, str]] = {
    "district": "区县", "department": "承办单位", "topic": "分类", "demand_type": "诉求类型", "channel": "渠道", "status": "状态",
    "sentiment": "情感", "source": "来源",
}  # fmt: skip
FACET_VALUES: Final = 8
PAGE_SIZE: Final = 20
MAX_TEXT: Final = 500
MAX_BARS: Final = 240
FIRST_YEAR, LAST_YEAR = 1900, 2199
SORTS: Final[dict[Sort, str]] = {Sort.RELEVANCE: "相关", Sort.NEWEST: "最新", Sort.OLDEST: "最早"}
FORMATS: Final = (("csv", "CSV"), ("xlsx", "Excel"), ("jsonl", "JSONL"))
SYNTAX: Final = (
    ("噪音 夜间", "两个词都有"),
    ('"物业 收费"', "词组，相邻且按此顺序"),
    ("供暖 OR 暖气", "有其一；也可写 或"),
    ("噪音 -工地", "有前者、没有后者；也可写 NOT、非"),
    ("(停水 OR 停电) 小区", "括号先算"),
    ("区县:… 承办单位:…", "某个字段等于此值；字段名中英文均可"),
    ("title:路灯", "只在标题里找；text: 正文，reply: 答复"),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as the address states it. Days are inclusive; `page` starts at 1."""

    text: str = ""
    since: date | None = None
    until: date | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: Sort | None = None
    page: int = 1

    @classmethod
    def from_params(cls, params: Mapping[str, Sequence[str]]) -> Ask:
        """From the parameters of an address (name → values).

        Raises:
            BadRequest: a day that is none, a page that is none or lies behind the window, an unknown order, a text too long.
        """

        def one(name: str) -> str:
            return next((value.strip() for value in params.get(name, ()) if value.strip()), "")

        if len(one("q")) > MAX_TEXT:
            raise BadRequest(name="q", value=one("q")[:20] + "…", reason=f"最长 {MAX_TEXT} 字")
        since, until = _day("from", one("from")), _day("to", one("to"))
        if since and until and until < since:
            raise BadRequest(name="to", value=until.isoformat(), reason="结束日早于开始日")
        return cls(
            text=one("q"),
            since=since,
            until=until,
            filters={f: values for f in FACETS if (values := tuple(dict.fromkeys(v for v in params.get(f, ()) if v)))},
            sort=_sort(one("sort")),
            page=_page(one("page")),
        )

    @property
    def order(self) -> Sort:
        """As chosen; else by relevance where words are asked for, else newest first."""
        return self.sort or (Sort.RELEVANCE if self.text else Sort.NEWEST)

    def params(self) -> list[tuple[str, str]]:
        pairs = [("q", self.text), ("from", self.since.isoformat() if self.since else ""),
                 ("to", self.until.isoformat() if self.until else "")]  # fmt: skip
        pairs += [(name, value) for name, values in self.filters.items() for value in values]
        pairs += [("sort", self.sort.value if self.sort else ""), ("page", str(self.page) if self.page > 1 else "")]
        return [(name, value) for name, value in pairs if value]

    def url(self, path: str = "/search") -> str:
        query = urlencode(self.params())
        return f"{path}?{query}" if query else path

    def toggled(self, name: str, value: str) -> Ask:
        """The same question with one facet value more, or without it."""
        chosen = self.filters.get(name, ())
        values = tuple(v for v in chosen if v != value) if value in chosen else (*chosen, value)
        filters = {k: v for k, v in {**self.filters, name: values}.items() if v}
        return replace(self, filters=filters, page=1)

    def query(self, match: Expression | None) -> Query:
        """The question to the store."""
        base = window(self.since or date(FIRST_YEAR, 1, 1), self.until or date(LAST_YEAR, 12, 31))
        return Query(
            match=match,
            filters=dict(self.filters),
            since=base.since if self.since else None,
            until=base.until if self.until else None,
            sort=self.order,
            offset=(self.page - 1) * PAGE_SIZE,
            size=PAGE_SIZE,
        )


@dataclass(frozen=True, slots=True)
class FacetValue:
    name: str
    count: int
    chosen: bool
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    key: str
    title: str
    values: tuple[FacetValue, ...]
    more: int


@dataclass(frozen=True, slots=True)
class HitRow:
    record: Record
    title: tuple[Piece, ...]
    text: tuple[Piece, ...]
    meta: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class QueryError:
    """Where the question went wrong: the text before and after the place."""

    sentence: str
    before: str
    at: str
    after: str


@dataclass(frozen=True, slots=True)
class SearchView:
    ask: Ask
    total: int
    hits: tuple[HitRow, ...]
    facets: tuple[Facet, ...]
    chart: Chart | None
    sorts: tuple[tuple[str, str, bool, str], ...]
    pages: tuple[tuple[str, str, bool], ...]
    exports: tuple[tuple[str, str], ...]
    chips: tuple[tuple[str, str], ...]
    first: int
    last: int
    error: QueryError | None = None
    syntax: tuple[tuple[str, str], ...] = SYNTAX


def search_view(reader: Reader, ask: Ask, *, parse: Parse | None = None) -> SearchView:
    """The whole page; the partial of results shows the same. A bad question is an answer, not an exception."""
    if parse is None:
        from indices.query_language import parse as language

        parse = language
    try:
        match = parse(ask.text) if ask.text else None
    except BadQuery as error:
        return _empty(ask, _error(ask.text, error))
    query = ask.query(match)
    page = reader.search(query)
    first = query.offset + 1 if page.hits else 0
    return SearchView(
        ask=ask,
        total=page.total,
        hits=tuple(_hit(hit.record, match, ask) for hit in page.hits),
        facets=tuple(_facet(reader, query, ask, key, title) for key, title in FACETS.items()),
        chart=_chart(reader, query, ask),
        sorts=_sorts(ask),
        pages=_pages(ask, page.total),
        exports=tuple((name, replace(ask, page=1).url("/search/export") + _and(ask, key)) for key, name in FORMATS),
        chips=_chips(ask),
        first=first,
        last=query.offset + len(page.hits),
    )


def _empty(ask: Ask, error: QueryError) -> SearchView:
    return SearchView(ask, 0, (), (), None, _sorts(ask), (), (), _chips(ask), 0, 0, error)


def _and(ask: Ask, key: str) -> str:
    return ("&" if replace(ask, page=1).params() else "?") + urlencode({"format": key})


def _error(text: str, error: BadQuery) -> QueryError:
    """`position` counts characters from 1."""
    at = min(max(int(error.fields.get("position", 1)) - 1, 0), len(text))
    return QueryError(error.message, text[:at], text[at : at + 1], text[at + 1 :])


def _hit(record: Record, match: Expression | None, ask: Ask) -> HitRow:
    meta = (
        formats.full_moment(record.created_at), label_of("channel", record.channel), place_of(record), record.topic or "",
        label_of("department", record.department) if record.department else "", record.status or "",
    )  # fmt: skip
    query = urlencode({"q": ask.text}) if ask.text else ""
    return HitRow(
        record=record,
        title=pieces(title_of(record), words_of(match, "title")),
        text=_snippet(record, match),
        meta=tuple(part for part in meta if part),
        url=f"/records/{record.id}" + (f"?{query}" if query else ""),
    )


def _snippet(record: Record, match: Expression | None) -> tuple[Piece, ...]:
    """The place in the text that was asked for; where only the reply has it, that place of the reply."""
    found = snippet(record.text, words_of(match, "text"))
    if match is None or any(piece.mark for piece in found):
        return found
    reply = snippet(record.reply, words_of(match, "reply"))
    return (Piece("答复："), *reply) if any(piece.mark for piece in reply) else found


def _facet(reader: Reader, query: Query, ask: Ask, key: str, title: str) -> Facet:
    """Counts under all other filters, so that a second value of the same field can be added."""
    others = query.model_copy(update={"filters": {k: v for k, v in query.filters.items() if k != key}})
    buckets = reader.aggregate(others, [key])
    chosen = ask.filters.get(key, ())
    shown = buckets[:FACET_VALUES] + [b for b in buckets[FACET_VALUES:] if b.keys[0] in chosen]
    found = {b.keys[0] for b in shown}
    rows = [
        FacetValue(label_of(key, b.keys[0]), b.count, b.keys[0] in chosen, ask.toggled(key, b.keys[0]).url())
        for b in shown
    ]
    rows += [
        FacetValue(label_of(key, value), 0, True, ask.toggled(key, value).url())
        for value in chosen
        if value not in found
    ]
    return Facet(key, title, tuple(rows), len(buckets) - len(shown))


def _chart(reader: Reader, query: Query, ask: Ask) -> Chart | None:
    """Count over time, over the days that have records; a click or a drag on it sets the period."""
    months = sorted(reader.aggregate(query, ["month"]), key=lambda bucket: bucket.keys[0])
    if not months:
        return None
    first, last = (
        date.fromisoformat(f"{months[0].keys[0]}-01"),
        month_end(date.fromisoformat(f"{months[-1].keys[0]}-01")),
    )
    first, last = max(first, ask.since or first), min(last, ask.until or last)
    by = bucket_of((last - first).days + 1)
    counts = {b.keys[0]: b.count for b in (months if by == "month" else reader.aggregate(query, [by]))}
    buckets = bucket_days(by, first, last)[-MAX_BARS:]
    while len(buckets) > 1 and not ask.since and buckets[0][0] not in counts:
        buckets.pop(0)
    while len(buckets) > 1 and not ask.until and buckets[-1][0] not in counts:
        buckets.pop()
    first, last = buckets[0][1], buckets[-1][2]
    return Chart(
        key="timeline",
        title={"day": "每日件数", "week": "每周件数", "month": "每月件数"}[by] + "；点选或拖选以筛选时间",
        x=tuple(start.isoformat() for _, start, _ in buckets),
        ends=tuple(end.isoformat() for _, _, end in buckets),
        labels=tuple(bucket_label(by, start) for _, start, _ in buckets),
        series=(Series("件数", tuple(float(counts.get(key, 0)) for key, _, _ in buckets), "plain", "bar"),),
        select=replace(ask, since=None, until=None, page=1).url(),
        x_title={"day": "日", "week": "周（起）", "month": "月"}[by],
        summary=f"{formats.span(first, last)}，共 {formats.number(sum(counts.values()))} 件。点一根柱或拖选一段即可按时间筛选。",
    )


def _sorts(ask: Ask) -> tuple[tuple[str, str, bool, str], ...]:
    return tuple((s.value, name, s is ask.order, replace(ask, sort=s, page=1).url()) for s, name in SORTS.items())


def _pages(ask: Ask, total: int) -> tuple[tuple[str, str, bool], ...]:
    """(label, address, current) of the first, the last and those around the current page, as far as the window reaches."""
    count = min(-(-total // PAGE_SIZE), MAX_WINDOW // PAGE_SIZE)
    if count <= 1:
        return ()
    near = sorted({1, count, *range(max(1, ask.page - 2), min(count, ask.page + 2) + 1)})
    out: list[tuple[str, str, bool]] = []
    for i, page in enumerate(near):
        if i and page - near[i - 1] > 1:
            out.append(("…", "", False))
        out.append((str(page), replace(ask, page=page).url(), page == ask.page))
    return tuple(out)


def _chips(ask: Ask) -> tuple[tuple[str, str], ...]:
    """Every filter in force, each with the address without it."""
    chips = [
        (f"{FACETS[k]}：{label_of(k, v)}", ask.toggled(k, v).url()) for k, values in ask.filters.items() for v in values
    ]
    if ask.since or ask.until:
        words = (
            formats.span(ask.since, ask.until)
            if ask.since and ask.until
            else f"{ask.since or '…'} 至 {ask.until or '…'}"
        )
        chips.append((f"时间：{words}", replace(ask, since=None, until=None, page=1).url()))
    return tuple(chips)


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(name=name, value=text[:40], reason="日期应写作 2026-11-24") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadRequest(name=name, value=text, reason=f"年份应在 {FIRST_YEAR} 到 {LAST_YEAR} 之间")
    return day


def _sort(text: str) -> Sort | None:
    if not text:
        return None
    try:
        return Sort(text)
    except ValueError:
        raise BadRequest(name="sort", value=text[:40], reason=f"可用：{'、'.join(SORTS)}") from None


def _page(text: str) -> int:
    if not text:
        return 1
    last = MAX_WINDOW // PAGE_SIZE
    if not text.isdecimal() or not 1 <= int(text) <= last:
        raise BadRequest(name="page", value=text[:40], reason=f"应为 1 到 {last} 的整数；更后面的请用导出")
    return int(text)
