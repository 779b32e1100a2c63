from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.scheduler import EPOCH, JOBS, Job, Scheduler, choose, holder_name, missed_slot, next_slot
from indices.database import connect, make_declared_tables
from indices.ledger import Ledger, RunState
from models.clock import CITY_TIME
from models.errors import BadSetting, DatabaseBusy

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=CITY_TIME)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    make_declared_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(database: Engine) -> Ledger:
    return Ledger(database, holder="a")


def until(condition: Callable[[], object], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Running:
    """A scheduler in a thread of its own."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.stop = scheduler, threading.Event()
        self.thread = threading.Thread(target=scheduler.run, args=(self.stop,))

    def __enter__(self) -> Scheduler:
        self.thread.start()
        return self.scheduler

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(15)
        assert not self.thread.is_alive()


def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    """Let the children run this instead of our own command line."""
    (tmp_path / "child.py").write_text(text)

    real = subprocess.Popen

    def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        assert command[:3] == [sys.executable, "-m", "api.cli"]
        return real([sys.executable, "-S", str(tmp_path / "child.py"), *command[3:]], **options)

    monkeypatch.setattr("api.scheduler.subprocess.Popen", start)


# --- the table ------------------------------------------------------------------------------------------------------------
def test_every_job_has_a_name_a_rhythm_and_one_thing_to_do() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    for job in JOBS:
        assert job.title
        assert bool(job.command) != bool(job.function)
        assert bool(job.cron) != bool(job.every_seconds)
        assert next_slot(job, NOON)


def test_jobs_are_chosen_by_name() -> None:
    assert choose("") == list(JOBS)
    assert [job.name for job in choose("crawl, ingest")] == ["crawl", "ingest"]
    with pytest.raises(BadSetting, match="没有任务 fly；可用：ingest、"):
        choose("ingest,fly")


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (Job("x", "", cron="30 7 * * *"), NOON + timedelta(hours=19, minutes=30)),
        (Job("x", "", cron="10 * * * *"), NOON + timedelta(minutes=10)),
        (Job("x", "", every_seconds=60), NOON + timedelta(minutes=1)),
        (Job("x", "", every_seconds=7), NOON + timedelta(seconds=7 - (NOON - EPOCH).total_seconds() % 7)),
    ],
)
def test_slots_are_the_same_in_every_process(job: Job, expected: datetime) -> None:
    assert next_slot(job, NOON) == expected
    assert next_slot(job, NOON.astimezone(UTC)) == expected
    assert next_slot(job, expected - timedelta(microseconds=1)) == expected
    assert next_slot(job, expected) != expected


def test_missed_slots_are_found() -> None:
    daily = Job("x", "", cron="30 7 * * *")
    today = NOON.replace(hour=7, minute=30)
    assert missed_slot(daily, None, NOON) is None
    assert missed_slot(daily, today, NOON) is None
    assert missed_slot(daily, today - timedelta(days=1), NOON) == today
    assert missed_slot(daily, today - timedelta(days=9), NOON) == today
    assert missed_slot(daily, today, today + timedelta(days=1)) == today + timedelta(days=1)
    assert missed_slot(Job("x", "", every_seconds=60), NOON, NOON + timedelta(seconds=150)) == NOON + timedelta(
        minutes=2
    )


def test_holders_are_never_alike() -> None:
    assert len({holder_name() for _ in range(50)}) == 50


# --- one process ----------------------------------------------------------------------------------------------------------
def test_functions_run_with_their_slot(ledger: Ledger) -> None:
    slots: list[datetime] = []
    tick = Job("tick", "", function=slots.append, every_seconds=0.2)
    with Running(Scheduler(ledger, [tick])):
        until(lambda: len(slots) >= 3)
    assert all(slot.timestamp() % 0.2 < 1e-3 or slot.timestamp() % 0.2 > 0.2 - 1e-3 for slot in slots)
    assert len(slots) == len(set(slots))
    assert sorted(run.slot for run in ledger.runs("tick")) == sorted(slots)
    assert {run.state for run in ledger.runs("tick")} == {RunState.DONE}


def test_a_slot_that_somebody_ran_is_not_run_again(ledger: Ledger, database: Engine) -> None:
    slots: list[datetime] = []
    scheduler = Scheduler(ledger, [Job("x", "", function=slots.append, every_seconds=60)])
    assert scheduler.perform("x", NOON)
    assert not scheduler.perform("x", NOON)
    other = Scheduler(Ledger(database, holder="b"), [Job("x", "", function=slots.append, every_seconds=60)])
    assert not other.perform("x", NOON)
    assert slots == [NOON]


def test_a_broken_function_is_a_failed_run_and_the_clock_goes_on(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(slot: datetime) -> None:
        raise ValueError("坏了")

    scheduler = Scheduler(ledger, [Job("x", "", function=break_down, every_seconds=60)])
    assert scheduler.perform("x", NOON)
    assert (ledger.runs()[0].state, ledger.runs()[0].note) == (RunState.FAILED, "ValueError: 坏了")
    assert "job.failed" in caplog.messages


def test_a_job_does_not_overlap_with_itself(ledger: Ledger) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(slot: datetime) -> None:
        begun.set()
        go.wait(10)

    scheduler = Scheduler(ledger, [Job("x", "", function=slow, every_seconds=60)])
    first = threading.Thread(target=scheduler.perform, args=("x", NOON))
    first.start()
    begun.wait(10)
    assert not scheduler.perform("x", NOON + timedelta(minutes=1))
    go.set()
    first.join()
    assert [run.state for run in ledger.runs()] == [RunState.SKIPPED, RunState.DONE]


def test_commands_are_children_whose_status_is_kept(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        monkeypatch,
        tmp_path,
        f"import sys; open({str(tmp_path / 'ran')!r}, 'w').write(' '.join(sys.argv[1:])); sys.exit(int(sys.argv[-1]))",
    )
    jobs = [Job("good", "", ("doctor", "0"), every_seconds=60), Job("bad", "", ("doctor", "3"), every_seconds=60)]
    scheduler = Scheduler(ledger, jobs)
    scheduler.perform("good", NOON)
    assert (tmp_path / "ran").read_text() == "doctor 0"
    scheduler.perform("bad", NOON)
    assert {run.job: (run.state, run.note) for run in ledger.runs()} == {
        "good": (RunState.DONE, ""),
        "bad": (RunState.FAILED, "退出码 3"),
    }


def test_told_to_stop_it_ends_its_children_and_gives_their_slots_back(
    ledger: Ledger, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, tmp_path, "import time; time.sleep(60)")
    long = Job("long", "", ("crawl",), every_seconds=0.2)
    scheduler = Scheduler(ledger, [long])
    started = time.monotonic()
    with Running(scheduler):
        until(lambda: any(child for child in scheduler._held.values()))
        child = next(child for child in scheduler._held.values() if child)
    assert child.poll() is not None
    assert time.monotonic() - started < 15
    (claim,) = Ledger(database, holder="b").take_over()
    assert (claim.job, claim.attempts) == ("long", 2)


def test_what_the_dead_left_is_run_and_unknown_jobs_are_closed(ledger: Ledger, database: Engine) -> None:
    dead = Ledger(database, holder="dead")
    for name in ("x", "gone"):
        claim = dead.claim(name, NOON)
        assert claim
        dead.give_back(claim)
    slots: list[datetime] = []
    with Running(Scheduler(ledger, [Job("x", "", function=slots.append, every_seconds=3600)], beat_seconds=0.05)):
        until(lambda: all(run.state is not RunState.RUNNING for run in ledger.runs()))
    assert slots == [NOON]
    assert {run.job: (run.state, run.attempts, run.holder) for run in ledger.runs()} == {
        "x": (RunState.DONE, 2, "a"),
        "gone": (RunState.FAILED, 2, "a"),
    }


def test_a_claim_that_was_lost_ends_its_child(
    ledger: Ledger, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script(monkeypatch, tmp_path, "import time; time.sleep(60)")
    scheduler = Scheduler(ledger, [Job("long", "", ("crawl",), every_seconds=3600)], beat_seconds=0.05)
    with Running(scheduler):
        work = threading.Thread(target=scheduler.perform, args=("long", NOON))
        work.start()
        until(lambda: any(child for child in scheduler._held.values()))
        thief = Ledger(database, holder="b", stale_seconds=-1)
        (stolen,) = thief.take_over()
        work.join(10)
        assert not work.is_alive()
    assert "job.lost" in caplog.messages
    assert thief.finish(stolen)
    assert (ledger.runs()[0].state, ledger.runs()[0].holder) == (RunState.DONE, "b")


def test_the_latest_missed_slot_is_caught_up_once(ledger: Ledger) -> None:
    slots: list[datetime] = []
    daily = Job("daily", "", function=slots.append, cron="30 7 * * *", catch_up=True)
    hourly = Job("hourly", "", function=slots.append, cron="30 * * * *")
    for name in ("daily", "hourly"):
        claim = ledger.claim(name, datetime.now(UTC) - timedelta(days=3))
        assert claim
        ledger.finish(claim)
    for _ in range(2):
        with Running(Scheduler(ledger, [daily, hourly], beat_seconds=0.05)):
            until(lambda: len(slots) == 1)
    (slot,) = slots
    assert timedelta() <= datetime.now(UTC) - slot < timedelta(days=1)


def test_a_database_that_is_away_does_not_stop_the_clock(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slots: list[datetime] = []
    tick = Job("tick", "", function=slots.append, every_seconds=0.2)
    scheduler = Scheduler(ledger, [tick], beat_seconds=0.05)

    def away(engine: Engine) -> object:
        raise DatabaseBusy(reason="test")

    with monkeypatch.context() as trouble, Running(scheduler):
        trouble.setattr("indices.ledger.writing", away)
        until(lambda: "job.not_claimed" in caplog.messages and "scheduler.no_beat" in caplog.messages)
        ran = len(slots)
        trouble.undo()
        until(lambda: len(slots) > ran)
