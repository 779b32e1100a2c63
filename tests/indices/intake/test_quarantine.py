from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, update

from indices.intake import tables
from indices.intake.inbox import Books, Inbox, Settled
from indices.intake.quarantine import QuarantineRoom, Which
from models.errors import InboxFull
from models.item import Item
from models.query import Outcome

Make = Callable[..., Item]


@pytest.fixture
def room(inbox: Inbox, database: Engine, item: Make) -> QuarantineRoom:
    """Four items held: 0 and 2 of 热线 (MS201), 1 and 3 of 信箱 (MS203)."""
    inbox.accept([item(str(n), source=("热线", "信箱")[n % 2]) for n in range(4)])
    shelve(inbox)
    return QuarantineRoom(database, limit=1_000)


def shelve(inbox: Inbox, run_limit: int | None = None) -> None:
    """Everything that waits is bad."""
    rejected = [
        Settled(
            one.row, Outcome.REJECTED, f"第 {one.item.native_id} 件不行", "MS203" if n % 2 else "MS201", one.attempts
        )
        for n, one in enumerate(inbox.lease(100, "w"))
    ]
    inbox.settle(rejected, run_limit=run_limit)


def test_what_is_held_is_shown_latest_first(room: QuarantineRoom) -> None:
    held = room.held(limit=3)
    assert [one.item and one.item.native_id for one in held] == ["3", "2", "1"]
    assert (held[0].source, held[0].code, held[0].reason, held[0].attempts) == ("信箱", "MS203", "第 3 件不行", 1)
    assert room.count() == 4
    assert room.reasons() == [("信箱", "MS203", 2), ("热线", "MS201", 2)]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which(), 4),
        (Which(source="热线"), 2),
        (Which(code="MS203"), 2),
        (Which(source="热线", code="MS203"), 0),
        (Which(rows=(1, 2, 99)), 2),
    ],
)
def test_conditions_narrow(room: QuarantineRoom, inbox: Inbox, which: Which, expected: int) -> None:
    assert room.count(which) == len(room.held(which)) == expected
    assert room.drop(which) == expected
    assert room.count() == 4 - expected
    assert inbox.books() == Books(received=4, quarantined=4)


def test_retry_moves_items_back_to_waiting_under_the_same_name(room: QuarantineRoom, inbox: Inbox) -> None:
    assert room.retry(Which(source="热线")) == 2
    assert inbox.books() == Books(received=4, quarantined=2, waiting=2)
    assert inbox.books("热线") == Books(received=2, waiting=2)
    leased = inbox.lease(10, "w")
    assert [(one.item.native_id, one.attempts, one.deaths) for one in leased] == [("0", 2, 0), ("2", 2, 0)]
    inbox.settle([Settled(one.row, Outcome.STORED, attempts=one.attempts) for one in leased])
    assert inbox.books() == Books(received=4, stored=2, quarantined=2)
    assert inbox.books().difference == 0


def test_a_worker_that_lost_its_item_to_the_quarantine_and_back_is_not_heard(
    room: QuarantineRoom, inbox: Inbox
) -> None:
    room.retry()
    late = [Settled(one.row, Outcome.STORED, attempts=one.attempts - 1) for one in inbox.lease(10, "w")]
    inbox.settle(late)
    assert inbox.books() == Books(received=4, waiting=4)


def test_retry_does_not_overfill_the_inbox(room: QuarantineRoom, inbox: Inbox, database: Engine, item: Make) -> None:
    inbox.accept([item("x")])
    with pytest.raises(InboxFull):
        QuarantineRoom(database, limit=4).retry()
    assert inbox.books() == Books(received=5, quarantined=4, waiting=1)
    assert QuarantineRoom(database, limit=5).retry() == 4


@pytest.mark.parametrize("decision", ["retry", "drop"])
def test_a_decision_lets_a_halted_line_go_on(inbox: Inbox, database: Engine, item: Make, decision: str) -> None:
    inbox.accept([item(str(n)) for n in range(5)])
    shelve(inbox, run_limit=2)
    assert inbox.halted() == 2
    room = QuarantineRoom(database, limit=100)
    assert getattr(room, decision)(Which(rows=(1,))) == 1
    assert inbox.halted() == 0


def test_nothing_decided_changes_nothing(inbox: Inbox, database: Engine, item: Make) -> None:
    room = QuarantineRoom(database, limit=10)
    assert (room.retry(), room.drop(), room.count(), room.held(), room.reasons()) == (0, 0, 0, [], [])
    inbox.accept([item(str(n)) for n in range(3)])
    shelve(inbox, run_limit=2)
    assert room.drop(Which(source="没有")) == 0
    assert inbox.halted() == 2


def test_an_unreadable_body_can_be_looked_at_and_dropped(room: QuarantineRoom, database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(update(tables.quarantine).where(tables.quarantine.c.row == 4).values(body="{"))
    assert room.held(limit=1)[0].item is None
    assert room.drop(Which(rows=(4,))) == 1


def test_many_are_moved_in_portions(
    inbox: Inbox, database: Engine, item: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indices.intake.quarantine._PORTION", 3)
    inbox.accept([item(str(n)) for n in range(10)])
    shelve(inbox)
    assert QuarantineRoom(database, limit=100).retry() == 10
    assert inbox.books() == Books(received=10, waiting=10)
