"""Taking a file in: through the inbox like everything else, then worked off here, together with a worker line if one runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from models.errors import InboxFull
from models.identity import ids_of

if TYPE_CHECKING:
    from api.wiring import House
    from crawlers.feeds.importer import Feed
    from indices.intake.inbox import Books
    from models.item import Item

log = logging.getLogger("minsheng.intake")

BATCH_ITEMS = 1_000
Progress = Callable[[str, int], None]
Thing = TypeVar("Thing")


def in_batches(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    iterator = iter(things)
    while batch := list(islice(iterator, size)):
        yield batch


def open_file(house: House, path: Path, *, mapping: str | None = None, source: str | None = None) -> Feed:
    """The file with its mapping; a city's own mappings lie in HOME/mappings."""
    from crawlers.feeds.importer import open_feed

    return open_feed(path, mapping=mapping, source=source, folder=house.folder / "mappings")


def take_in(house: House, items: Iterable[Item], source: str, progress: Progress | None = None) -> Books:
    """All items of one source into the inbox and on into the store; what became of them.

    `progress` is told a step (收件, 入库) and how many items it has done so far.
    """
    told = progress or (lambda _step, _done: None)
    before, accepted = house.inbox.books(source), 0
    for batch in in_batches(items, min(BATCH_ITEMS, house.inbox.limit)):
        accepted += _accept(house, batch)
        told("收件", accepted)
    house.worker.drain(lambda done: told("入库", done))
    return difference(house.inbox.books(source), before)


def _accept(house: House, batch: list[Item]) -> int:
    """A file does not go away: where the inbox is full, make room and offer the batch again (each refusal stays in the books)."""
    while True:
        try:
            accepted = house.inbox.accept(batch)
            archive_items(house, batch)
            return accepted
        except InboxFull:
            house.worker.drain()


def archive_items(house: House, items: Sequence[Item]) -> None:
    """Keep items as they were given to us, for replays. Where the disk is full they are accepted all the same: the inbox has them."""
    by_source: dict[str, list[Item]] = {}
    for item in items:
        by_source.setdefault(item.source, []).append(item)
    try:
        for source, part in by_source.items():
            rows = [item.model_dump(mode="json", exclude_defaults=True) for item in part]
            house.archive.add_rows(source, rows, time.time(), kind="items", ids=ids_of(part))
    except OSError as error:
        log.error("archive.failed", extra={"error": str(error)[:200]})


def difference(after: Books, before: Books) -> Books:
    """What was added to the books between two readings."""
    names = ("received", "stored", "updated", "duplicate", "quarantined", "refused", "waiting")
    return type(after)(**{name: getattr(after, name) - getattr(before, name) for name in names})
