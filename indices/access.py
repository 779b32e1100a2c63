"""The only door to records: a store seen through a viewer's eyes, with an audit row for every access.

What a viewer may not see and what is not there answer alike. The three administrators run the system without seeing
what citizens said: to them no record exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from indices.audit import AuditLog
from models.ports import Reader, Store
from models.query import Bucket, Page, Query
from models.record import Record
from models.viewer import Viewer

IDS_AT_ONCE: Final = 10_000


class ScopedStore(Reader):
    """A store, narrowed to what `viewer` may see."""

    def __init__(self, store: Store, viewer: Viewer, audit: AuditLog) -> None:
        self._store, self._viewer, self._audit = store, viewer, audit

    @property
    def viewer(self) -> Viewer:
        return self._viewer

    def _scoped(self, query: Query) -> Query | None:
        if not self._viewer.sees_business:
            return None
        if self._viewer.districts is None:
            return query
        return query.narrowed(district=tuple(sorted(self._viewer.districts)))

    def _note(self, action: str, what: object, success: bool = True) -> None:
        text = (
            what
            if isinstance(what, str)
            else what.model_dump_json(exclude_defaults=True)
            if isinstance(what, Query)
            else str(what)
        )
        self._audit.note(self._viewer.name, action, text, success=success)

    def may_see(self, record: Record) -> bool:
        scope = self._viewer.districts
        return self._viewer.sees_business and (scope is None or record.district in scope)

    def get(self, record_id: str) -> Record | None:
        record = self._store.get(record_id)
        visible = record if record is not None and self.may_see(record) else None
        self._note("record.read", record_id, success=visible is not None)
        return visible

    def search(self, query: Query) -> Page:
        scoped = self._scoped(query)
        self._note("record.search", query, success=scoped is not None)
        return Page(total=0) if scoped is None else self._store.search(scoped)

    def aggregate(self, query: Query, by: Sequence[str]) -> list[Bucket]:
        scoped = self._scoped(query)
        self._note(
            "record.count", f"{','.join(by)} {query.model_dump_json(exclude_defaults=True)}", success=scoped is not None
        )
        return [] if scoped is None else self._store.aggregate(scoped, by)

    def tabulate(self, query: Query, fields: Sequence[str]) -> list[Bucket]:
        scoped = self._scoped(query)
        asked = f"{','.join(fields)} {query.model_dump_json(exclude_defaults=True)}"
        self._note("record.count", asked, success=scoped is not None)
        return [] if scoped is None else self._store.tabulate(scoped, fields)

    def scan(self, query: Query) -> Iterator[Record]:
        scoped = self._scoped(query)
        self._note("record.scan", query, success=scoped is not None)
        return iter(()) if scoped is None else self._store.scan(scoped)


def visible_ids(reader: ScopedStore, record_ids: Sequence[str]) -> set[str]:
    """Which of the records the viewer may see, without reading them."""
    parts = (tuple(record_ids[begin : begin + IDS_AT_ONCE]) for begin in range(0, len(record_ids), IDS_AT_ONCE))
    return {bucket.keys[0] for part in parts for bucket in reader.aggregate(Query(filters={"id": part}), ["id"])}
