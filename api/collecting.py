"""Collecting from sources: which are due, runs over them one process at a time, backfills. Heavy libraries are loaded by the runs only."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from crawlers.definitions import Source, usable
from crawlers.systems.source import Span, System, SystemSource
from crawlers.turns import Turn, due
from crawlers.web.source import WebSource
from models.clock import day_start, now
from models.errors import BadFile, BadRequest

if TYPE_CHECKING:
    from api.wiring import House
    from crawlers.systems.pulling import Pulled
    from crawlers.web.crawl import Crawled

ROOM = 200
"""Sources of one round of the scheduled job; the next round comes minutes later."""


@contextmanager
def held(house: House, name: str) -> Iterator[bool]:
    """Whether this process alone runs over the source now. The system gives the lock back when a process dies."""
    folder = house.folder / "locks"
    folder.mkdir(exist_ok=True, mode=0o700)
    descriptor = os.open(folder / f"{quote(name, safe='')}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def due_now(
    house: House, kind: type[WebSource] | type[SystemSource], room: int = ROOM
) -> tuple[list[Source], list[BadFile]]:
    """Sources of a kind whose turn it is, and definitions that cannot be read."""
    found, bad = usable(house.sources_folder)
    turns = [
        Turn(name, source.every_minutes * 60.0, not isinstance(source, WebSource) or source.open_at(now()))
        for name, source in found.items()
        if isinstance(source, kind) and not sends(source)
    ]
    return [found[name] for name in due(turns, house.places.all(), time.time(), room)], bad


def crawl_web(
    house: House, sources: Sequence[WebSource], since: datetime | None = None
) -> tuple[list[Crawled], list[str]]:
    """Run over web sources; what each run did, and the names of those that another process runs over now."""
    from crawlers.web.crawl import crawl

    with ExitStack() as stack:
        free = [source for source in sources if stack.enter_context(held(house, source.name))]
        done = crawl(free, house.inbox.accept, house.database, archive=house.archive, since=since) if free else []
    for one in done:
        house.days.add_run(one.source, requests=one.pages + one.unchanged, failed=one.failed, blocked=one.forbidden,
                           problems=sum(one.problems.values()), bytes=one.bytes, seconds=one.seconds)  # fmt: skip
    names = {source.name for source in free}
    return done, [source.name for source in sources if source.name not in names]


def pull_systems(house: House, sources: Sequence[SystemSource], span: Span | None = None,
                 progress: Callable[[int], object] | None = None) -> tuple[list[Pulled], list[str]]:  # fmt: skip
    """Run over systems, one after the other; as `crawl_web`."""
    from crawlers.systems.pulling import pull

    done, busy = [], []
    for source in sources:
        with held(house, source.name) as mine:
            if not mine:
                busy.append(source.name)
                continue
            began = time.monotonic()
            one = pull(
                source,
                house.places,
                house.archive,
                house.inbox.accept,
                mappings=house.folder / "mappings",
                span=span,
                progress=progress,
            )
            done.append(one)
            house.days.add_run(source.name, requests=max(1, one.batches), failed=int(bool(one.error)), problems=len(one.unread),
                               seconds=time.monotonic() - began)  # fmt: skip
    return done, busy


def span_of(begin: str, end: str) -> Span:
    """The days of a backfill. Raises BadRequest."""
    try:
        days = [date.fromisoformat(one) for one in (begin, end)]
    except ValueError as error:
        raise BadRequest(
            name="--from/--to", value=f"{begin} {end}", reason=f"应为日期，如 2026-03-01（{error}）"
        ) from None
    if days[0] > days[1]:
        raise BadRequest(name="--from", value=begin, reason=f"晚于 --to {end}")
    return Span(day_start(days[0]), day_start(days[1] + timedelta(days=1)) - timedelta(microseconds=1))


def sends(source: Source) -> bool:
    """Whether it comes by itself, so that nobody has to fetch."""
    return isinstance(source, SystemSource) and source.system is System.WEBHOOK
