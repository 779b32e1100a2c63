from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from indices.database import connect, make_declared_tables
from indices.intake import tables
from indices.intake.inbox import Books, Inbox, Leased, Settled, _portion
from models.errors import BadRequest, DatabaseBusy, InboxFull
from models.item import Item
from models.query import Outcome

Make = Callable[..., Item]
STORED, UPDATED, DUPLICATE, REJECTED = Outcome.STORED, Outcome.UPDATED, Outcome.DUPLICATE, Outcome.REJECTED


def outcome(leased: Leased, outcome: Outcome = STORED) -> Settled:
    return Settled(leased.row, outcome, "因为" if outcome is REJECTED else "", "MS203", leased.attempts)


def balanced(inbox: Inbox) -> Books:
    """The books, which have to balance and to agree with the rows."""
    books = inbox.books()
    assert books.difference == 0
    assert books.waiting == inbox.rows_waiting() == inbox.waiting()
    parts = [inbox.books(source) for source in inbox.sources()]
    assert all(part.difference == 0 for part in parts)
    assert sum(part.received for part in parts) == books.received
    return books


def test_what_is_accepted_comes_back_as_it_was(inbox: Inbox, item: Make) -> None:
    sent = [item(str(n), text=f"内容\0「引号」\n{n} 😀", speaker="王女士") for n in range(3)]
    assert inbox.accept(sent) == 3
    leased = inbox.lease(10, "w")
    assert [one.item for one in leased] == sent
    assert [one.attempts for one in leased] == [1, 1, 1]
    assert balanced(inbox) == Books(received=3, waiting=3)


def test_nothing_is_accepted_from_nobody(inbox: Inbox) -> None:
    assert inbox.accept([]) == 0
    assert inbox.lease(5, "w") == []
    assert inbox.settle([]).halted is False
    inbox.release([])
    assert balanced(inbox) == Books()


def test_each_outcome_is_counted_by_source(inbox: Inbox, item: Make) -> None:
    inbox.accept([item(str(n), source="信箱" if n % 2 else "热线") for n in range(5)])
    leased = inbox.lease(10, "w")
    results = [STORED, UPDATED, DUPLICATE, REJECTED]
    inbox.settle([outcome(one, result) for one, result in zip(leased, results, strict=False)])
    assert balanced(inbox) == Books(received=5, stored=2, updated=1, duplicate=1, quarantined=1, waiting=1)
    assert inbox.books("热线") == Books(received=3, stored=1, duplicate=1, waiting=1)
    assert inbox.books("信箱") == Books(received=2, stored=1, updated=1, quarantined=1)
    assert inbox.books("没有") == Books()


def test_settled_rows_do_not_stay(inbox: Inbox, item: Make, database: Engine) -> None:
    inbox.accept([item(str(n)) for n in range(4)])
    inbox.settle([outcome(one, REJECTED if i else STORED) for i, one in enumerate(inbox.lease(2, "w"))])
    with database.connect() as connection:
        assert len(connection.execute(select(tables.inbox.c.row)).all()) == 2
        kept = connection.execute(select(tables.quarantine)).one()
    assert (kept.reason, kept.code, kept.attempts) == ("因为", "MS203", 1)


def test_leased_items_are_not_leased_again_before_the_time(inbox: Inbox, item: Make) -> None:
    inbox.accept([item(str(n)) for n in range(3)])
    first = inbox.lease(2, "a")
    second = inbox.lease(5, "b")
    assert [one.item.native_id for one in first + second] == ["0", "1", "2"]
    assert inbox.lease(5, "c") == []


def test_a_lease_that_ran_out_goes_to_another_and_the_late_one_is_not_heard(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=10, lease_seconds=0.05)
    inbox.accept([item()])
    (late,) = inbox.lease(1, "a")
    time.sleep(0.1)
    (now,) = inbox.lease(1, "b")
    assert (now.row, now.attempts, now.deaths) == (late.row, 2, 1)
    inbox.settle([outcome(late, DUPLICATE)])
    assert balanced(inbox) == Books(received=1, waiting=1)
    inbox.settle([outcome(now)])
    inbox.settle([outcome(now)])
    inbox.settle([outcome(late)])
    assert balanced(inbox) == Books(received=1, stored=1)


def test_released_items_are_free_at_once_and_unsuspected(inbox: Inbox, item: Make) -> None:
    inbox.accept([item(str(n)) for n in range(2)])
    for attempts in (1, 2, 3, 4, 5):
        leased = inbox.lease(2, "w")
        assert [(one.attempts, one.deaths) for one in leased] == [(attempts, 0)] * 2
        inbox.release([one.row for one in leased])
    assert balanced(inbox) == Books(received=2, waiting=2)


