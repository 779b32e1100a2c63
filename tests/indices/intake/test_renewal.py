"""Reading again what is kept: everything once, nothing at the cost of a later state, whoever dies in between."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from indices.intake import renewal as renewal_module
from indices.intake.inbox import Books, Inbox
from indices.intake.renewal import Renewal, carry_out, renewed
from indices.intake.tables import renewal
from indices.intake.worker import Worker
from indices.stores.memory import MemoryStore
from models.errors import QuarantineOverflow, StoreUnavailable
from models.item import Item
from models.ports import Store
from models.query import Query, Receipt
from models.record import Annotation, Record
from models.settings import Settings
from nlp.annotate import READ_CHARACTERS, TITLE_LIMIT, Draft, Reading

Make = Callable[..., Any]
AT = datetime(2026, 3, 1, tzinfo=UTC)


def harmless(text: str) -> None:
    return None


@dataclass
class Reader:
    """Says who read; does what it is told with a text first."""

    version: str = "new"
    before: Callable[[str], None] = harmless
    seen: list[str] = field(default_factory=list)

    def annotate(self, drafts: Sequence[Draft]) -> list[Reading]:
        for draft in drafts:
            self.before(draft.text)
        self.seen += [draft.text for draft in drafts]
        note = Annotation(model=self.version, topic="政法")
        return [Reading(d.title, d.text, d.reply, note, {}) for d in drafts]


def record(number: int, revision: int = 1, **fields: Any) -> Record:
    base = {
        "created_at": AT + timedelta(minutes=number // 3),
        "text": f"第{number}件",
        "annotation": Annotation(model="old"),
    }
    return Record(id=f"r{number:05}", revision=revision, intake=f"row-{number}", source="test", **(base | fields))


def models(store: Store) -> dict[str, str]:
    return {one.id: one.annotation.model for one in store.scan(Query()) if one.annotation}


@pytest.fixture
def wish(database: Engine, store: MemoryStore) -> Renewal:
    return Renewal(database, store, lease_seconds=60, max_attempts=3, portion=10)


def finish(wish: Renewal, reader: Reader) -> int:
    """Portions until there is nothing to do; how many."""
    wish.ask(reader.version)
    for steps in range(10_000):
        if not wish.step(lambda: reader):
            return steps
    raise AssertionError("it never ends")


# --- what is done -------------------------------------------------------------------------------------------------------
def test_without_a_wish_nobody_reads(wish: Renewal, store: MemoryStore) -> None:
    store.upsert([record(1)])

    def nobody() -> Any:
        raise AssertionError("no model is loaded for nothing")

    assert not wish.step(nobody)
    assert wish.progress() is None
    assert wish.renewed_ever() == 0


def test_everything_is_read_once_by_the_new_model(wish: Renewal, store: MemoryStore) -> None:
    before = [record(number) for number in range(57)]
    store.upsert(before)
    reader = Reader()
    finish(wish, reader)
    assert set(models(store).values()) == {"new"}
    assert reader.seen == [one.text for one in before], "in order of their time, each once"
    after = list(store.scan(Query()))
    assert [one.model_copy(update={"annotation": None}) for one in after] == [
        one.model_copy(update={"annotation": None}) for one in before
    ], "nothing but the annotation is another one"
    progress = wish.progress()
    assert progress is not None
    assert (progress.looked, progress.renewed, progress.failed, progress.finished) == (57, 57, 0, True)
    assert wish.renewed_ever() == 57


def test_what_this_model_has_read_already_is_left_alone(wish: Renewal, store: MemoryStore) -> None:
    store.upsert([record(n, annotation=Annotation(model="new" if n % 2 else "old")) for n in range(40)])
    store.upsert([record(99, annotation=None)])
    reader = Reader()
    finish(wish, reader)
    assert len(reader.seen) == 21
    assert set(models(store).values()) == {"new"}
    assert finish(wish, reader) == 1
    assert len(reader.seen) == 21
    assert wish.renewed_ever() == 21


def test_an_empty_store_is_done_at_once(wish: Renewal) -> None:
    finish(wish, Reader())
    progress = wish.progress()
    assert progress is not None
    assert (progress.looked, progress.finished) == (0, True)


def test_many_records_of_one_instant_and_scans_begun_anew(
    wish: Renewal, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal_module, "SCAN", 15)
    monkeypatch.setattr(renewal_module, "LOOK", 7)
    store.upsert([record(number, created_at=AT) for number in range(90)])
    reader = Reader()
    finish(wish, reader)
    assert reader.seen == [f"第{number}件" for number in range(90)]


def test_a_model_that_is_not_the_one_asked_for_does_nothing(wish: Renewal, store: MemoryStore) -> None:
    """A worker that has not seen the change yet, or one of another machine."""
    store.upsert([record(1)])
    wish.ask("new")
    old = Reader("old")
    assert not wish.step(lambda: old)
    assert old.seen == []


def test_the_same_wish_goes_on_and_another_one_begins_anew(wish: Renewal, store: MemoryStore) -> None:
    store.upsert([record(number) for number in range(30)])
    reader = Reader()
    wish.ask("new")
    wish.step(lambda: reader)
    assert wish.ask("new").looked == 10
    assert wish.ask("newer").looked == 0
    newer = Reader("newer")
    finish(wish, newer)
    assert len(newer.seen) == 30
    assert set(models(store).values()) == {"newer"}
    assert wish.renewed_ever() == 40


def test_the_texts_of_a_record_are_never_cut() -> None:
    long = record(
        1, title="题" * (TITLE_LIMIT + 5), text="文" * (READ_CHARACTERS + 5), reply="答" * (READ_CHARACTERS + 5)
    )
    reading = Reading(
        long.title[:TITLE_LIMIT], long.text[:READ_CHARACTERS], long.reply[:READ_CHARACTERS], Annotation(model="new"), {}
    )
    after = renewed(long, reading)
    assert (after.title, after.text, after.reply) == (long.title, long.text, long.reply)


# --- later states win ---------------------------------------------------------------------------------------------------
def test_a_state_that_comes_while_its_record_is_read_wins(wish: Renewal, store: MemoryStore) -> None:
    store.upsert([record(number) for number in range(30)])

    def meanwhile(text: str) -> None:
        number = int(text[1:-1])
        if number % 5 == 0:
            store.upsert([record(number, revision=2, status="已办结", annotation=Annotation(model="old"))])
        if number % 5 == 1:
            store.forget([f"r{number:05}"])

    reader = Reader(before=meanwhile)
    wish.ask("new")
    while (progress := wish.progress()) and progress.round == 0:
        wish.step(lambda: reader)
    kept = {one.id: one for one in store.scan(Query())}
    assert len(kept) == 24, "what was forgotten stays forgotten"
    for number in range(0, 30, 5):
        one = kept[f"r{number:05}"]
        assert (one.revision, one.status) == (2, "已办结")
    reader.before = harmless
    finish(wish, reader)
    assert set(models(store).values()) == {"new"}, "the second round reads what came from a worker with the old model"
    assert {one.revision for one in store.scan(Query()) if one.status} == {2}


def test_what_a_slow_worker_of_the_old_model_wrote_behind_the_cursor_is_found(
    wish: Renewal, store: MemoryStore
) -> None:
    store.upsert([record(number) for number in range(20, 40)])
    reader = Reader()
    wish.ask("new")
    wish.step(lambda: reader)
    store.upsert([record(1)])
    finish(wish, reader)
    assert set(models(store).values()) == {"new"}


# --- failures -----------------------------------------------------------------------------------------------------------
def test_what_cannot_be_read_keeps_its_annotation_and_is_counted(wish: Renewal, store: MemoryStore) -> None:
    def poison(text: str) -> None:
        if text in ("第3件", "第27件"):
            raise ValueError(text)

    store.upsert([record(number) for number in range(40)])
    finish(wish, Reader(before=poison))
    assert {name for name, model in models(store).items() if model == "old"} == {"r00003", "r00027"}
    progress = wish.progress()
    assert progress is not None
    assert (progress.renewed, progress.failed, progress.finished) == (38, 2, True)


def test_a_store_that_is_away_loses_nothing_and_counts_as_no_death(database: Engine) -> None:
    class Away(MemoryStore):
        times = 0

        def renew(self, batch: Sequence[Record]) -> Receipt:
            self.times += 1
            if self.times % 3:
                raise StoreUnavailable(engine="memory", reason="test")
            return super().renew(batch)

    store = Away(segmenter=str.split)
    store.upsert([record(number) for number in range(40)])
    wish = Renewal(database, store, lease_seconds=60, max_attempts=3, portion=10)
    reader = Reader()
    wish.ask("new")
    while not (progress := wish.progress()) or not progress.finished:
        try:
            wish.step(lambda: reader)
        except StoreUnavailable:
            continue
    assert set(models(store).values()) == {"new"}
    assert (progress.renewed, progress.failed) == (40, 0)


def test_two_workers_share_a_wish_and_one_portion_is_done_by_one(database: Engine, store: MemoryStore) -> None:
    store.upsert([record(number) for number in range(300)])
    wishes = [Renewal(database, store, lease_seconds=60, max_attempts=3, worker=name, portion=10) for name in "ab"]
    readers = [Reader(before=lambda _: time.sleep(0.0002)), Reader(before=lambda _: time.sleep(0.0002))]
    wishes[0].ask("new")

    def work(wish: Renewal, reader: Reader) -> None:
        while (progress := wish.progress()) and not progress.finished:
            wish.step(lambda: reader)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(wishes, readers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(readers[0].seen + readers[1].seen) == sorted(one.text for one in store.scan(Query()))
    assert set(models(store).values()) == {"new"}


# --- deaths -------------------------------------------------------------------------------------------------------------
class Death(BaseException):
    """The process is gone: nothing is given back."""


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Renewal, "_give_back", lambda *_: None)


def test_a_death_at_any_moment_loses_nothing(die: None, database: Engine, store: MemoryStore) -> None:
    """Before, in the middle of and after the write, and before the cursor has moved; with states that come in between."""
    dice = random.Random(4)

    class Deadly(MemoryStore):
        def renew(self, batch: Sequence[Record]) -> Receipt:
            part = dice.choice((0, len(batch) // 2, len(batch), None, None))
            super().renew(batch if part is None else batch[:part])
            if part is not None:
                raise Death
            return Receipt(outcomes=super().renew(batch).outcomes)

    deadly = Deadly(segmenter=str.split)
    deadly.upsert([record(number) for number in range(80)])
    deaths, revision = 0, 1
    reader = Reader()
    wish = Renewal(database, deadly, lease_seconds=0.0, max_attempts=1_000, portion=10)
    wish.ask("new")
    while (progress := wish.progress()) and not progress.finished:
        try:
            wish.step(lambda: reader)
        except Death:
            deaths += 1
            revision += 1
            number = dice.randrange(80)
            deadly.upsert([record(number, revision=revision, status=str(revision))])
            wish = Renewal(database, deadly, lease_seconds=0.0, max_attempts=1_000, portion=10)
    assert deaths > 10
    kept = list(deadly.scan(Query()))
    assert len(kept) == 80
    assert all(one.status == (str(one.revision) if one.revision > 1 else None) for one in kept)
    assert max(one.revision for one in kept) == revision
    assert set(models(deadly).values()) == {"new"}


def test_a_dead_workers_portion_waits_for_the_end_of_its_lease(
    die: None, wish: Renewal, database: Engine, store: MemoryStore
) -> None:
    def kill(_: str) -> None:
        raise Death

    store.upsert([record(1)])
    wish.ask("new")
    with pytest.raises(Death):
        wish.step(lambda: Reader(before=kill))
    reader = Reader()
    other = Renewal(database, store, lease_seconds=60, max_attempts=3)
    assert not other.step(lambda: reader)
    with database.begin() as connection:
        connection.execute(update(renewal).values(leased_until=0.0))
    assert other.step(lambda: reader)
    assert reader.seen == ["第1件"]


def test_a_record_that_kills_its_worker_is_passed_over_and_its_neighbours_are_read(
    die: None, database: Engine, store: MemoryStore
) -> None:
    def kill(text: str) -> None:
        if text == "第23件":
            raise Death

    store.upsert([record(number) for number in range(60)])
    Renewal(database, store, lease_seconds=0.0, max_attempts=3).ask("new")
    deaths = 0
    for _ in range(500):
        wish = Renewal(database, store, lease_seconds=0.0, max_attempts=3, portion=20)
        try:
            while wish.step(lambda: Reader(before=kill)):
                pass
            break
        except Death:
            deaths += 1
    assert {name for name, model in models(store).items() if model == "old"} == {"r00023"}
    progress = wish.progress()
    assert progress is not None
    assert (progress.failed, progress.finished) == (1, True)
    assert deaths <= 30


def test_a_worker_that_lost_its_lease_does_not_move_the_cursor(
    wish: Renewal, database: Engine, store: MemoryStore
) -> None:
    """It was slow, another one did its portion and the next one."""
    store.upsert([record(number) for number in range(30)])
    other = Renewal(database, store, lease_seconds=60, max_attempts=3, portion=10)
    done: list[bool] = []

    def slow(_: str) -> None:
        if not done:
            done.append(True)
            with database.begin() as connection:
                connection.execute(update(renewal).values(leased_until=0.0))
            assert other.step(lambda: reader)
            assert other.step(lambda: reader)

    reader = Reader()
    wish.ask("new")
    wish.step(lambda: Reader(before=slow))
    progress = wish.progress()
    assert progress is not None
    assert progress.looked == 5 + 10, "two portions of the other one, the first of them small as after a death"
    finish(wish, reader)
    assert set(models(store).values()) == {"new"}


# --- beside the inbox ---------------------------------------------------------------------------------------------------
@pytest.fixture
def line(inbox: Inbox, store: MemoryStore, wish: Renewal) -> tuple[Worker, Reader]:
    reader = Reader()
    return (
        Worker(inbox, store, reader, b"k" * 32, Settings(batch_items=5), name="t", newest=lambda: reader, renewal=wish),
        reader,
    )


def test_what_comes_in_goes_first_and_the_books_stay_as_they_are(
    line: tuple[Worker, Reader], inbox: Inbox, store: MemoryStore, wish: Renewal, item: Callable[..., Item]
) -> None:
    worker, reader = line
    store.upsert([record(number) for number in range(30)])
    wish.ask("new")
    inbox.accept([item(f"i{number}", text=f"新{number}") for number in range(12)])
    worker.turn()
    worker.turn()
    assert [text[0] for text in reader.seen] == ["新"] * 10, "a full lease: more is waiting"
    worker.turn()
    assert [text[0] for text in reader.seen] == ["新"] * 12 + ["第"] * 10
    while worker.turn():
        pass
    assert inbox.books() == Books(received=12, stored=12)
    assert set(models(store).values()) == {"new"}


def test_a_wish_that_must_wait_does_not_make_the_line_wait(
    line: tuple[Worker, Reader], inbox: Inbox, wish: Renewal, item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _ = line

    def away(*_: object) -> bool:
        raise StoreUnavailable(engine="memory", reason="test")

    monkeypatch.setattr(wish, "step", away)
    inbox.accept([item("1")])
    assert worker.turn() == 1
    with pytest.raises(StoreUnavailable):
        worker.turn()


def test_a_running_line_does_it_and_ends(line: tuple[Worker, Reader], store: MemoryStore, wish: Renewal) -> None:
    worker, _ = line
    store.upsert([record(number) for number in range(30)])
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        wish.ask("new")
        deadline = time.monotonic() + 20
        while not ((progress := wish.progress()) and progress.finished) and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
    assert set(models(store).values()) == {"new"}


def test_carry_out_tells_how_far_it_is(line: tuple[Worker, Reader], store: MemoryStore, wish: Renewal) -> None:
    worker, reader = line
    store.upsert([record(number) for number in range(30)])
    told: list[int] = []
    done = carry_out(worker, wish, lambda: reader, lambda progress: told.append(progress.looked))
    assert done.finished
    assert told[:3] == [10, 20, 30]
    assert set(models(store).values()) == {"new"}


def test_carry_out_ends_where_another_model_is_put_in_use(
    line: tuple[Worker, Reader], store: MemoryStore, wish: Renewal
) -> None:
    worker, reader = line
    store.upsert([record(number) for number in range(30)])

    def change(_: object) -> None:
        reader.version = "newest"

    done = carry_out(worker, wish, lambda: reader, change)
    assert not done.finished
    assert done.version == "new"


def test_carry_out_waits_for_a_store_that_comes_back(database: Engine, inbox: Inbox) -> None:
    class Away(MemoryStore):
        left = 3

        def renew(self, batch: Sequence[Record]) -> Receipt:
            if self.left:
                self.left -= 1
                raise StoreUnavailable(engine="memory", reason="test")
            return super().renew(batch)

    store, reader = Away(segmenter=str.split), Reader()
    store.upsert([record(number) for number in range(5)])
    wish = Renewal(database, store, lease_seconds=60, max_attempts=3)
    worker = Worker(inbox, store, reader, b"k" * 32, Settings(), renewal=wish)
    assert carry_out(worker, wish, lambda: reader, lambda _: None).finished
    assert set(models(store).values()) == {"new"}


def test_a_halted_line_says_so(
    line: tuple[Worker, Reader], store: MemoryStore, wish: Renewal, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, reader = line
    monkeypatch.setattr(worker.inbox, "halted", lambda: 7)
    with pytest.raises(QuarantineOverflow):
        carry_out(worker, wish, lambda: reader, lambda _: None)
