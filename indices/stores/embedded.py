"""The embedded engine: a tantivy index in a folder. Nothing to install; many processes read, one writes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

import tantivy

from indices.stores import embedded_reading as reading
from indices.stores.embedded_query import translate
from indices.stores.embedded_rewriting import open_or_rewrite
from indices.stores.embedded_schema import document
from indices.stores.matching import (
    MAX_FIELDS_TABULATED,
    Kept,
    Segmenter,
    check_counted,
    check_query,
    dictionary_segmenter,
    why_not_kept,
)
from indices.stores.ranking import wanted
from models.errors import StoreUnavailable
from models.query import Bucket, Hit, Outcome, Page, Query, Receipt, Sort
from models.record import Record

# One batch of 5,000 records (the most that the worker leases) fits without a flush half-way.
WRITER_HEAP_BYTES: Final = 64_000_000
_RELOADS: Final = 3


class EmbeddedStore:
    """Implements `models.ports.Store` on a folder.

    Every `upsert` and `forget` is one commit: on the disk and visible when it returns, whole or not at all. The first
    write takes the folder's writer lock and keeps it until `close`; while another process holds it, writing raises
    StoreUnavailable and reading goes on. Readers see another process's commits at their next call. Threads may share a
    store.
    """

    engine = "embedded"

    def __init__(self, folder: Path, *, read_only: bool = False, segmenter: Segmenter = dictionary_segmenter) -> None:
        """Opens the index, or makes an empty one. Raises StoreUnavailable where the folder cannot be read."""
        self._folder, self._read_only, self._segmenter = Path(folder), read_only, segmenter
        self._write_lock, self._read_lock = Lock(), Lock()
        self._writer: tantivy.IndexWriter | None = None
        self._seen: tuple[int, ...] = ()
        self._index: tantivy.Index | None = None
        with self._translated():
            self._folder.mkdir(parents=True, exist_ok=True)
            with _alone(self._folder / ".minsheng-open.lock"):
                self._index = open_or_rewrite(self._folder, segmenter, self.engine)
            # "manual": no thread watches the folder; `_searcher` looks at it before each question.
            self._index.config_reader("manual")

    # --- writing ------------------------------------------------------------------------------------------------
    def upsert(self, batch: Sequence[Record]) -> Receipt:
        return self._write(batch, lambda before, revision: before is None or before < revision)

    def renew(self, batch: Sequence[Record]) -> Receipt:
        return self._write(batch, lambda before, revision: before == revision)

    def _write(self, batch: Sequence[Record], fits: Callable[[int | None, int], bool]) -> Receipt:
        """Put those records whose kept revision (None: not kept) and own one fit together."""
        outcomes, reasons = [Outcome.REJECTED] * len(batch), [why_not_kept(record) for record in batch]
        with self._write_lock, self._translated():
            if not batch:
                self._open_index()
                return Receipt(outcomes=())
            kept = reading.revisions(
                self._searcher(), {r.id for r, reason in zip(batch, reasons, strict=True) if not reason}
            )
            with self._one_commit() as writer:
                for i, record in enumerate(batch):
                    if not reasons[i]:
                        outcomes[i], reasons[i] = self._put(writer, record, kept, fits)
        return Receipt(outcomes=tuple(outcomes), reasons=tuple(reasons))

    def _put(
        self, writer: _Counted, record: Record, kept: dict[str, int], fits: Callable[[int | None, int], bool]
    ) -> tuple[Outcome, str]:
        before = kept.get(record.id)
        if not fits(before, record.revision):
            return Outcome.DUPLICATE, ""
        try:
            added = document(Kept.of(record, self._segmenter))
        except (ValueError, TypeError) as error:
            return Outcome.REJECTED, f"无法写入索引：{error}"
        if before is not None:
            writer.remove(record.id)
        writer.add(added)
        kept[record.id] = record.revision
        return (Outcome.STORED if before is None else Outcome.UPDATED), ""

    def forget(self, record_ids: Sequence[str]) -> int:
        with self._write_lock, self._translated():
            there = reading.revisions(self._searcher(), set(record_ids))
            if there:
                with self._one_commit() as writer:
                    for record_id in there:
                        writer.remove(record_id)
        return len(there)

    @contextmanager
    def _one_commit(self) -> Iterator[_Counted]:
        """What is done inside is committed at the end, or, where anything fails, given up together with the writer."""
        counted = _Counted(self._open_writer())
        try:
            yield counted
            if counted.changes:
                counted.writer.commit()
        except BaseException:
            self._writer = None
            raise

    def _open_writer(self) -> tantivy.IndexWriter:
        index = self._open_index()
        if self._read_only:
            raise StoreUnavailable(engine=self.engine, reason="此处以只读方式打开")
        if self._writer is None:
            try:
                self._writer = index.writer(WRITER_HEAP_BYTES, 1)
            except ValueError as error:
                if "lock" not in str(error).lower():
                    raise
                reason = f"另一个进程正在写 {self._folder}，同一时间只能有一个写入者"
                raise StoreUnavailable(engine=self.engine, reason=reason) from error
        return self._writer

    # --- reading ------------------------------------------------------------------------------------------------
    def get(self, record_id: str) -> Record | None:
        with self._translated():
            return reading.one(self._searcher(), record_id)

    def search(self, query: Query) -> Page:
        """Relevance orders ties, and everything where no words are asked for, newest first."""
        check_query(query)
        with self._translated():
            searcher, found = self._searcher(), translate(query)
            if query.sort is Sort.RELEVANCE and wanted(query.match):
                total, placed = reading.page_by_relevance(searcher, found, query.offset, query.size)
            else:
                order = tantivy.Order.Asc if query.sort is Sort.OLDEST else tantivy.Order.Desc
                total, addresses = reading.page_by_time(searcher, found, query.offset, query.size, order)
                placed = [(0.0, address) for address in addresses]
            hits = tuple(Hit(record=reading.load(searcher, address), score=score) for score, address in placed)
        return Page(total=total, hits=hits)

    def aggregate(self, query: Query, by: Sequence[str]) -> list[Bucket]:
        check_query(query)
        check_counted(by)
        with self._translated():
            counts = reading.counts(self._searcher(), translate(query), by)
        return [Bucket(keys=keys, count=n) for keys, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def tabulate(self, query: Query, fields: Sequence[str]) -> list[Bucket]:
        check_query(query)
        check_counted(fields, MAX_FIELDS_TABULATED)
        with self._translated():
            counts = reading.table(self._searcher(), translate(query), fields)
        return [Bucket(keys=keys, count=n) for keys, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def scan(self, query: Query) -> Iterator[Record]:
        """The state at the call; writes during the scan are not seen."""
        check_query(query)
        with self._translated():
            return self._scan(self._searcher(), translate(query))

    def _scan(self, searcher: tantivy.Searcher, found: tantivy.Query) -> Iterator[Record]:
        with self._translated():
            yield from reading.scan(searcher, found)

    def close(self) -> None:
        """Waits for a write in progress and for merges, and gives the writer lock back. Closing twice is quiet."""
        with self._write_lock, self._read_lock:
            writer, self._writer, self._index = self._writer, None, None
        if writer is not None:
            writer.wait_merging_threads()

    def _open_index(self) -> tantivy.Index:
        index = self._index
        if index is None:
            raise StoreUnavailable(engine=self.engine, reason="已关闭")
        return index

    def _searcher(self) -> tantivy.Searcher:
        """A snapshot of the latest commit of any process."""
        with self._read_lock:
            index = self._open_index()
            now = os.stat(self._folder / "meta.json")
            seen = (now.st_ino, now.st_mtime_ns, now.st_size)
            if seen != self._seen:
                _reload(index)
                self._seen = seen
            return index.searcher()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the index or the disk complains about, as StoreUnavailable."""
        try:
            yield
        except (ValueError, OSError) as error:
            raise StoreUnavailable(engine=self.engine, reason=f"{self._folder}：{error}") from error


class _Counted:
    """A writer that knows whether there is anything to commit. A removal takes what was added before it, and no more."""

    def __init__(self, writer: tantivy.IndexWriter) -> None:
        self.writer, self.changes = writer, 0

    def add(self, document: tantivy.Document) -> None:
        self.writer.add_document(document)
        self.changes += 1

    def remove(self, record_id: str) -> None:
        self.writer.delete_documents_by_term("id", record_id)
        self.changes += 1


def _reload(index: tantivy.Index) -> None:
    """Another process may merge segments away between reading the list and opening them; the next list is then whole."""
    for attempt in range(1, _RELOADS + 1):
        try:
            index.reload()
        except (ValueError, OSError):
            if attempt == _RELOADS:
                raise
        else:
            return


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time makes or opens the index: two that make it at once would overwrite each other's list."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
