"""A store seen with some records replaced, some added and some left out: what a new index version is to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from models.ports import Reader
from models.query import Query
from models.record import Record


@dataclass(frozen=True, slots=True)
class Change:
    """`kept`: records by id, which replace those of the same id or are new; `lost`: ids that are left out."""

    kept: Mapping[str, Record] = field(default_factory=dict)
    lost: Set[str] = frozenset()

    def over(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records after the change, those of the store in their order, the new ones behind them."""
        met = set()
        for record in records:
            if record.id in self.kept:
                met.add(record.id)
                yield self.kept[record.id]
            elif record.id not in self.lost:
                yield record
        yield from (record for name, record in self.kept.items() if name not in met)


class Overlay:
    """As much of a `Reader` as a copy needs."""

    def __init__(self, reader: Reader, change: Change) -> None:
        self._reader, self._change = reader, change

    def scan(self, query: Query) -> Iterator[Record]:
        return self._change.over(self._reader.scan(query))
