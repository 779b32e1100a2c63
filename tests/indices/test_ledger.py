from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from indices.ledger import BEAT_SECONDS, STALE_SECONDS, Claim, Ledger, RunState, job_runs

SLOT = datetime(2026, 3, 1, 7, 30, 0, 100_000, tzinfo=UTC)


@pytest.fixture
def ledger(database: Engine) -> Ledger:
    return Ledger(database, holder="a", stale_seconds=30)


@pytest.fixture
def other(database: Engine) -> Ledger:
    return Ledger(database, holder="b", stale_seconds=30)


def silence(database: Engine, seconds: float = 31) -> None:
    """As if no heart had beaten for so long."""
    with database.begin() as connection:
        connection.execute(update(job_runs).values(beat_at=job_runs.c.beat_at - seconds))


def states(ledger: Ledger) -> list[RunState]:
    return [run.state for run in reversed(ledger.runs())]


def claimed(ledger: Ledger, job: str = "x", slot: datetime = SLOT, overlap: bool = False) -> Claim:
    claim = ledger.claim(job, slot, overlap=overlap)
    assert claim
    return claim


def test_a_slot_is_claimed_once(ledger: Ledger, other: Ledger) -> None:
    claim = claimed(ledger)
    assert claim == Claim("x", SLOT, 1)
    assert other.claim("x", SLOT) is None
    assert ledger.claim("x", SLOT) is None
    assert ledger.finish(claim, "好")
    assert other.claim("x", SLOT) is None
    (run,) = ledger.runs("x")
    assert (run.slot, run.state, run.holder, run.note, run.attempts) == (SLOT, RunState.DONE, "a", "好", 1)
    assert run.finished_at
    assert run.finished_at >= run.claimed_at


def test_jobs_and_slots_do_not_hinder_each_other(ledger: Ledger, other: Ledger) -> None:
    claimed(ledger)
    claimed(other, "y")
    claimed(other, slot=SLOT + timedelta(microseconds=1), overlap=True)
    assert states(ledger) == [RunState.RUNNING] * 3


def test_a_slot_during_an_earlier_one_is_skipped_and_said_so(ledger: Ledger, other: Ledger) -> None:
    claim = claimed(ledger)
    assert other.claim("x", SLOT + timedelta(minutes=1)) is None
    assert states(ledger) == [RunState.RUNNING, RunState.SKIPPED]
    ledger.finish(claim)
    assert claimed(other, slot=SLOT + timedelta(minutes=2))


def test_a_failure_is_kept_with_its_reason_and_not_tried_again(ledger: Ledger, other: Ledger) -> None:
    assert ledger.fail(claimed(ledger), "退出码 2")
    assert other.take_over() == []
    assert other.claim("x", SLOT) is None
    assert (ledger.runs()[0].state, ledger.runs()[0].note) == (RunState.FAILED, "退出码 2")


def test_the_dead_are_inherited_once_and_the_late_learn_it(ledger: Ledger, other: Ledger, database: Engine) -> None:
    claim = claimed(ledger)
    assert other.take_over() == []
    silence(database)
    third = Ledger(other.engine, holder="c", stale_seconds=30)
    (inherited,) = other.take_over()
    assert third.take_over() == []
    assert inherited == Claim("x", SLOT, 2)
    assert not ledger.beat(claim)
    assert not ledger.finish(claim)
    assert other.finish(inherited)
    assert states(ledger) == [RunState.DONE]


def test_one_who_inherits_from_itself_is_fenced_too(ledger: Ledger, database: Engine) -> None:
    claim = claimed(ledger)
    silence(database)
    (again,) = ledger.take_over()
    assert not ledger.finish(claim)
    assert ledger.finish(again)


def test_a_beating_heart_keeps_the_claim(ledger: Ledger, other: Ledger, database: Engine) -> None:
    claim = claimed(ledger)
    for _ in range(3):
        silence(database, seconds=25)
        assert ledger.beat(claim)
        assert other.take_over() == []
    assert ledger.finish(claim)
    assert not ledger.beat(claim)


def test_what_is_given_back_is_free_at_once(ledger: Ledger, other: Ledger) -> None:
    assert ledger.give_back(claimed(ledger))
    assert [one.attempts for one in other.take_over()] == [2]


def test_a_dead_holder_does_not_block_the_next_slot(ledger: Ledger, other: Ledger, database: Engine) -> None:
    claimed(ledger)
    silence(database)
    assert claimed(other, slot=SLOT + timedelta(minutes=1))


def test_the_promise_of_ten_seconds_holds_for_the_constants() -> None:
    assert STALE_SECONDS + BEAT_SECONDS <= 10
    assert STALE_SECONDS >= 3 * BEAT_SECONDS


def test_many_at_once_run_each_slot_once(database: Engine) -> None:
    won: list[tuple[str, datetime]] = []

    def compete(name: str) -> None:
        ledger = Ledger(database, holder=name)
        for n in range(15):
            slot = SLOT + timedelta(seconds=n)
            if claim := ledger.claim("x", slot, overlap=True):
                won.append((name, slot))
                ledger.finish(claim)

    threads = [threading.Thread(target=compete, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slot for _, slot in won) == [SLOT + timedelta(seconds=n) for n in range(15)]


def test_the_last_slot_is_known(ledger: Ledger) -> None:
    assert ledger.last_slot("x") is None
    for minutes in (5, 9, 7):
        claimed(ledger, slot=SLOT + timedelta(minutes=minutes), overlap=True)
    assert ledger.last_slot("x") == SLOT + timedelta(minutes=9)


def test_old_runs_are_forgotten_but_for_the_latest_and_the_running(ledger: Ledger, database: Engine) -> None:
    for n in range(4):
        claim = claimed(ledger, slot=SLOT + timedelta(days=n), overlap=True)
        if n != 1:
            ledger.finish(claim)
    claimed(ledger, "y")
    assert ledger.forget(SLOT + timedelta(days=100)) == 2
    with database.connect() as connection:
        left = connection.execute(
            select(job_runs.c.job, job_runs.c.state).order_by(job_runs.c.job, job_runs.c.slot)
        ).all()
    assert [tuple(row) for row in left] == [("x", "running"), ("x", "done"), ("y", "running")]
