"""Running the spider over sources, in this process: a process of its own, started by the scheduler or by a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawlers.web.source import WebSource
from models.errors import MissingPart
from models.item import Item


@dataclass(frozen=True, slots=True)
class Crawled:
    """What a run over one source did. `reason`: finished, or why it ended early."""

    source: str
    pages: int
    items: int
    forbidden: int
    failed: int
    reason: str
    unread: tuple[str, ...]


def crawl(sources: Sequence[WebSource], accept: Callable[[list[Item]], int], *, detail: str = "") -> list[Crawled]:
    """Crawl all sources, each politely by itself, at the same time; or of each this one page. Raises MissingPart without the extra `crawl`."""
    try:
        from scrapy.crawler import AsyncCrawlerProcess
    except ImportError:
        raise MissingPart(part="scrapy", extra="crawl") from None
    from crawlers.web import guard
    from crawlers.web.spider import PageSpider, settings_of

    process = AsyncCrawlerProcess({
        **guard.SETTINGS, guard.INSIDE_HOSTS: [source.host for source in sources if source.inside],
    })  # fmt: skip
    running = []
    for source in sources:
        counted = _Counting(accept)
        crawler = process.create_crawler(PageSpider)
        for name, value in settings_of(source).items():
            crawler.settings.set(name, value, priority="cmdline")
        process.crawl(crawler, source=source, accept=counted, detail=detail)
        running.append((source, crawler, counted))
    process.start()
    return [_result(source, crawler, counted.items) for source, crawler, counted in running]


class _Counting:
    def __init__(self, accept: Callable[[list[Item]], int]) -> None:
        self._accept, self.items = accept, 0

    def __call__(self, items: list[Item]) -> int:
        accepted = self._accept(items)
        self.items += accepted
        return accepted


def _result(source: WebSource, crawler: object, items: int) -> Crawled:
    stats = crawler.stats.get_stats() if getattr(crawler, "stats", None) else {}  # type: ignore[attr-defined]
    spider = getattr(crawler, "spider", None)
    bad = sum(
        count
        for name, count in stats.items()
        if name.startswith("downloader/response_status_count/") and not name.endswith("/200")
    )
    refused = stats.get(
        "downloader/exception_type_count/scrapy.exceptions.IgnoreRequest", 0
    )  # by robots.txt: no failure
    broken = sum(
        count for name, count in stats.items() if name.startswith("spider_exceptions/") and not name.endswith("/count")
    )
    unread = tuple(spider.report.sentences()) if spider else ()
    return Crawled(source=source.name, pages=stats.get("response_received_count", 0), items=items,
                   forbidden=stats.get("robotstxt/forbidden", 0), failed=bad + broken + stats.get("downloader/exception_count", 0) - refused,
                   reason=str(stats.get("finish_reason", "not_started")), unread=unread)  # fmt: skip
