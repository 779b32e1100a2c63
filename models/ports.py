"""Ports: what the rest of Minsheng asks of an engine. Engines are chosen in `api.wiring` only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from models.query import Bucket, Page, Query, Receipt
from models.record import Record


@runtime_checkable
class Reader(Protocol):
    """What answers are computed from: a store, or a store seen through a viewer's eyes (`indices.access.ScopedStore`)."""

    def get(self, record_id: str) -> Record | None: ...

    def search(self, query: Query) -> Page: ...

    def aggregate(self, query: Query, by: Sequence[str]) -> list[Bucket]:
        """Exact counts by the values of one to three of `models.query.FIELDS` (`day`, `week`, `month` are fields).

        Records without a value for any of the fields are left out. Largest count first, ties by keys.
        """
        ...

    def tabulate(self, query: Query, fields: Sequence[str]) -> list[Bucket]:
        """Exact counts of every combination of one to twelve of `models.query.FIELDS`; "" stands where a record has no value.

        The counts add up to the total of the query. Largest count first, ties by keys.
        """
        ...

    def scan(self, query: Query) -> Iterator[Record]:
        """Every record that matches, in order of (created_at, id); memory does not grow with their number."""
        ...


@runtime_checkable
class Store(Reader, Protocol):
    """Records, kept and counted. Filters, totals and aggregates agree exactly between engines; scores only loosely.

    Every call ends within the engine's deadline or raises `StoreUnavailable`. A write is visible to reads when `upsert`
    returns. One writer at a time is enough (the worker line).
    """

    engine: str

    def upsert(self, batch: Sequence[Record]) -> Receipt:
        """Keep each record unless the same or a later revision of it is kept already."""
        ...

    def renew(self, batch: Sequence[Record]) -> Receipt:
        """Replace each record that is kept in this very revision: another annotation of the same state.

        UPDATED, or DUPLICATE where a later state is kept, an earlier one, or none: then nothing was changed.
        """
        ...

    def forget(self, record_ids: Sequence[str]) -> int:
        """Remove the records; how many there were."""
        ...

    def close(self) -> None: ...
