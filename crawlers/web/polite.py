"""Politeness beyond Scrapy's own (promise R10): robots.txt as RFC 9309 has it, with Crawl-delay; Retry-After; no request forgets when it left.

Loads Scrapy. The rules:

1. A robots.txt that the server fails to give (5xx, 429, no answer) forbids everything (RFC 9309 §2.3.1.4); one that is not there forbids nothing.
2. The pause between two requests is the longest of the source's own, Crawl-delay, and what AutoThrottle finds; it never gets shorter on an error.
3. After 429 or 503 nothing is asked for as long as Retry-After says; without one for `REFUSED_SECONDS`, then twice as long, and so on.
"""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

REFUSED: Final = (429, 503)
REFUSED_SECONDS: Final = 10.0
LONGEST_REFUSED: Final = 3_600.0
AGENT: Final = "Minsheng"
ASKED_AT: Final = "asked_at"
"""Key of a request's meta: Unix seconds at which it left."""


def agent_name(contact: str) -> str:
    """What a site reads of us: who, and where to complain."""
    return f"{AGENT}/0.1 (+{contact})"


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date. None: it says nothing readable."""
    text = value.strip()
    if text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return max(0.0, (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now)


class Stamping(HTTP11DownloadHandler):
    """The library's handler; notes when a request leaves, which is neither when it was made nor when it was answered."""

    async def download_request(self, request: Request) -> Response:
        stamp(self._crawler, request)
        return await super().download_request(request)


def stamp(crawler: Any, request: Request) -> None:
    """This request leaves now. The pause to the next one counts from here: the library counts from when it was taken out of the queue, and on a
    busy machine the next one would follow too soon by as much as this one was late."""
    request.meta[ASKED_AT] = time.time()
    moment = time.monotonic()
    crawler.spider.departed(urlsplit(request.url).netloc, moment)
    if (slot := crawler.engine.downloader.slots.get(request.meta.get("download_slot"))) is not None:
        slot.lastseen = max(slot.lastseen, moment)


class Robots(RobotsTxtMiddleware):
    """Rule 1, and Crawl-delay."""

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status in REFUSED or response.status >= 500:
            self._unknown(netloc, f"HTTP {response.status}")
            return
        if response.status >= 400:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)
        parser = self._parsers[netloc]
        delay = parser.rp.crawl_delay(AGENT) if hasattr(parser, "rp") else None  # type: ignore[union-attr]
        if delay:
            throttle = self.crawler.get_extension(Throttle)
            if throttle is not None:
                throttle.floor(float(delay))

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._unknown(netloc, type(exc).__name__)

    def _unknown(self, netloc: str, why: str) -> None:
        self._stats.set_value("robotstxt/unknown", why)
        waiting: Any = self._parsers[netloc]
        rules: Any = _Forbidding()
        self._parsers[netloc] = rules
        waiting.callback(rules)


class _Forbidding:
    """The rules of a site whose rules are not known."""

    def allowed(self, *_: Any) -> bool:
        return False


class Throttle(AutoThrottle):
    """Rules 2 and 3."""

    refusals = 0
    """Answers 429 or 503 in a row."""
    quiet_until = 0.0
    """Unix seconds."""

    def floor(self, seconds: float) -> None:
        """The pause is never shorter from here on, however slow the site allows us to be."""
        self.mindelay = max(self.mindelay, seconds)
        self.maxdelay = max(self.maxdelay, self.mindelay)
        downloader = self.crawler.engine.downloader
        downloader._delay = max(
            downloader._delay, seconds
        )  # slots that are not made yet begin with it, as the library does it
        for slot in downloader.slots.values():
            slot.delay = max(slot.delay, seconds)

    def _response_downloaded(self, response: Response, request: Request, spider: Any) -> None:
        super()._response_downloaded(response, request, spider)
        if response.status not in REFUSED:
            self.refusals = 0
            return
        self.refusals += 1
        asked = retry_after((response.headers.get("Retry-After") or b"").decode("latin-1"), time.time())
        wait = asked if asked is not None else min(LONGEST_REFUSED, REFUSED_SECONDS * 2 ** (self.refusals - 1))
        self.quiet_until = max(self.quiet_until, time.time() + wait)
        _, slot = self._get_slot(request, spider)
        if slot is not None:  # what waits in this slot already waits as long
            slot.lastseen = max(slot.lastseen, time.monotonic() + wait - slot.delay)
