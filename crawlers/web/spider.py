"""The one general spider and its safe defaults. Importing this module loads Scrapy; only `crawlers.web.crawl` does, in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.exceptions import CloseSpider
from scrapy.http import Response, TextResponse

from crawlers.feeds.importer import Report, read_items
from crawlers.feeds.mapping import Mapping
from crawlers.feeds.values import TIMES
from crawlers.web import guard
from crawlers.web.source import WebSource
from crawlers.web.times import web_time
from models.clock import now
from models.errors import InboxFull
from models.item import Item

MAX_BYTES = 10_000_000
TIMEOUT_SECONDS = 30


def settings_of(source: WebSource) -> dict[str, Any]:
    """Scrapy's settings for one run. Pro: a site is never hurt, nothing inside is reached by file:, by a redirect or by a name. Con: it is slow."""
    return {
        **guard.SETTINGS,
        guard.OWN_HOST: source.host if source.inside else "",
        "USER_AGENT": f"Minsheng/0.1 (+{source.contact})",
        "ROBOTSTXT_OBEY": True,  # off in the library's default
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": source.delay_seconds,
        "RANDOMIZE_DOWNLOAD_DELAY": False,  # the least pause is a promise (R10), not a mean
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": source.delay_seconds,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "DOWNLOAD_HANDLERS": {"file": None, "ftp": None, "data": None, "s3": None},
        "DOWNLOAD_MAXSIZE": MAX_BYTES,
        "DOWNLOAD_TIMEOUT": TIMEOUT_SECONDS,
        "DEPTH_LIMIT": 1_000,
        "CLOSESPIDER_PAGECOUNT": source.max_pages,
        "RETRY_TIMES": 2,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_ENABLED": False,
        "HTTPERROR_ALLOWED_CODES": [],
    }


class PageSpider(scrapy.Spider):
    """List page → detail pages → next list page. Each detail page is an item in the inbox at once."""

    name = "pages"

    def __init__(self, source: WebSource, accept: Callable[[list[Item]], int], detail: str = "", **kwargs: Any) -> None:
        """`detail`: read this page alone."""
        super().__init__(**kwargs)
        self.source, self.detail = source, detail
        self.accept = accept
        self.allowed_domains = [source.host]
        self.report = Report()
        self.mapping = Mapping(name=source.name, source=source.name, legal_basis=source.legal_basis, grade=source.grade,
                               columns={field: field for field in source.fields},
                               constants={"channel": source.channel, "kind": source.kind.value})  # fmt: skip

    async def start(self) -> AsyncIterator[scrapy.Request]:
        if self.detail:
            yield scrapy.Request(self.detail, callback=self.parse_item)
        else:
            yield scrapy.Request(str(self.source.start), callback=self.parse)

    def parse(self, response: Response, **_: Any) -> Iterator[scrapy.Request]:
        """A list page."""
        if not isinstance(response, TextResponse):
            return
        for link in response.css(self.source.items):
            if address := _page(response, link.attrib.get("href")):
                yield response.follow(address, callback=self.parse_item)
        if self.source.next_page and (
            address := _page(response, response.css(self.source.next_page).attrib.get("href"))
        ):
            yield response.follow(address, callback=self.parse)

    def parse_item(self, response: Response) -> None:
        """A detail page. A full inbox ends the run: what is left comes with the next one, since nothing counts twice."""
        if not isinstance(response, TextResponse):
            return
        fetched_at = now()
        row: dict[str, Any] = {field: _text(response, selector) for field, selector in self.source.fields.items()}
        for field in TIMES & row.keys():
            with suppress(ValueError):  # what is no time is named by the reading of the row, with the value seen
                row[field] = web_time(row[field], fetched_at).isoformat()
        item = next(read_items([row], self.mapping, fetched_at=fetched_at, report=self.report))
        payload = item.payload.model_copy(update={"url": item.payload.url or response.url})
        try:
            self.accept([item.model_copy(update={"payload": payload})])
        except InboxFull as error:
            raise CloseSpider("inbox_full") from error


def _page(response: TextResponse, href: str | None) -> str | None:
    """The address that a link leads to, if it is a page: `javascript:` and `mailto:` stand among the letters of many sites."""
    try:
        address = response.urljoin((href or "").strip())
        return address if href and urlsplit(address).scheme in ("http", "https") else None
    except ValueError:  # brackets that are no IPv6 address
        return None


def _text(response: TextResponse, selector: str) -> str:
    wanted = selector if "::" in selector else f"{selector} ::text"
    return "\n".join(part.strip() for part in response.css(wanted).getall() if part.strip())
