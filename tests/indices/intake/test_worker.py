from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from indices.database import connect, make_declared_tables
from indices.intake import worker as worker_module
from indices.intake.inbox import Books, Inbox
from indices.intake.quarantine import QuarantineRoom
from indices.intake.worker import Worker, delay_seconds
from indices.stores.memory import MemoryStore
from models.errors import QuarantineOverflow, StoreUnavailable
from models.identity import record_id, revision
from models.item import Item
from models.query import Outcome, Query, Receipt
from models.record import Record

Make = Callable[..., Any]
EVERYTHING = Query(size=100)


def distinct(store: MemoryStore) -> int:
    return store.search(Query(size=0)).total


class Picky(MemoryStore):
    """Rejects, fails or loses its answer as it is told."""

    def __init__(self) -> None:
        super().__init__(segmenter=lambda text: text.lower().split())
        self.rejected: set[str] = set()
        self.away = 0
        self.lost_answers = 0

    def upsert(self, batch: Sequence[Record]) -> Receipt:
        if self.away:
            self.away -= 1
            raise StoreUnavailable(engine="picky", reason="test")
        good = [record for record in batch if record.native_id not in self.rejected]
        answers = iter(super().upsert(good).outcomes)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnavailable(engine="picky", reason="no answer")
        outcomes = tuple(Outcome.REJECTED if r.native_id in self.rejected else next(answers) for r in batch)
        return Receipt(outcomes=outcomes, reasons=tuple("字段过长" if o is Outcome.REJECTED else "" for o in outcomes))


def test_an_item_becomes_a_record(inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make) -> None:
    sent = item("7", created_at=datetime(2026, 3, 1, tzinfo=UTC), speaker="王女士")
    inbox.accept([sent])
    assert make_worker().step() == 1
    kept = store.get(record_id(sent))
    assert kept
    assert (kept.native_id, kept.title, kept.created_at) == ("7", "路灯不亮", sent.payload.created_at)
    assert inbox.books() == Books(received=1, stored=1)
    assert make_worker().step() == 0


def test_each_lease_is_read_by_the_newest_annotator(
    inbox: Inbox, store: MemoryStore, annotator: Any, item: Make, assemble: Make
) -> None:
    readers = [type(annotator)(), type(annotator)()]
    asked = iter(readers)
    worker = Worker(
        inbox, store, annotator, b"k" * 32, assemble(inbox, store, annotator).settings, newest=lambda: next(asked)
    )
    for name in "ab":
        inbox.accept([item(name)])
        assert worker.step() == 1
        assert worker.step() == 0, "nothing waits: nobody is asked for"
    assert [reader.seen for reader in (annotator, *readers)] == [0, 1, 1]


def test_repeats_and_states_in_one_batch(inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make) -> None:
    """[rev 1, rev 3, rev 2, rev 3 again, another] → the highest stays; only the latest is annotated."""
    states = [item("a", revision=n, status=f"第{n}步") for n in (1, 3, 2, 3)]
    inbox.accept([*states, item("b")])
    worker = make_worker()
    worker.drain()
    assert worker.annotator.seen == 2
    kept = store.get(record_id(states[0]))
    assert kept
    assert kept.status == "第3步"
    assert inbox.books() == Books(received=5, stored=2, duplicate=3)


def test_states_over_batches(inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make) -> None:
    inbox.accept([item("a", revision=n) for n in (2, 1, 3, 3)])
    make_worker(batch_items=1).drain()
    assert inbox.books() == Books(received=4, stored=2, updated=1, duplicate=2)
    assert inbox.books().stored - inbox.books().updated == distinct(store) == 1


def test_where_the_latest_state_is_bad_the_next_one_stays(
    inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make
) -> None:
    inbox.accept([item("a", revision=1), item("a", revision=2, text="毒"), item("a", revision=3, text="毒")])
    worker = make_worker()
    worker.annotator.poison = lambda text: ValueError("no") if text == "毒" else None
    worker.drain()
    assert inbox.books() == Books(received=3, stored=1, quarantined=2)
    assert store.search(EVERYTHING).hits[0].record.revision == revision(item("a", revision=1))


def test_empty_and_unidentifiable_items_go_to_the_quarantine(
    inbox: Inbox, item: Make, make_worker: Make, database: Engine
) -> None:
    inbox.accept([item("a", title=" ", text="\n"), item(None, url="http://[::1/页"), item("c")])
    make_worker().drain()
    assert inbox.books() == Books(received=3, stored=1, quarantined=2)
    held = QuarantineRoom(database, limit=10).held()
    assert [one.code for one in held] == ["MS202", "MS201"]
    assert "编号 a" in held[1].reason


