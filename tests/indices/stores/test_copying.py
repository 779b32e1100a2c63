"""Copying between stores: whole, resumable, patient, honest about what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from indices.stores.copying import PAUSES_SECONDS, REASONS_SHOWN, copy
from indices.stores.memory import MemoryStore
from models.errors import StoreUnavailable
from models.query import Outcome, Query, Receipt
from models.record import Record

AT = datetime(2026, 3, 1, tzinfo=UTC)


def record(number: int, **fields: Any) -> Record:
    known = {"id": f"r{number:04}", "revision": 1, "intake": "row", "source": "test"}
    return Record(**(known | {"created_at": AT + timedelta(minutes=number)} | fields))


def store(*records: Record) -> MemoryStore:
    made = MemoryStore(segmenter=str.split)
    made.upsert(records)
    return made


class Sick(MemoryStore):
    """Away at the given calls, and for one kind of record a reason to refuse."""

    def __init__(self, away: set[int] = frozenset(), refuse: str = "") -> None:  # type: ignore[assignment]
        super().__init__(segmenter=str.split)
        self.away, self.refuse, self.calls = away, refuse, 0

    def upsert(self, batch: Sequence[Record]) -> Receipt:
        self.calls += 1
        if self.calls in self.away:
            raise StoreUnavailable(engine="sick", reason="away")
        good = super().upsert([r for r in batch if r.district != self.refuse or not self.refuse])
        outcomes, reasons = iter(good.outcomes), list[str]()
        told = [Outcome.REJECTED if self.refuse and r.district == self.refuse else next(outcomes) for r in batch]
        reasons = ["no" if outcome is Outcome.REJECTED else "" for outcome in told]
        return Receipt(outcomes=tuple(told), reasons=tuple(reasons))


def test_everything_comes_over_in_batches() -> None:
    source, target, seen = store(*map(record, range(25))), store(), list[int]()
    copied = copy(source, target, batch=10, progress=seen.append)
    assert copied.books == {"read": 25, "stored": 25, "updated": 0, "duplicate": 0, "rejected": 0}
    assert copied.kept == 25
    assert seen == [10, 20, 25]
    assert list(target.scan(Query())) == list(source.scan(Query()))


def test_a_copy_that_broke_off_is_begun_again() -> None:
    source, target = store(*map(record, range(30))), Sick(away=set(range(3, 3 + len(PAUSES_SECONDS) + 1)))
    with pytest.raises(StoreUnavailable):
        copy(source, target, batch=10, sleep=lambda _: None)
    assert target.search(Query()).total == 20
    again = copy(source, target, batch=10)
    assert (again.outcomes[Outcome.DUPLICATE], again.outcomes[Outcome.STORED]) == (20, 10)


def test_a_target_that_is_away_for_a_while_is_waited_for() -> None:
    pauses: list[float] = []
    target = Sick(away={2, 3})
    copied = copy(store(*map(record, range(30))), target, batch=10, sleep=pauses.append)
    assert copied.outcomes[Outcome.STORED] == 30
    assert pauses == list(PAUSES_SECONDS[:2])


def test_a_later_state_in_the_target_stays() -> None:
    target = store(record(1, revision=9, text="later"))
    copied = copy(store(record(1, revision=3, text="earlier"), record(2)), target)
    assert copied.books == {"read": 2, "stored": 1, "updated": 0, "duplicate": 1, "rejected": 0}
    kept = target.get("r0001")
    assert kept is not None
    assert kept.text == "later"


def test_an_earlier_state_in_the_target_is_brought_up_to_date() -> None:
    assert copy(store(record(1, revision=3)), store(record(1))).outcomes == {Outcome.UPDATED: 1}


def test_refused_records_are_counted_and_the_first_few_named() -> None:
    source = store(*(record(n, district="x" if n % 2 else "y") for n in range(40)))
    copied = copy(source, Sick(refuse="x"), batch=7)
    assert (copied.outcomes[Outcome.REJECTED], copied.kept) == (20, 20)
    assert copied.rejected == [(f"r{n:04}", "no") for n in (1, 3, 5, 7, 9)][:REASONS_SHOWN]


def test_nothing_to_copy() -> None:
    assert copy(store(), store()).books["read"] == 0
