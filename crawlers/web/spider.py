"""The one general spider and its safe defaults. Importing this module loads Scrapy; only `crawlers.web.crawl` does, in a process of its own.

It asks for what the frontier wants, one page after the other, and keeps what comes before the next: `Reader` says what a page holds,
`Keeper` writes it down. A city's own spider is a subclass that reads its pages in another way (`read_page`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import scrapy
from scrapy.exceptions import CloseSpider, IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.archive.archive import Answer, Archive
from crawlers.feeds.importer import Report
from crawlers.web import guard
from crawlers.web.content import Content
from crawlers.web.keeping import Keeper, Kept
from crawlers.web.polite import ASKED_AT, REFUSED, Throttle, agent_name
from crawlers.web.reading import FORM, Reader, Reading
from crawlers.web.source import WebSource
from indices.collection.frontier import DAY, FORBIDDEN_DAYS, Frontier, Page, Visit, Wanted
from indices.collection.places import Places
from models.clock import now
from models.errors import MinshengError, MissingPart
from models.identity import digest, ids_of
from models.item import Item
from models.labels import Grade

MAX_BYTES: Final = 10_000_000
TIMEOUT_SECONDS: Final = 30
PATIENCE_SECONDS: Final = 60.0
"""So long a run waits when a site asks to be left alone; for longer it ends, and the next one begins no sooner than the site wants."""
REFUSALS: Final = 5
SILENCES: Final = 8
"""Requests in a row without any answer after which a run gives up."""
AHEAD: Final = 16
"""Pages that are asked for, wait for their turn or are being kept, so that neither a site nor a disk waits for the other. One host is asked
for one page at a time all the same."""
AT_ONCE: Final = 32
"""Pages taken from the frontier at once."""
GONE: Final = (404, 410)
_STUMBLES: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def settings_of(source: WebSource) -> dict[str, Any]:
    """Scrapy's settings for one run. Pro: a site is never hurt, nothing inside is reached by file:, by a redirect or by a name. Con: it is slow."""
    handler = "crawlers.web.polite.Stamping"
    return {
        **guard.SETTINGS,
        guard.OWN_HOSTS: source.hosts if source.inside else [],
        "USER_AGENT": agent_name(source.contact),
        "ROBOTSTXT_OBEY": True,  # off in the library's default
        "ROBOTSTXT_USER_AGENT": "Minsheng",
        "DOWNLOADER_MIDDLEWARES": {
            **guard.SETTINGS["DOWNLOADER_MIDDLEWARES"],
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "crawlers.web.polite.Robots": 100,
        },
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": source.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": 0.0,  # the least pause is a promise (R10), not a mean
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": source.delay_seconds,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "EXTENSIONS": {"scrapy.extensions.throttle.AutoThrottle": None, "crawlers.web.polite.Throttle": 0},
        "CONCURRENT_ITEMS": 1,  # for each page the library makes so many tasks, and nothing comes out of ours
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler, "file": None, "ftp": None, "data": None, "s3": None},
        "DOWNLOAD_MAXSIZE": MAX_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": TIMEOUT_SECONDS,
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",  # the frontier knows what was asked
        "REDIRECT_MAX_TIMES": 5,
        "RETRY_ENABLED": False,  # a page that failed is due again by the frontier's rule 4
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_ENABLED": False,
        **_browser_of(source),
    }


def _browser_of(source: WebSource) -> dict[str, Any]:
    """Raises MissingPart, SourceUnavailable."""
    if not source.browser:
        return {}
    try:
        from crawlers.web import browsing
    except ImportError:
        raise MissingPart(part="scrapy-playwright", extra="browser") from None
    return browsing.settings_of(source)


@dataclass(slots=True)
class Tally:
    """What a run did so far. `errors`, `problems`: how often each, in words."""

    pages: int = 0
    unchanged: int = 0
    forbidden: int = 0
    failed: int = 0
    bytes: int = 0
    silences: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    def fail(self, why: str) -> None:
        self.failed += 1
        self.errors[why] = self.errors.get(why, 0) + 1


