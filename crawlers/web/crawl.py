"""Running the spider over sources, in this process: a process of its own, started by the scheduler or by a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from crawlers.patience import Accept
from crawlers.web.source import WebSource
from models.errors import BadFile, MinshengError, MissingPart

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


def crawl(sources: Iterable[WebSource], accept: Accept, engine: Engine, *, archive: Archive | None = None, since: datetime | None = None,
          detail: str = "", at_once: int = AT_ONCE, spider: Any = None, inside: Sequence[str] | None = None,
          finished: Callable[[Crawled], object] | None = None, strict: bool = True) -> list[Crawled]:  # fmt: skip
    """Crawl sources, each politely by itself, `at_once` of them at the same time, in their order; or of each this one detail page.

    Args:
        sources: taken one by one as places become free, so they may be found as late as that.
        engine: the state database, where their frontiers lie.
        since: the first day asked for, where a site can be asked for days.
        spider: a subclass of PageSpider for all of them.
        inside: hosts of the house's own network that any of them lies on; None: those of `sources`, which is a sequence then.
        finished: told of each as soon as it has ended.
        strict: what keeps a source from beginning is raised; else that is its result and stands in its place.

    Raises:
        MissingPart: without the extra `crawl`.
        BadFile, SourceUnavailable: a source cannot begin (`strict`).
    """
    try:
        from scrapy.crawler import AsyncCrawlerProcess
    except ImportError:
        raise MissingPart(part="scrapy", extra="crawl") from None
    from crawlers.web import guard

    if inside is None:
        sources = list(sources)
        inside = [host for source in sources if source.inside for host in source.hosts]
    process = AsyncCrawlerProcess({**guard.SETTINGS, "LOG_ENABLED": False, guard.INSIDE_HOSTS: list(inside)})
    waiting, results = iter(sources), list[Crawled]()

    def end(result: Crawled) -> None:
        results.append(result)
        if finished:
            finished(result)

    def begin() -> bool:
        """Whether another one was there."""
        for source in waiting:
            try:
                crawler = _crawler(process, source, spider or spider_class(source))
            except MinshengError as error:
                if strict:
                    raise
                _note(engine, source, error)
                end(Crawled(source.name, reason=str(error)))
                continue
            task = process.crawl(crawler, archive=archive, since=since, detail=detail, **_parts(source, accept, engine))
            task.add_done_callback(partial(ended, source, crawler))
            return True
        return False

    def ended(source: WebSource, crawler: Any, _: Any) -> None:
        end(_result(source, crawler))
        begin()

    if sum(begin() for _ in range(at_once)):
        process.start()
    return results


def _crawler(process: Any, source: WebSource, kind: Any) -> Any:
    from crawlers.web.spider import settings_of

    crawler = process.create_crawler(kind)
    for name, value in settings_of(source).items():
        crawler.settings.set(name, value, priority="cmdline")
    return crawler


def _note(engine: Engine, source: WebSource, error: MinshengError) -> None:
    from indices.collection.places import Places

    places = Places(engine)
    places.begin(source.name)
    places.end(source.name, "没有开始", error=str(error))


def _parts(source: WebSource, accept: Accept, engine: Engine) -> dict[str, Any]:
    from indices.collection.frontier import Frontier
    from indices.collection.places import Places

    frontier = Frontier(engine, source.name, revisit_days=source.revisit_days, stop_after=source.stop_after)
    return {"source": source, "accept": accept, "frontier": frontier, "places": Places(engine)}


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