def test_a_row_number_is_never_used_again(inbox: Inbox, item: Make) -> None:
    rows = set()
    for n in range(3):
        inbox.accept([item(str(n))])
        (leased,) = inbox.lease(1, "w")
        rows.add(leased.row)
        inbox.settle([outcome(leased)])
    assert len(rows) == 3


def test_two_inboxes_name_their_rows_differently(tmp_path: Path, item: Make) -> None:
    names = set()
    for n in range(2):
        engine = connect(f"sqlite:///{tmp_path}/{n}.db")
        make_declared_tables(engine)
        inbox = Inbox(engine, limit=10, lease_seconds=1)
        inbox.accept([item()])
        names.add(inbox.lease(1, "w")[0].row)
        engine.dispose()
    assert len(names) == 2


# --- full (R6) ----------------------------------------------------------------------------------------------------------
def test_full_means_refused_whole_and_counted(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=5, lease_seconds=60)
    inbox.accept([item(str(n)) for n in range(4)])
    with pytest.raises(InboxFull) as full:
        inbox.accept([item("a"), item("b", source="信箱")])
    assert full.value.fields == {"waiting": 4, "limit": 5, "retry_after_seconds": 60}
    assert balanced(inbox) == Books(received=6, refused=2, waiting=4)
    assert inbox.books("信箱").refused == 1
    assert inbox.accept([item("c")]) == 1
    inbox.settle([outcome(one) for one in inbox.lease(2, "w")])
    assert inbox.accept([item("d"), item("e")]) == 2
    assert balanced(inbox) == Books(received=9, stored=2, refused=2, waiting=5)


def test_a_batch_that_never_fits_is_told_so(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=2, lease_seconds=60)
    with pytest.raises(BadRequest, match="一批最多 2 件"):
        inbox.accept([item(str(n)) for n in range(3)])
    assert balanced(inbox) == Books(received=3, refused=3)


def test_the_time_to_wait_follows_the_line(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=100, lease_seconds=60)
    inbox.accept([item(str(n)) for n in range(100)])
    for _ in range(3):
        inbox.settle([outcome(one) for one in inbox.lease(2, "w")])
        time.sleep(0.02)
    inbox.accept([item(f"x{n}") for n in range(6)])
    with pytest.raises(InboxFull) as full:
        inbox.accept([item("y")])
    assert full.value.fields["retry_after_seconds"] == 1


