"""A web source as data: of what form it is, where its things are found on a page, how often one may ask. One TOML file a source."""

from __future__ import annotations

import re
from datetime import datetime, time
from enum import StrEnum
from functools import cache
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from crawlers.feeds.mapping import FIELDS
from crawlers.web.addresses import SCHEMES, refusal
from models.clock import CITY_TIME
from models.labels import Grade, Kind
from models.record import Frozen

PLACES: Final = ("{page}", "{offset}", "{cursor}", "{from}", "{to}")
"""What an address or a value of the form may hold: number of the page, of its first item, what the page before named, and days."""


class Form(StrEnum):
    """How a site shows its things."""

    LIST = "list"
    """List pages with links to detail pages."""
    SITEMAP = "sitemap"
    """sitemap.xml, also compressed, also an index of several; `match` chooses the detail pages."""
    FEED = "feed"
    """RSS or Atom."""
    API = "api"
    """JSON; selectors are JMESPath."""
    BOARD = "board"
    """List pages of threads; each post on a thread page is an item."""
    SEARCH = "search"
    """A form that is sent; its results are list pages."""


class WebSource(Frozen):
    """`fields`: field → selector on the detail page, or in the item where no detail page is followed; `list_fields`: in the item of the list.

    A selector is CSS (with Scrapy's `::text` and `::attr(name)`), `xpath:…`, or in JSON JMESPath (`jmes:…` elsewhere). All matches are joined.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    title: str = ""
    owner: str = Field("", description="office that answers for this source")
    legal_basis: Annotated[str, Field(min_length=1, description="why this may be collected, e.g. 公开渠道")]
    grade: Grade = Grade.GENERAL_1
    contact: Annotated[str, Field(min_length=3, description="address or page that the site's operator can turn to")]
    channel: str = "web"
    kind: Kind = Kind.DEMAND
    form: Form = Form.LIST
    spider: str = Field(
        "", description="module:class of a city's own spider, a subclass of crawlers.web.spider.PageSpider"
    )

    start: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
        Field(min_length=1),
    ]
    form_data: dict[str, str] = Field(default_factory=dict, description="values sent with POST, for `search` and `api`")
    items: str = Field(
        "", description="selector of the items of a list page (for `list`: of the links or of what holds one)"
    )
    link: str = Field(
        "", description="selector, within an item, of the address of its detail page; empty: its own link or its first"
    )
    match: str = Field("", description="regular expression that the address of a detail page has to hold")
    detail: bool | None = Field(
        None, description="whether detail pages are read; not said: yes, but for `feed` and `api`"
    )
    posts: str = Field("", description="for `board`: selector of the posts of a thread page")
    next_posts: str = Field("", description="for `board`: selector of the link to the thread's next page")
    fields: dict[str, str] = Field(default_factory=dict)
    list_fields: dict[str, str] = Field(default_factory=dict)

    next_page: str = Field(
        "", description="selector of the link to the next list page (of the cursor, where start holds {cursor})"
    )
    first_page: int = Field(1, ge=0, le=1_000_000, description="what {page} or {offset} is on the first list page")
    page_step: int = Field(1, ge=1, le=10_000, description="by how much it grows from page to page")
    depth: int = Field(1_000, ge=1, le=100_000, description="list pages in a row at most")
    stop_after: int = Field(
        3, ge=0, le=1_000, description="list pages in a row without anything new that end a round; 0: none does"
    )
    since_days: int = Field(30, ge=1, le=36_500, description="how far {from} lies before {to}, which is today")
    revisit_days: int = Field(
        90, ge=0, le=3_650, description="so long after it was found a page without a reply is visited again"
    )

    delay_seconds: float = Field(1.0, ge=0.0, le=3_600, description="least pause between two requests")
    window: str = Field("", description="hours of the day in which it may be asked, e.g. 21:00-06:30; empty: any")
    max_pages: int = Field(500, ge=1, le=1_000_000, description="pages of one run")
    every_minutes: int = Field(120, ge=1, le=100_000, description="least time between the beginnings of two runs")
    inside: bool = Field(
        False, description="the site lies in the house's own network; else nothing inside is ever asked"
    )
    browser: bool = Field(False, description="pages are made by scripts, so a browser reads them (extra `browser`)")

    @property
    def host(self) -> str:
        """Of its first page."""
        return urlsplit(self.start[0]).hostname or ""

    @property
    def hosts(self) -> list[str]:
        """Links elsewhere are not followed."""
        return list(dict.fromkeys(urlsplit(one).hostname or "" for one in self.start))

    @property
    def follows(self) -> bool:
        """Whether detail pages are read."""
        return self.detail if self.detail is not None else self.form not in (Form.FEED, Form.API)

    def open_at(self, moment: datetime) -> bool:
        """Whether this moment lies in the window; one that ends before it begins goes over midnight."""
        if not self.window:
            return True
        begin, end = _hours(self.window)
        clock = moment.astimezone(CITY_TIME).time()
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    def problems(self) -> list[str]:
        """What is wrong with it, in sentences."""
        return [*self._field_problems(), *self._address_problems(), *self._form_problems()]

    def _field_problems(self) -> list[str]:
        named = {**self.fields, **self.list_fields}
        found = [f"没有字段 {name!r}，可用 {'、'.join(FIELDS)}" for name in named if name not in FIELDS]
        if not {"title", "text"} & set(named) and self.form is not Form.FEED:
            found.append("fields 里要有 title 或 text")
        if (self.posts or not self.follows) and self.form is not Form.FEED and "native_id" not in named:
            found.append("一页有多件时 fields 里要有 native_id，否则同页各件分不开")
        for name, selector in {
            **named,
            **{key: getattr(self, key) for key in ("items", "link", "posts", "next_posts", "next_page")},
        }.items():
            if reason := fault(selector, json=self.form is Form.API and name not in _DETAIL_ONLY):
                found.append(f"{name} 的选择器 {selector!r} 写法有误：{reason}")
        return found

    def _address_problems(self) -> list[str]:
        found = []
        for one in self.start:
            plain = one
            for place in PLACES:
                plain = plain.replace(place, "1")
            if urlsplit(plain).scheme not in SCHEMES or not urlsplit(plain).hostname:
                found.append(f"start 应为 http 或 https 的网址，见到 {one[:60]!r}")
            elif "{" in plain or "}" in plain:
                found.append(f"start 里只能用 {'、'.join(PLACES)}，见到 {one[:60]!r}")
            elif not self.inside and (reason := refusal(plain)):
                found.append(f"start：{reason}；本单位内网的网站请写 inside = true")
        return found

    def _form_problems(self) -> list[str]:
        found = []
        if self.form in (Form.LIST, Form.BOARD, Form.SEARCH) and not self.items:
            found.append(f"form = {self.form.value} 要写 items（列表里各件的选择器）")
        if self.form is Form.BOARD and not self.posts:
            found.append("form = board 要写 posts（帖子页上各楼的选择器）")
        if self.form is Form.SEARCH and not self.form_data:
            found.append("form = search 要写 [form_data]")
        if any("{cursor}" in one for one in (*self.start, *self.form_data.values())) and not self.next_page:
            found.append("用了 {cursor} 就要写 next_page（下一页游标的选择器）")
        try:
            re.compile(self.match)
        except re.error as error:
            found.append(f"match 的正则 {self.match!r} 写法有误：{error}")
        try:
            self.open_at(datetime.now(CITY_TIME))
        except ValueError:
            found.append(f"window 应写成 21:00-06:30，见到 {self.window!r}")
        return found


_DETAIL_ONLY: Final = ("posts", "next_posts")


def _hours(window: str) -> tuple[time, time]:
    begin, _, end = window.partition("-")
    return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())


def fault(selector: str, *, json: bool = False) -> str:
    """What is wrong with a selector's spelling; empty where nothing is, or where the extra that reads it is not installed."""
    try:
        import jmespath
        from cssselect import SelectorError
        from lxml.etree import XPath, XPathSyntaxError
        from parsel.csstranslator import HTMLTranslator
    except ImportError:
        return ""
    kind, text = spelled(selector, json=json)
    try:
        if text and kind == "xpath":
            XPath(text)
        elif text and kind == "jmes":
            jmespath.compile(text)
        elif text:
            HTMLTranslator().css_to_xpath(text)
    except (SelectorError, XPathSyntaxError, ValueError) as error:  # those of JMESPath are ValueErrors
        return str(error).splitlines()[0]
    return ""


@cache
def spelled(selector: str, *, json: bool = False) -> tuple[str, str]:
    """The language of a selector (css, xpath, jmes) and the selector itself."""
    for kind in ("xpath", "jmes", "css"):
        if selector.startswith(f"{kind}:") and not selector.startswith(f"{kind}::"):
            return kind, selector[len(kind) + 1 :]
    return ("jmes" if json else "css"), selector
