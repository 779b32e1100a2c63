"""Collecting from sources: which are due, runs over them one process at a time, backfills. Heavy libraries are loaded by the runs only."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
"""Sources that are looked at as due at once."""
AT_A_LOOK = 16
ROUND_SECONDS = 1_800.0
"""So long the scheduled job goes on taking up sources; those at work then end in their own time."""


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


def due_now(house: House, kind: type[WebSource] | type[SystemSource]) -> tuple[list[Source], list[BadFile]]:
    """Sources of a kind whose turn it is, and definitions that cannot be read."""
    found, bad = usable(house.sources_folder)
    return _due(house, found, kind, ROOM), bad


def _due(
    house: House, found: Mapping[str, Source], kind: type[WebSource] | type[SystemSource], room: int
) -> list[Source]:
    turns = [
        Turn(name, source.every_minutes * 60.0, not isinstance(source, WebSource) or source.open_at(now()))
        for name, source in found.items()
        if isinstance(source, kind) and not sends(source)
    ]
    return [found[name] for name in due(turns, house.places.all(), time.time(), room)]


def crawl_due(house: House) -> tuple[list[Crawled], list[BadFile]]:
    """Run over the web sources whose turn it is: as one ends, the one that waits longest by then begins, for `ROUND_SECONDS`."""
    found, bad = usable(house.sources_folder)
    webs = {name: source for name, source in found.items() if isinstance(source, WebSource)}
    if not _due(house, webs, WebSource, 1):
        return [], bad  # nothing to load the crawler for, which may not even be installed
    until = time.monotonic() + ROUND_SECONDS
    round_ = _Round(house)

    def next_ones() -> Iterator[WebSource]:
        begun: set[str] = set()
        while time.monotonic() < until:
            fresh = [
                one
                for one in _due(house, webs, WebSource, ROOM)
                if one.name not in round_.locks and one.name not in begun
            ]
            if not fresh:
                return
            for one in fresh[:AT_A_LOOK]:
                begun.add(one.name)
                yield webs[one.name]

    inside = [host for source in webs.values() if source.inside for host in source.hosts]
    return round_.run(next_ones(), inside, strict=False), bad


def crawl_web(
    house: House, sources: Sequence[WebSource], since: datetime | None = None
) -> tuple[list[Crawled], list[str]]:
    """Run over web sources; what each run did, and the names of those that another process runs over now."""
    round_ = _Round(house)
    inside = [host for source in sources if source.inside for host in source.hosts]
    return round_.run(sources, inside, since), round_.busy


class _Round:
    """A process's runs over web sources: each holds its source's lock and is written down when it ends."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.locks: dict[str, ExitStack] = {}
        self.busy: list[str] = []

    def run(
        self, sources: Iterable[WebSource], inside: Sequence[str], since: datetime | None = None, *, strict: bool = True
    ) -> list[Crawled]:
        from crawlers.web.crawl import crawl

        house = self.house
        try:
            return crawl(
                self._free(sources),
                house.inbox.accept,
                house.database,
                archive=house.archive,
                since=since,
                inside=inside,
                finished=self._end,
                strict=strict,
            )
        finally:
            for lock in self.locks.values():
                lock.close()

    def _free(self, sources: Iterable[WebSource]) -> Iterator[WebSource]:
        for source in sources:
            lock = ExitStack()
            if lock.enter_context(held(self.house, source.name)):
                self.locks[source.name] = lock
                yield source
            else:
                self.busy.append(source.name)

    def _end(self, one: Crawled) -> None:
        if lock := self.locks.pop(one.source, None):
            lock.close()
        self.house.days.add_run(one.source, requests=one.pages, failed=one.failed, blocked=one.forbidden, problems=sum(one.problems.values()),
                                bytes=one.bytes, seconds=one.seconds)  # fmt: skip


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
