"""One run over a system: read on, archive, accept, and only then move the position. A death between two steps repeats a batch, which counts once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawlers.archive.archive import Archive
from crawlers.feeds.importer import Report, read_items
from crawlers.feeds.mapping import Mapping as Columns
from crawlers.patience import Accept, patiently
from crawlers.systems.kafka import PROBLEM as UNREADABLE
from crawlers.systems.source import Connector, Span, System, SystemSource
from indices.collection.places import Places
from models.errors import MinshengError
from models.identity import ids_of
from models.item import PROBLEM, Item, Payload


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a run did. `error`: why it ended early; what was read before is kept."""

    source: str
    rows: int = 0
    batches: int = 0
    error: str = ""
    unread: tuple[str, ...] = ()


def connector_of(source: SystemSource) -> Connector:
    """How this system is read."""
    if source.system is System.SQL:
        from crawlers.systems.sql import SqlConnector

        return SqlConnector(source)
    if source.system is System.REST:
        from crawlers.systems.rest import RestConnector

        return RestConnector(source)
    if source.system is System.IMAP:
        from crawlers.systems.imap import ImapConnector

        return ImapConnector(source)
    from crawlers.systems.kafka import KafkaConnector

    return KafkaConnector(source)


def pull(source: SystemSource, places: Places, archive: Archive | None, accept: Accept, *, mappings: Path | None = None, span: Span | None = None,
         connector: Connector | None = None, progress: Callable[[int], object] | None = None) -> Pulled:  # fmt: skip
    """Read a source on from its position, or what happened in `span` (the position stays). Errors of ours end the run and are told in what
    it gives back; the place of the source says the same.
    """
    place = places.begin(source.name)
    report, rows, batches, error = Report(), 0, 0, ""
    try:
        if source.system is System.FOLDER:
            rows, error = _take_files(source, accept, mappings, report)
        else:
            columns = source.read_as(mappings)
            for batch in (connector or connector_of(source)).batches(place.position, span):
                at = time.time()
                items = items_of(batch.rows, columns, datetime.fromtimestamp(at, UTC), report)
                if archive is not None:
                    archive.add_rows(source.name, batch.rows, at, ids=ids_of(items))
                if items:
                    patiently(accept, items)
                if span is None:
                    places.move(source.name, batch.position)
                rows, batches = rows + len(batch.rows), batches + 1
                if progress:
                    progress(rows)
    except (MinshengError, OSError) as failure:
        error = str(failure)
    places.end(source.name, f"读 {rows} 行", error=error)
    return Pulled(source.name, rows, batches, error, tuple(report.sentences()))


def items_of(
    rows: Sequence[Mapping[str, Any]], columns: Columns, fetched_at: datetime, report: Report | None = None
) -> list[Item]:
    """An item a row; one that cannot be read goes on with its problem, so that it is seen in quarantine."""
    readable = [row for row in rows if UNREADABLE not in row]
    items = list(read_items((dict(row) for row in readable), columns, fetched_at=fetched_at, report=report))
    problem = {PROBLEM: "消息不是 JSON 对象"}
    items += [
        Item(source=columns.source, fetched_at=fetched_at, payload=Payload(text=str(row[UNREADABLE])), legal_basis=columns.legal_basis,
             grade=columns.grade, extra=problem)
        for row in rows if UNREADABLE in row
    ]  # fmt: skip
    return items


def _take_files(source: SystemSource, accept: Accept, mappings: Path | None, report: Report) -> tuple[int, str]:
    """The files of a folder; they are their own archive, in done/."""
    from itertools import islice

    from crawlers.feeds.importer import open_feed
    from indices.intake.watch import WatchedFolder

    def importer(path: Path) -> int:
        feed = open_feed(path, mapping=source.mapping or None, source=source.name, folder=mappings)
        items, count = feed.items(), 0
        while part := list(islice(items, source.batch)):
            count += patiently(accept, part)
        report.unread.update(feed.report.unread)
        return count

    taken = WatchedFolder(Path(source.table), importer).look()
    return sum(one.items for one in taken), "；".join(f"{one.path.name}：{one.reason}" for one in taken if one.reason)
