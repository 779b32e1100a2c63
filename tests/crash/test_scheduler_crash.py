"""R8: each slot once, however many schedulers; what a dead one left is taken over within 10 s."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.scheduler import Job, next_slot
from indices.ledger import Ledger, RunState
from models.clock import now

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

SLOTS = 60
EVERY_SECONDS = 0.1


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def start(mother: Any, n: int, url: str, report: Path, every: float, hold: bool) -> list[str]:
    """The process ids of `n` schedulers that are up."""
    children = [str(mother.bear("tick", url=url, report=str(report), every=every, hold=hold)) for _ in range(n)]
    until(lambda: [word for word, _ in lines(report)].count("up") == n, 60)
    return children


def test_four_schedulers_run_sixty_slots_sixty_times(
    mother: Any, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    report = tmp_path / "ran"
    children = start(mother, 4, database_url, report, EVERY_SECONDS, hold=False)
    first = next_slot(Job("tick", "", every_seconds=EVERY_SECONDS), now())
    assert first
    slots = {(first + timedelta(seconds=EVERY_SECONDS * n)).timestamp() for n in range(SLOTS)}
    ledger = Ledger(database, holder="looker-on")

    def done() -> bool:
        return slots <= {run.slot.timestamp() for run in ledger.runs(limit=5_000) if run.state is RunState.DONE}

    time.sleep(EVERY_SECONDS * SLOTS)
    until(done, 60)
    for child in children:
        mother.kill(int(child))
    ran = [(float(slot), pid) for slot, pid in lines(report) if slot != "up"]
    counted = Counter(slot for slot, _ in ran if slot in slots)
    figure(f"R8: 4 schedulers, {SLOTS} slots: {counted.total()} runs, by {len({pid for _, pid in ran})} of them")
    assert counted == Counter(slots)


def test_the_work_of_a_dead_scheduler_is_taken_over_within_ten_seconds(
    mother: Any, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    report = tmp_path / "ran"
    children = start(mother, 2, database_url, report, every=2, hold=True)

    def holders() -> dict[str, str]:
        """slot → the last process that ran it"""
        return {slot: pid for slot, pid in lines(report) if slot != "up"}

    until(holders, 30)
    slot, holder = next(iter(holders().items()))
    mother.kill(int(holder))
    died = time.monotonic()
    until(lambda: holders()[slot] != holder, 30)
    seconds = time.monotonic() - died
    for child in set(children) - {holder}:
        mother.kill(int(child))
    figure(f"R8: a dead scheduler's work was taken over after {seconds:.1f} s")
    assert seconds <= 10
    (run,) = [run for run in Ledger(database, holder="looker-on").runs() if run.slot.timestamp() == float(slot)]
    assert (run.attempts, run.state) == (2, RunState.RUNNING)