def test_what_the_store_rejects_is_kept_with_its_reason(
    inbox: Inbox, item: Make, make_worker: Make, database: Engine
) -> None:
    store = Picky()
    store.rejected = {"b"}
    inbox.accept([item("a"), item("b"), item("c")])
    make_worker(store=store).drain()
    assert inbox.books() == Books(received=3, stored=2, quarantined=1)
    (held,) = QuarantineRoom(database, limit=10).held()
    assert held.item
    assert (held.item.native_id, held.code, held.reason) == ("b", "MS203", "检索库拒收此记录：字段过长。")


# --- poison (R5) --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", [0, 3, 8])
def test_only_the_guilty_item_goes_to_the_quarantine(
    inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make, where: int, database: Engine
) -> None:
    inbox.accept([item(str(n), text="毒" if n == where else "好") for n in range(9)])
    worker = make_worker()
    worker.annotator.poison = lambda text: RuntimeError("boom") if text == "毒" else None
    worker.drain()
    assert inbox.books() == Books(received=9, stored=8, quarantined=1)
    (held,) = QuarantineRoom(database, limit=10).held()
    assert held.item
    assert (held.item.native_id, held.code) == (str(where), "MS204")
    assert "RuntimeError" in held.reason
    assert "boom" not in held.reason  # a message may quote the text that provoked it