class PageSpider(scrapy.Spider):
    """Asks what the frontier wants until nothing is due, the budget is spent, or the site wants to be left alone."""

    name = "pages"
    handle_httpstatus_list = [304, *range(400, 600)]

    def __init__(self, source: WebSource, accept: Callable[[list[Item]], int], frontier: Frontier, places: Places,
                 archive: Archive | None = None, since: datetime | None = None, detail: str = "", **kwargs: Any) -> None:  # fmt: skip
        """`since`: the first day asked for, where the site can be asked for days; else its `since_days`. `detail`: read this page alone."""
        super().__init__(**kwargs)
        self.source, self.frontier, self.places = source, frontier, places
        self.allowed_domains = source.hosts
        self.report = Report()
        self.reader = Reader(source, self.report)
        self.tally = Tally()
        self._departures: dict[str, float] = {}
        self.shortest_gap: float | None = None
        self.seconds = 0.0
        self._began = time.monotonic()
        self.reason = ""
        self.not_before = 0.0
        self.place = places.begin(source.name)
        self.round = self._begin_round(since, detail)
        self.keeper = Keeper(frontier, accept, archive, self.round, sealed=source.grade is not Grade.GENERAL_1)
        self._busy: set[str] = set()
        self._next: deque[Page] = deque()
        self._news = True  # something may be due that is not in hand
        self._freed = asyncio.Event()

    def _begin_round(self, since: datetime | None, detail: str) -> int:
        """Rule 1 of the frontier."""
        if since is None and self.place.unfinished and self.frontier.due(1, time.time()):
            return self.place.round
        number = self.places.turn(self.source.name)
        self.frontier.start(
            [Wanted(detail, "detail")] if detail else self.reader.starts(now(), since), number, time.time()
        )
        return number

    # --- asking ------------------------------------------------------------------------------------------------------
    async def start(self) -> AsyncIterator[scrapy.Request]:
        asked = 0
        if self.place.not_before > time.time() and not self.place.asked_for():
            self.reason, self.not_before = "站方要求暂缓，时候未到", self.place.not_before
            return
        while not self.reason:
            if asked >= self.source.max_pages:
                self.reason = f"已读满 {asked} 页（max_pages），余下的下次接着读"
                break
            if not self.source.open_at(now()):
                self.reason = f"不在采集时段（{self.source.window}）"
                break
            while len(self._busy) >= AHEAD:
                await self._free()
            at_work = bool(self._busy)  # what was being kept while the frontier was asked may have brought more
            if not self._next and (self._news or not at_work):
                self._news = False
                self._next.extend(await self.keeper.run(self.frontier.due, AT_ONCE, time.time(), frozenset(self._busy)))
                self._news = self._news or len(self._next) == AT_ONCE  # there may be more
            if self._next:
                asked += 1
                page = self._next.popleft()
                self._busy.add(page.key)
                yield self.request(page)
            elif self._busy:
                await self._free()
            elif not at_work and not await self._quiet():
                break

    async def _quiet(self) -> bool:
        """Wait for as long as the site wants to be left alone; whether it does."""
        throttle = self.crawler.get_extension(Throttle)
        seconds = throttle.quiet_until - time.time() if throttle else 0.0
        if seconds > 0:
            await asyncio.sleep(seconds + 1e-3)
        return seconds > 0

    async def _free(self) -> None:
        self._freed.clear()
        await self._freed.wait()

    def request(self, page: Page) -> scrapy.Request:
        """The request for a page: conditional where it was read before, a form where one is sent."""
        headers = {
            name: value for name, value in (("If-None-Match", page.etag), ("If-Modified-Since", page.modified)) if value
        }
        meta = {"page": page, "handle_httpstatus_list": self.handle_httpstatus_list}
        if self.source.browser:
            from crawlers.web.browsing import wait_for_scripts

            meta |= {"playwright": True, "playwright_page_methods": wait_for_scripts()}
        common: dict[str, Any] = {
            "callback": self.parse,
            "errback": self.failed,
            "headers": headers,
            "meta": meta,
            "dont_filter": True,
        }
        if FORM in page.context:
            return scrapy.FormRequest(page.url, formdata=page.context[FORM], **common)
        return scrapy.Request(page.url, **common)

    def departed(self, host: str, moment: float) -> None:
        """A request left at this monotonic moment."""
        if (before := self._departures.get(host)) is not None:
            self.shortest_gap = min(moment - before, self.shortest_gap or moment - before)
        self._departures[host] = moment

    # --- what comes back ---------------------------------------------------------------------------------------------
    async def parse(self, response: Response, **_: Any) -> None:
        """Read, keep, and free the place. A full inbox or a database that is away ends the run: nothing is marked as read that is not kept."""
        page: Page = response.meta["page"]
        kept = False
        try:
            read = self._read(page, response)
            await self.keeper.keep(read)
            kept = True
            self._news = self._news or bool(read.visit.found or read.visit.following or read.visit.again_at)
        except (MinshengError, OSError) as error:
            self.reason = str(error)
            raise CloseSpider("not_kept") from error
        finally:
            if (
                not kept
            ):  # an error of our own: the page is still wanted, and asking for it again at once would never end
                self.reason = self.reason or f"内部错误，停在 {page.url}"
            self._done(page)

    def _read(self, page: Page, response: Response) -> Kept:
        """A page that the reading stumbles over fails alone, with its answer in the archive for whoever repairs the reading."""
        try:
            return self.kept(page, response)
        except _STUMBLES as error:
            why = f"读页出错（{type(error).__name__}: {str(error)[:100]}）"
            self.tally.fail(why)
            asked_at = float(response.meta.get(ASKED_AT, time.time()))
            return Kept(Visit(page, asked_at, response.status, error=why), (), self._answer(response, asked_at, page))

    @staticmethod
    def _answer(response: Response, asked_at: float, page: Page) -> Answer:
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        )
        met = {"role": page.role, "depth": page.depth, "context": page.context}
        return Answer(response.url, asked_at, response.status, headers, response.body, met)

    def kept(self, page: Page, response: Response) -> Kept:
        asked_at = float(response.meta.get(ASKED_AT, time.time()))
        self.tally.pages += 1
        self.tally.silences = 0
        self.tally.bytes += len(response.body)
        answer = self._answer(response, asked_at, page)
        if response.status == 304:
            self.tally.unchanged += 1
            return Kept(Visit(page, asked_at, 304))
        if response.status in REFUSED:
            return Kept(self._refused(page, response.status, asked_at))
        if response.status >= 400:
            self.tally.fail(f"HTTP {response.status}")
            return Kept(
                Visit(
                    page, asked_at, response.status, error=f"HTTP {response.status}", settled=response.status in GONE
                ),
                (),
                answer,
            )
        content = Content(response.body, response.url, (response.headers.get("Content-Type") or b"").decode("latin-1"))
        fetched_at = datetime.fromtimestamp(asked_at, UTC)
        reading = self.read_page(content, page, fetched_at)
        for problem in reading.problems:
            self.tally.problems[problem] = self.tally.problems.get(problem, 0) + 1
        visit = Visit(page, asked_at, response.status, etag=_header(response, "ETag"), modified=_header(response, "Last-Modified"),
                      digest=_digest(reading, response.body), settled=page.role == "detail" and "reply" in self.source.fields and reading.answered,
                      found=reading.found, following=reading.following)  # fmt: skip
        return Kept(visit, reading.items, replace(answer, ids=ids_of(reading.items)))

    def read_page(self, content: Content, page: Page, fetched_at: datetime) -> Reading:
        """What a page says; a city's own spider reads it in its own way here."""
        return self.reader.read(content, page.role, depth=page.depth, context=page.context, fetched_at=fetched_at)

    def _refused(self, page: Page, status: int, asked_at: float) -> Visit:
        """Rule 3 of `polite`: the throttle waits; here the run is ended where that would be too long."""
        throttle = self.crawler.get_extension(Throttle)
        quiet_until = throttle.quiet_until if throttle else 0.0
        self.tally.fail(f"HTTP {status}")
        if quiet_until - time.time() > PATIENCE_SECONDS or (throttle and throttle.refusals >= REFUSALS):
            self.reason = f"站方要求放慢（HTTP {status}），到 {datetime.fromtimestamp(quiet_until, UTC).astimezone():%H:%M:%S} 再来"
            self.not_before = quiet_until
        return Visit(page, asked_at, status, again_at=quiet_until, error=f"HTTP {status}")

    async def failed(self, failure: Failure) -> None:
        """No answer: forbidden, refused by a rule of ours, or a network that fails."""
        request = failure.request  # type: ignore[attr-defined]
        page: Page = request.meta["page"]
        asked_at = float(request.meta.get(ASKED_AT, time.time()))
        try:
            await self.keeper.keep(Kept(self._failure(page, failure, asked_at)))
        except (MinshengError, OSError) as error:
            self.reason = str(error)
        finally:
            self._done(page)

    def _failure(self, page: Page, failure: Failure, asked_at: float) -> Visit:
        why = f"{failure.type.__name__}: {str(failure.value)[:200]}" if failure.type else str(failure.value)[:200]
        if isinstance(failure.value, IgnoreRequest) and str(failure.value).startswith("Forbidden by robots"):
            unknown = self.crawler.stats.get_value("robotstxt/unknown") if self.crawler.stats else None
            self.tally.forbidden += 1
            if unknown:
                self.reason = f"robots.txt 取不到（{unknown}），按规定一页也不取，下次再试"
            return Visit(
                page,
                asked_at,
                0,
                again_at=time.time() + (60.0 if unknown else FORBIDDEN_DAYS * DAY),
                error=str(failure.value)[:200],
            )
        self.tally.fail(why)
        self.tally.silences += not isinstance(
            failure.value, IgnoreRequest
        )  # what we refuse ourselves says nothing of the site
        if self.tally.silences >= SILENCES:
            self.reason = f"连续 {self.tally.silences} 次没有应答（{why}）"
        return Visit(page, asked_at, 0, error=why)

    def _done(self, page: Page) -> None:
        self._busy.discard(page.key)
        self._freed.set()

    def closed(self, reason: str) -> None:
        """The run's end is written down; a process that dies before leaves the run unfinished, and the next goes on with it."""
        self.reason = self.reason or ("读完" if reason == "finished" else reason)
        failed = ""
        if not self.tally.pages and (self.tally.failed or self.tally.forbidden):
            failed = "；".join(self.tally.errors) or ("robots.txt 不许取" if self.reason == "读完" else self.reason)
        self.keeper.close()
        self.seconds = time.monotonic() - self._began
        self.places.end(self.source.name, self.reason, error=failed, not_before=self.not_before)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")[:1_000]


def _digest(reading: Reading, body: bytes) -> str:
    """Of what was read rather than of the bytes, which hold counters and times of day."""
    if not reading.items:
        return digest(body.decode("latin-1"))
    return digest(*(item.payload.model_dump_json(exclude={"views", "likes", "dislikes"}) for item in reading.items))
