"""What a page of a source says: items, pages that it leads to, and the list page that follows. Pure: no request is made here.

The same reading serves the crawl, `source try`, `source check` over what is archived, and `replay`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from parsel import Selector

from crawlers.feeds.importer import Report, read_items
from crawlers.feeds.mapping import Mapping as Columns
from crawlers.feeds.values import COUNTS, TIMES
from crawlers.web.content import Content, paragraphs, select, value_of
from crawlers.web.source import Form, WebSource
from crawlers.web.times import web_time
from indices.collection.frontier import Role, Wanted
from models.clock import city_day
from models.identity import digest, record_id
from models.item import Item

FORM: Final = "#form"
"""Key of a page's context under which the values lie that are sent with it."""
DAYS: Final = "#days"
"""Key under which the days lie that {from} and {to} mean in this round."""
_REPEATED = re.compile(r"(/[^/]+)\1{3,}(?:/|$)|(/[^/]+/[^/]+)\2{2,}(?:/|$)")
LONGEST_ADDRESS: Final = 2_000


@dataclass(slots=True)
class Reading:
    """What one page gave. `problems`: what was expected on it and is not there, in sentences."""

    items: list[Item] = field(default_factory=list)
    found: list[Wanted] = field(default_factory=list)
    following: list[Wanted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    answered: bool = False


class Reader:
    """Reads the pages of one source. `report` counts what could not be read."""

    def __init__(self, source: WebSource, report: Report | None = None) -> None:
        self.source, self.report = source, report or Report()
        names = [
            *dict.fromkeys([*source.fields, *source.list_fields, *(_OF_FEEDS if source.form is Form.FEED else ())])
        ]
        constants = {"channel": source.channel, "kind": source.kind.value}
        self._columns = Columns(name=source.name, source=source.name, legal_basis=source.legal_basis, grade=source.grade,
                                columns={name: name for name in (*names, "url") if name not in constants},
                                constants={name: value for name, value in constants.items() if name not in names})  # fmt: skip

    def starts(self, today: datetime, since: datetime | None = None) -> list[Wanted]:
        """The first list pages of a round; `since`: the first day that is asked for, where the site can be asked for days."""
        begin = since or today - timedelta(days=self.source.since_days)
        days = [city_day(begin).isoformat(), city_day(today).isoformat()]
        return [self._page_of(start, 0, "", days) for start in self.source.start]

    def read(
        self, content: Content, role: Role, *, depth: int, context: Mapping[str, Any], fetched_at: datetime
    ) -> Reading:
        """Read a list page or a detail page. Raises nothing for what is wrong with the page: that is in `problems`."""
        if content.content_type.partition("/")[0].strip().lower() in ("image", "audio", "video", "font"):
            return Reading(problems=[f"不是网页（{content.content_type[:40]}）"])
        if role == "detail":
            return self._detail(content, context, fetched_at)
        if self.source.form is Form.SITEMAP:
            return self._sitemap(content, depth)
        if self.source.form is Form.FEED:
            return self._feed(content, fetched_at)
        return self._list(content, depth, context, fetched_at)

    # --- list pages --------------------------------------------------------------------------------------------------
    def _list(self, content: Content, depth: int, context: Mapping[str, Any], fetched_at: datetime) -> Reading:
        reading, source = Reading(), self.source
        if source.form is Form.API and content.kind != "json":
            reading.problems.append("应为 JSON，收到的不是")
            return reading
        entries = select(content.root, source.items) if source.items else [content.root]
        for entry in entries:
            row = self._row(entry, source.list_fields if source.follows else {**source.list_fields, **source.fields})
            address = self._link(content, entry)
            if not source.follows:
                self._add_whole(reading, row, address, fetched_at)
            elif address and self._wanted(address):
                reading.found.append(Wanted(address, "detail", context=row, mark=_mark(row)))
        if not entries and not depth:
            reading.problems.append(f"items = {source.items!r} 在列表页上没有找到")
        elif source.follows and entries and not reading.found and not depth:
            reading.problems.append(f"items = {source.items!r} 找到 {len(entries)} 件，但没有一件指向可采的网址")
        if entries and depth + 1 < source.depth:
            reading.following = self._next(content, depth, context)
        return reading

    def _next(self, content: Content, depth: int, context: Mapping[str, Any]) -> list[Wanted]:
        source = self.source
        templates = [*source.start, *source.form_data.values()]
        named = value_of(content.root, source.next_page) if source.next_page else ""
        start = source.start[context.get("#start", 0)]
        if any("{cursor}" in one for one in templates):
            return [self._page_of(start, depth + 1, named, context[DAYS])] if named and named != "null" else []
        if any("{page}" in one or "{offset}" in one for one in templates):
            return [self._page_of(start, depth + 1, "", context[DAYS])]
        if not source.next_page:
            return []
        links = select(content.root, source.next_page)
        address = content.absolute(named if content.kind == "json" else _href(links[0]) if links else None)
        return [Wanted(address, "list", depth + 1, context)] if address and self._within(address) else []

    def _page_of(self, start: str, depth: int, cursor: str, days: list[str]) -> Wanted:
        number = str(self.source.first_page + depth * self.source.page_step)
        values = {"{page}": number, "{offset}": number, "{cursor}": cursor, "{from}": days[0], "{to}": days[1]}
        context: dict[str, Any] = {DAYS: days, "#start": self.source.start.index(start)}
        if self.source.form_data:
            context[FORM] = {name: _filled(value, values) for name, value in self.source.form_data.items()}
        return Wanted(
            _filled(start, {place: quote(value, safe="") for place, value in values.items()}), "list", depth, context
        )

    def _sitemap(self, content: Content, depth: int) -> Reading:
        reading = Reading()
        for entry in content.root.xpath("/sitemapindex/sitemap | /urlset/url"):
            address = content.absolute(entry.xpath("string(loc)").get())
            if address is None or not self._within(address):
                continue
            if entry.root.tag == "sitemap":
                if depth + 1 < self.source.depth:
                    reading.following.append(Wanted(address, "list", depth + 1))
            elif self._wanted(address):
                changed = entry.xpath("string(lastmod)").get() or ""
                reading.found.append(Wanted(address, "detail", mark=digest(changed)))
        if not reading.found and not reading.following and not depth:
            reading.problems.append(
                "站点地图里没有可采的网址" + (f"（match = {self.source.match!r}）" if self.source.match else "")
            )
        return reading

    def _feed(self, content: Content, fetched_at: datetime) -> Reading:
        import feedparser

        reading, source = Reading(), self.source
        parsed = feedparser.parse(
            content.text.encode("utf-8"), response_headers={"content-type": "application/xml; charset=utf-8"}
        )
        for entry in parsed.entries:
            address = content.absolute(entry.get("link"))
            row = _entry_fields(entry)
            if not source.follows:
                self._add_whole(reading, row, address, fetched_at)
            elif address and self._wanted(address):
                reading.found.append(Wanted(address, "detail", context=row, mark=_mark(row)))
        if not parsed.entries:
            reading.problems.append("不是 RSS 或 Atom，或者里面没有一条")
        return reading

    def _link(self, content: Content, entry: Selector) -> str | None:
        if self.source.link:
            found = select(entry, self.source.link)
            named = value_of(entry, self.source.link) if content.kind == "json" else _href(found[0]) if found else ""
            return content.absolute(named)
        if content.kind == "json":
            return None
        return content.absolute(_href(entry))

    def _wanted(self, address: str) -> bool:
        return self._within(address) and (not self.source.match or re.search(self.source.match, address) is not None)

    def _within(self, address: str) -> bool:
        """On a host of the source, and no address as endless mazes have them."""
        parts = urlsplit(address)
        return (
            parts.hostname in self.source.hosts and len(address) <= LONGEST_ADDRESS and not _REPEATED.search(parts.path)
        )

    # --- items -------------------------------------------------------------------------------------------------------
    def _detail(self, content: Content, context: Mapping[str, Any], fetched_at: datetime) -> Reading:
        reading, source = Reading(), self.source
        told = {name: value for name, value in context.items() if not name.startswith("#")}
        entries = select(content.root, source.posts) if source.posts else [content.root]
        for entry in entries:
            read = {name: value for name, value in self._row(entry, source.fields).items() if value}
            self._add(reading, {"url": content.canonical, **told, **read}, fetched_at)
        if not entries:
            reading.problems.append(f"posts = {source.posts!r} 在帖子页上没有找到")
        if source.next_posts and (links := select(content.root, source.next_posts)):
            address = content.absolute(_href(links[0]))
            if address and self._within(address):
                reading.found.append(Wanted(address, "detail", context=dict(context)))
        looked_for = [name for name in source.fields if name != "reply"] if reading.items else []
        empty = [name for name in looked_for if all(_empty(item, name) for item in reading.items)]
        reading.problems += [f"字段 {name}（{source.fields[name]}）没有读到" for name in empty]
        return reading

    def _add_whole(self, reading: Reading, row: dict[str, Any], address: str | None, fetched_at: datetime) -> None:
        """An item that stands on the list page itself."""
        mark, before = _mark(row), len(reading.items)
        self._add(reading, {**row, **({"url": address} if address else {})}, fetched_at)
        reading.found += [Wanted(record_id(item), "item", mark=mark) for item in reading.items[before:]]

    @staticmethod
    def _row(entry: Selector, fields: Mapping[str, str]) -> dict[str, str]:
        return {name: value_of(entry, selector) for name, selector in fields.items()}

    def _add(self, reading: Reading, row: dict[str, Any], fetched_at: datetime) -> None:
        for name in TIMES & row.keys():
            try:
                row[name] = web_time(row[name], fetched_at).isoformat() if row[name] else ""
            except ValueError:
                continue  # what is no time is named by the reading of the row, with the value seen
        item = next(self._items(row, fetched_at))
        if not (item.payload.title or item.payload.text):
            reading.problems.append("没有读到标题，也没有读到正文")
            return
        reading.items.append(item)
        reading.answered = reading.answered or bool(item.payload.reply)

    def _items(self, row: dict[str, Any], fetched_at: datetime) -> Iterator[Item]:
        return read_items([row], self._columns, fetched_at=fetched_at, report=self.report)


_OF_FEEDS: Final = ("native_id", "title", "text", "created_at", "changed_at")


def _entry_fields(entry: Any) -> dict[str, str]:
    """Of an entry of RSS or Atom: its identity, title, text (the whole where there is one, else the summary) and times."""
    whole = next((part.get("value", "") for part in entry.get("content", ())), "") or entry.get("summary", "")
    fields = {"native_id": (entry.get("id") or "")[:200], "title": _plain(entry.get("title", "")), "text": _plain(whole),
              "created_at": _moment(entry, "published") or _moment(entry, "updated"), "changed_at": _moment(entry, "updated")}  # fmt: skip
    return {name: value for name, value in fields.items() if value}


def _moment(entry: Any, name: str) -> str:
    """The instant of an entry, with its zone: the library gives it in UTC; what it cannot read stays as it is."""
    if parsed := entry.get(f"{name}_parsed"):
        return "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00".format(*parsed[:6])
    return str(entry.get(name, ""))


def _plain(markup: str) -> str:
    return (
        paragraphs(Selector(text=f"<div>{markup}</div>", type="html"))
        if "<" in markup or "&" in markup
        else markup.strip()
    )


def _href(found: Selector) -> str | None:
    """The address that an element leads to: its own, its first link's, or the value that the selector chose."""
    if not hasattr(found.root, "tag"):
        return str(found.root)
    return found.attrib.get("href") or found.xpath("(.//a/@href)[1]").get()


def _filled(template: str, values: Mapping[str, str]) -> str:
    for place, value in values.items():
        template = template.replace(place, value)
    return template


def _mark(row: Mapping[str, str]) -> str:
    """Changes when the list shows a change: 3小时前 becomes 4小时前 and views rise without one."""
    told = {name: value for name, value in row.items() if name not in TIMES and name not in COUNTS}
    return digest(json.dumps(told, ensure_ascii=False, sort_keys=True))


def _empty(item: Item, name: str) -> bool:
    value = getattr(item, name) if name in ("native_id", "revision") else getattr(item.payload, name)
    return value is None or value == ""
