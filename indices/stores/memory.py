"""The reference engine: plain, brute force, nothing kept on disk. The others are compared with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from threading import RLock

from indices.stores.matching import (
    MAX_FIELDS_TABULATED,
    Kept,
    Segmenter,
    check_counted,
    check_query,
    dictionary_segmenter,
    meets,
    why_not_kept,
)
from indices.stores.ranking import relevance
from models.errors import StoreUnavailable
from models.query import Bucket, Hit, Outcome, Page, Query, Receipt, Sort
from models.record import Record


class MemoryStore:
    """Implements `models.ports.Store` in a dictionary. Safe to use from several threads."""

    engine = "memory"

    def __init__(self, *, segmenter: Segmenter = dictionary_segmenter) -> None:
        self._kept: dict[str, Kept] = {}
        self._segmenter = segmenter
        self._lock = RLock()
        self._closed = False

    def upsert(self, batch: Sequence[Record]) -> Receipt:
        with self._lock:
            self._check_open()
            answers = [self._upsert_one(record) for record in batch]
        return Receipt(outcomes=tuple(a[0] for a in answers), reasons=tuple(a[1] for a in answers))

    def _upsert_one(self, record: Record) -> tuple[Outcome, str]:
        if reason := why_not_kept(record):
            return Outcome.REJECTED, reason
        before = self._kept.get(record.id)
        if before and before.record.revision >= record.revision:
            return Outcome.DUPLICATE, ""
        self._kept[record.id] = Kept.of(record, self._segmenter)
        return (Outcome.UPDATED if before else Outcome.STORED), ""

    def renew(self, batch: Sequence[Record]) -> Receipt:
        with self._lock:
            self._check_open()
            answers = [self._renew_one(record) for record in batch]
        return Receipt(outcomes=tuple(a[0] for a in answers), reasons=tuple(a[1] for a in answers))

    def _renew_one(self, record: Record) -> tuple[Outcome, str]:
        if reason := why_not_kept(record):
            return Outcome.REJECTED, reason
        before = self._kept.get(record.id)
        if before is None or before.record.revision != record.revision:
            return Outcome.DUPLICATE, ""
        self._kept[record.id] = Kept.of(record, self._segmenter)
        return Outcome.UPDATED, ""

    def get(self, record_id: str) -> Record | None:
        with self._lock:
            self._check_open()
            kept = self._kept.get(record_id)
        return kept.record if kept else None

    def search(self, query: Query) -> Page:
        """Relevance orders ties, and everything where no words are asked for, newest first."""
        found = self._found(query)
        scores = {k.record.id: 0.0 for k in found}
        found.sort(key=lambda k: k.record.id)
        found.sort(key=lambda k: k.created, reverse=query.sort is not Sort.OLDEST)
        if query.sort is Sort.RELEVANCE:
            with self._lock:
                corpus = list(self._kept.values())
            scores = {k.record.id: score for k, score in zip(found, relevance(query.match, found, corpus), strict=True)}
            found.sort(key=lambda k: scores[k.record.id], reverse=True)
        window = found[query.offset : query.offset + query.size]
        return Page(total=len(found), hits=tuple(Hit(record=k.record, score=scores[k.record.id]) for k in window))

    def aggregate(self, query: Query, by: Sequence[str]) -> list[Bucket]:
        check_counted(by)
        counts = Counter(
            tuple(kept.keywords[field] for field in by)
            for kept in self._found(query)
            if all(field in kept.keywords for field in by)
        )
        return [Bucket(keys=keys, count=n) for keys, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def tabulate(self, query: Query, fields: Sequence[str]) -> list[Bucket]:
        check_counted(fields, MAX_FIELDS_TABULATED)
        counts = Counter(tuple(kept.keywords.get(field, "") for field in fields) for kept in self._found(query))
        return [Bucket(keys=keys, count=n) for keys, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def scan(self, query: Query) -> Iterator[Record]:
        """The state at the call; writes during the scan are not seen."""
        found = sorted(self._found(query), key=lambda kept: (kept.created, kept.record.id))
        return (kept.record for kept in found)

    def forget(self, record_ids: Sequence[str]) -> int:
        with self._lock:
            self._check_open()
            return sum(1 for record_id in set(record_ids) if self._kept.pop(record_id, None))

    def close(self) -> None:
        self._closed = True

    def _found(self, query: Query) -> list[Kept]:
        check_query(query)
        with self._lock:
            self._check_open()
            return [kept for kept in self._kept.values() if meets(query, kept)]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(engine=self.engine, reason="已关闭")