def test_all_poison_halts_after_the_limit_with_one_alarm(
    inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.accept([item(str(n)) for n in range(200)])
    worker = make_worker(batch_items=120)
    worker.annotator.poison = lambda _: RuntimeError("bad code")
    with pytest.raises(QuarantineOverflow, match="连续进入 50 件"):
        worker.drain()
    for _ in range(3):
        with pytest.raises(QuarantineOverflow):
            worker.step()
    with pytest.raises(QuarantineOverflow):
        make_worker().step()
    assert inbox.books() == Books(received=200, quarantined=50, waiting=150)
    assert len([record for record in caplog.records if record.levelname == "CRITICAL"]) == 1
    assert len(inbox.lease(200, "x")) == 150


def test_an_item_that_kills_its_worker_each_time_is_given_up(
    database: Engine, store: MemoryStore, item: Make, make_worker: Make
) -> None:
    inbox = Inbox(database, limit=10, lease_seconds=0.0)
    inbox.accept([item("killer")])
    for _ in range(4):
        assert inbox.lease(1, "one that dies")
    make_worker(inbox=inbox).drain()
    assert inbox.books() == Books(received=1, quarantined=1)
    assert QuarantineRoom(database, limit=10).held()[0].code == "MS204"


# --- sick dependencies (R4, R6) -------------------------------------------------------------------------------------------
def test_a_store_that_is_away_costs_nothing(inbox: Inbox, item: Make, make_worker: Make, monkeypatch: Any) -> None:
    monkeypatch.setattr(worker_module, "FIRST_DELAY_SECONDS", 0.001)
    store = Picky()
    store.away = 7
    inbox.accept([item(str(n)) for n in range(5)])
    worker = make_worker(store=store)
    with pytest.raises(StoreUnavailable):
        worker.step()
    assert inbox.books() == Books(received=5, waiting=5)
    assert worker.drain() == 5
    assert inbox.books() == Books(received=5, stored=5)


def test_a_lost_answer_is_not_a_duplicate(inbox: Inbox, item: Make, make_worker: Make, monkeypatch: Any) -> None:
    """R7: the store kept the records, the answer was lost; the second try finds its own rows."""
    monkeypatch.setattr(worker_module, "FIRST_DELAY_SECONDS", 0.001)
    store = Picky()
    store.lost_answers = 2
    inbox.accept([item(str(n)) for n in range(5)] + [item("0")])
    worker = make_worker(store=store)
    worker.drain()
    assert inbox.books() == Books(received=6, stored=5, duplicate=1)
    assert worker.annotator.seen == 5


def test_drain_gives_up_on_a_store_that_stays_away(
    inbox: Inbox, item: Make, make_worker: Make, monkeypatch: Any
) -> None:
    monkeypatch.setattr(worker_module, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(worker_module, "DRAIN_PATIENCE_SECONDS", 0.05)
    store = Picky()
    store.away = 10**9
    inbox.accept([item()])
    with pytest.raises(StoreUnavailable):
        make_worker(store=store).drain()
    assert inbox.books() == Books(received=1, waiting=1)


def test_drain_waits_for_what_another_worker_holds(
    database: Engine, store: MemoryStore, item: Make, make_worker: Make
) -> None:
    inbox = Inbox(database, limit=10, lease_seconds=0.4)
    inbox.accept([item()])
    start = time.monotonic()
    assert inbox.lease(1, "one that died")
    assert make_worker(inbox=inbox).drain() == 1
    assert time.monotonic() - start >= 0.4
    assert inbox.books() == Books(received=1, stored=1)


def test_drain_tells_how_far_it_is(inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make) -> None:
    inbox.accept([item(str(n)) for n in range(5)])
    told: list[int] = []
    assert make_worker(batch_items=2).drain(told.append) == 5
    assert told == [2, 4, 5]


def test_delays_grow_to_a_limit_and_are_not_all_alike() -> None:
    assert all(0 <= delay_seconds(n) <= min(30, 0.2 * 2**n) for n in range(40))
    assert len({delay_seconds(5) for _ in range(20)}) > 10


def test_run_works_until_told_to_stop_and_goes_on_after_a_decision(
    inbox: Inbox, store: MemoryStore, item: Make, make_worker: Make, database: Engine, monkeypatch: Any
) -> None:
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(worker_module, "FIRST_DELAY_SECONDS", 0.001)
    picky = Picky()
    picky.away = 2
    worker = make_worker(store=picky, quarantine_run=3)
    bad = threading.Event()
    bad.set()
    worker.annotator.poison = lambda _: RuntimeError("bad code") if bad.is_set() else None
    stop = threading.Event()
    line = threading.Thread(target=worker.run, args=(stop,))
    line.start()

    def eventually(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    inbox.accept([item(str(n)) for n in range(8)])
    eventually(inbox.halted)
    assert inbox.books() == Books(received=8, quarantined=3, waiting=5)
    bad.clear()
    assert QuarantineRoom(database, limit=100).retry() == 3
    eventually(lambda: inbox.books() == Books(received=8, stored=8))
    stop.set()
    line.join(5)
    assert not line.is_alive()


# --- the property (R3, R7) ------------------------------------------------------------------------------------------------
ITEMS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(1, 3), st.sampled_from(["好", "好", "好", "毒"])),
    min_size=1,
    max_size=25,
)
EVENTS = st.lists(st.sampled_from(["send", "send", "work", "die", "away"]), max_size=18)


def text_of(name: str, number: int, kind: str) -> str:
    return f"{kind}{name}{number}"


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=ITEMS, events=EVENTS, batch=st.integers(1, 6), portion=st.integers(1, 5))
def test_any_interleaving_repetition_and_split_ends_alike(
    item: Make,
    assemble: Make,
    annotator: Any,
    data: list[tuple[str, int, str]],
    events: list[str],
    batch: int,
    portion: int,
) -> None:
    engine = connect("sqlite:///:memory:")
    make_declared_tables(engine)
    inbox, store = Inbox(engine, limit=1_000, lease_seconds=0.0), Picky()
    annotator.poison = lambda text: ValueError(text) if "毒" in text else None
    worker: Worker = assemble(inbox, store, annotator, batch_items=batch, max_attempts=20)
    sent: list[Item] = [item(name, revision=number, text=text_of(name, number, kind)) for name, number, kind in data]
    queue = list(sent)
    for event in events:
        if event == "send" and queue:
            inbox.accept([queue.pop(0) for _ in range(min(portion, len(queue)))])
        elif event == "die":
            with suppress(StoreUnavailable):  # after writing, before settling
                worker._process(inbox.lease(batch, "one that dies"))
        elif event == "away":
            store.lost_answers = 1
        else:
            with suppress(StoreUnavailable):
                worker.step()
        assert inbox.books().difference == 0
        assert inbox.books().waiting == inbox.rows_waiting()
    if queue:
        inbox.accept(queue)
    store.lost_answers = 0
    worker.drain()
    good = [one for one in sent if "毒" not in one.payload.text]
    final = {record_id(one): max(revision(o) for o in good if record_id(o) == record_id(one)) for one in good}
    assert {hit.record.id: hit.record.revision for hit in store.search(EVERYTHING).hits} == final
    books = inbox.books()
    assert (books.received, books.waiting, books.difference) == (len(sent), 0, 0)
    assert books.quarantined <= len(sent) - len(
        good
    )  # a bad state that a later one overtakes in its batch is not tried
    assert len(final) <= books.stored <= len({(record_id(one), revision(one)) for one in good})
    engine.dispose()
