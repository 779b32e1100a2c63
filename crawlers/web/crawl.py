"""Running the spider over sources, in this process: a process of its own, started by the scheduler or by a person."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from crawlers.patience import Accept
from crawlers.web.source import WebSource
from models.errors import BadFile, MissingPart

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crawlers.archive.archive import Archive


AT_ONCE: Final = 16
"""Sources read at the same time by one process."""


@dataclass(frozen=True, slots=True)
class Crawled:
    """What a run over one source did. `reason`: how it ended, in words. `shortest_gap`: least seconds between two requests."""

    source: str
    pages: int = 0
    items: int = 0
    unchanged: int = 0
    forbidden: int = 0
    failed: int = 0
    bytes: int = 0
    reason: str = "没有开始"
    unread: tuple[str, ...] = ()
    errors: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    shortest_gap: float | None = None
    seconds: float = 0.0


def crawl(sources: Sequence[WebSource], accept: Accept, engine: Engine, *, archive: Archive | None = None, since: datetime | None = None,
          detail: str = "", at_once: int = AT_ONCE, spider: Any = None) -> list[Crawled]:  # fmt: skip
    """Crawl sources, each politely by itself, `at_once` of them at the same time, in their order; or of each this one detail page.

    `engine`: the state database, where their frontiers lie. `since`: the first day asked for, where a site can be asked for days. `spider`:
    a subclass of PageSpider for all of them.

    Raises:
        MissingPart: without the extra `crawl`.
        BadFile: a source names a spider that is not there.
    """
    try:
        from scrapy.crawler import AsyncCrawlerProcess
    except ImportError:
        raise MissingPart(part="scrapy", extra="crawl") from None
    from crawlers.web import guard
    from crawlers.web.spider import settings_of
    from indices.collection.frontier import Frontier
    from indices.collection.places import Places

    process = AsyncCrawlerProcess({
        **guard.SETTINGS, "LOG_ENABLED": False,
        guard.INSIDE_HOSTS: [host for source in sources if source.inside for host in source.hosts],
    })  # fmt: skip
    waiting = deque((source, spider or spider_class(source)) for source in sources)
    running: list[tuple[WebSource, Any]] = []

    def begin() -> None:
        source, kind = waiting.popleft()
        crawler = process.create_crawler(kind)
        for name, value in settings_of(source).items():
            crawler.settings.set(name, value, priority="cmdline")
        frontier = Frontier(engine, source.name, revisit_days=source.revisit_days, stop_after=source.stop_after)
        running.append((source, crawler))
        task = process.crawl(crawler, source=source, accept=accept, frontier=frontier, places=Places(engine), archive=archive, since=since,
                             detail=detail)  # fmt: skip
        task.add_done_callback(lambda _: begin() if waiting else None)

    for _ in range(min(at_once, len(waiting))):
        begin()
    process.start()
    return [_result(source, crawler) for source, crawler in running]


def spider_class(source: WebSource) -> Any:
    """The general spider, or the city's own. Raises BadFile."""
    from importlib import import_module

    from crawlers.web.spider import PageSpider

    if not source.spider:
        return PageSpider
    module, _, name = source.spider.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadFile(
            file=source.name, reason=f"spider = {source.spider!r} 找不到（{error}），应写成 模块:类"
        ) from None
    if not (isinstance(found, type) and issubclass(found, PageSpider)):
        raise BadFile(file=source.name, reason=f"spider = {source.spider!r} 应为 crawlers.web.spider.PageSpider 的子类")
    return found


def _result(source: WebSource, crawler: Any) -> Crawled:
    spider = crawler.spider
    if spider is None:
        return Crawled(source.name)
    tally = spider.tally
    return Crawled(source=source.name, pages=tally.pages, items=spider.keeper.items, unchanged=tally.unchanged, forbidden=tally.forbidden,
                   failed=tally.failed, bytes=tally.bytes, reason=spider.reason, unread=tuple(spider.report.sentences()), errors=tally.errors,
                   problems=tally.problems, shortest_gap=spider.shortest_gap, seconds=spider.seconds)  # fmt: skip