def test_senders_at_once_never_pass_the_limit(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=30, lease_seconds=60)

    def send(name: str) -> None:
        for n in range(20):
            with suppress(InboxFull):
                inbox.accept([item(f"{name}{n}", source=name)])

    threads = [threading.Thread(target=send, args=(name,)) for name in "甲乙丙"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert balanced(inbox) == Books(received=60, refused=30, waiting=30)


def test_workers_at_once_share_the_items_and_count_each_once(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=1_000, lease_seconds=60)
    inbox.accept([item(str(n), source="甲乙"[n % 2]) for n in range(120)])
    seen: list[str] = []

    def work(name: str) -> None:
        while leased := inbox.lease(7, name):
            seen.extend(one.row for one in leased)
            inbox.settle([outcome(one) for one in leased])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while leased := inbox.lease(50, "last"):
        seen.extend(one.row for one in leased)
        inbox.settle([outcome(one) for one in leased])
    assert len(seen) == len(set(seen)) == 120
    assert balanced(inbox) == Books(received=120, stored=120)


# --- what is bad (R5) ---------------------------------------------------------------------------------------------------
def test_a_run_of_bad_items_halts_the_line_once_and_spares_the_rest(
    inbox: Inbox, item: Make, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.accept([item(str(n)) for n in range(10)])
    leased = inbox.lease(10, "w")
    good_then_bad = [outcome(one, STORED if i == 2 else REJECTED) for i, one in enumerate(leased)]
    settlement = inbox.settle(good_then_bad, run_limit=3)
    assert settlement.halted
    assert balanced(inbox) == Books(received=10, stored=1, quarantined=5, waiting=4)
    assert inbox.halted() == 3
    again = inbox.settle([outcome(one, REJECTED) for one in inbox.lease(10, "w")], run_limit=3)
    assert not again.halted
    assert balanced(inbox).quarantined == 5
    assert [record.message for record in caplog.records if record.levelname == "CRITICAL"] == ["inbox.halted"]


def test_good_items_after_the_halt_are_counted(inbox: Inbox, item: Make) -> None:
    inbox.accept([item(str(n)) for n in range(6)])
    leased = inbox.lease(6, "w")
    inbox.settle([outcome(one, REJECTED if i < 4 else STORED) for i, one in enumerate(leased)], run_limit=2)
    assert balanced(inbox) == Books(received=6, stored=2, quarantined=2, waiting=2)
    assert inbox.halted() > 0


def test_a_run_goes_on_over_batches(inbox: Inbox, item: Make) -> None:
    inbox.accept([item(str(n)) for n in range(9)])
    halts = [
        inbox.settle([outcome(one, REJECTED) for one in inbox.lease(2, "w")], run_limit=5).halted for _ in range(3)
    ]
    assert halts == [False, False, True]
    assert balanced(inbox).quarantined == 5


def test_a_body_of_another_version_goes_to_the_quarantine(inbox: Inbox, item: Make, database: Engine) -> None:
    inbox.accept([item("1"), item("2", speaker="李先生"), item("3")])
    with database.begin() as connection:
        broken = '{"source":"热线","payload":{"rating":9,"speaker":"李先生"},"fetched_at":"2026-01-01T00:00:00Z"}'
        connection.execute(update(tables.inbox).where(tables.inbox.c.row == 2).values(body=broken))
    assert [one.item.native_id for one in inbox.lease(10, "w")] == ["1", "3"]
    assert balanced(inbox) == Books(received=3, quarantined=1, waiting=2)
    with database.connect() as connection:
        kept = connection.execute(select(tables.quarantine)).one()
    assert kept.code == "MS202"
    assert "payload.rating" in kept.reason


def test_unreadable_bodies_cannot_drain_the_inbox(inbox: Inbox, item: Make, database: Engine) -> None:
    inbox.accept([item(str(n)) for n in range(9)])
    with database.begin() as connection:
        connection.execute(update(tables.inbox).values(body="{}"))
    assert inbox.lease(9, "w", run_limit=4) == []
    assert inbox.halted() == 4
    assert balanced(inbox) == Books(received=9, quarantined=4, waiting=5)


@pytest.mark.parametrize(
    ("deaths", "expected"),
    [
        ([0] * 500, 500),
        ([1] * 500, 63),
        ([2] * 500, 8),
        ([3] * 500, 1),
        ([9] * 9, 1),
        ([0, 0, 3, 0], 2),
        ([3, 0], 1),
        ([], 0),
    ],
)
def test_portions_after_deaths(deaths: list[int], expected: int) -> None:
    assert _portion(deaths, 500, 3) == expected


def test_one_killer_is_singled_out_by_four_deaths(database: Engine, item: Make) -> None:
    inbox = Inbox(database, limit=1_000, lease_seconds=0.0)
    inbox.accept([item(str(n)) for n in range(300)])
    deaths = 0
    while leased := inbox.lease(300, "w"):
        if any(one.deaths > 3 for one in leased):
            assert [one.item.native_id for one in leased] == ["137"]
            inbox.settle([outcome(leased[0], REJECTED)])
            continue
        if any(one.item.native_id == "137" for one in leased):
            deaths += 1
            continue  # the process died
        inbox.settle([outcome(one) for one in leased])
    assert deaths == 4
    assert balanced(inbox) == Books(received=300, stored=299, quarantined=1)


# --- trouble ------------------------------------------------------------------------------------------------------------
def test_a_locked_database_says_busy_and_nothing_is_taken(tmp_path: Path, item: Make) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    holder, sender = connect(url), connect(url, timeout_seconds=0.05)
    make_declared_tables(holder)
    inbox = Inbox(sender, limit=10, lease_seconds=1)
    inbox.accept([item("1")])
    with holder.begin(), pytest.raises(DatabaseBusy) as busy:
        inbox.accept([item("2")])
    assert "locked" in busy.value.message
    assert inbox.waiting() == 1
    assert inbox.accept([item("2")]) == 1
    holder.dispose()
    sender.dispose()


def test_reading_does_not_wait_for_the_writer(tmp_path: Path, item: Make) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    holder, reader = connect(url), connect(url, timeout_seconds=0.05)
    make_declared_tables(holder)
    inbox = Inbox(reader, limit=10, lease_seconds=1)
    inbox.accept([item("1")])
    with holder.begin():
        assert (inbox.waiting(), inbox.books().received, inbox.halted()) == (1, 1, 0)
    holder.dispose()
    reader.dispose()


def test_nothing_leaks_over_fifty_lives(tmp_path: Path, item: Make) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def live() -> None:
        engine = connect(f"sqlite:///{tmp_path}/state.db")
        make_declared_tables(engine)
        inbox = Inbox(engine, limit=1_000, lease_seconds=60)
        inbox.accept([item()])
        inbox.settle([outcome(one) for one in inbox.lease(5, "w")])
        engine.dispose()

    live()
    before = open_files(), threading.active_count()
    for _ in range(50):
        live()
    assert open_files() - before[0] <= 2
    assert threading.active_count() - before[1] <= 2
