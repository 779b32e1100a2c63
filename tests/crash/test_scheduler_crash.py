"""R8: each slot once, however many schedulers; what a dead one left is taken over within 10 s."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.scheduler import EPOCH, Job, next_slot
from indices.ledger import Ledger, RunState
from models.clock import now

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

SLOTS = 60
EVERY_SECONDS = 0.1


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_four_schedulers_run_sixty_slots_sixty_times(
    mother: Any, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    report = tmp_path / "ran"
    # All four are up before the first slot that counts; those before it may be run by any.
    first = next_slot(Job("tick", "", every_seconds=EVERY_SECONDS), now() + timedelta(seconds=2.5))
    assert first
    slots = [first + timedelta(seconds=EVERY_SECONDS * n) for n in range(SLOTS)]
    end = slots[-1].isoformat()
    children = [
        mother.bear("tick", url=database_url, report=str(report), every=EVERY_SECONDS, end=end, hold=False)
        for _ in range(4)
    ]
    ledger = Ledger(database, holder="looker-on")
    while now() < slots[-1] + timedelta(seconds=1) or any(
        run.state is RunState.RUNNING for run in ledger.runs(limit=500)
    ):
        time.sleep(0.1)
    for child in children:
        mother.kill(child)
    ran = [(datetime.fromtimestamp(float(slot), first.tzinfo), pid) for slot, pid in lines(report)]
    counted = Counter(slot for slot, _ in ran if slot in set(slots))
    figure(f"R8: 4 schedulers, {SLOTS} slots: {sum(counted.values())} runs by {len({pid for _, pid in ran})} of them")
    assert counted == Counter(slots)
    assert (first - EPOCH) % timedelta(seconds=EVERY_SECONDS) == timedelta()


def test_the_work_of_a_dead_scheduler_is_taken_over_within_ten_seconds(
    mother: Any, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    report = tmp_path / "ran"
    slot = next_slot(Job("tick", "", every_seconds=1), now() + timedelta(seconds=1))
    assert slot
    children = {
        str(mother.bear("tick", url=database_url, report=str(report), every=1, end=slot.isoformat(), hold=True))
        for _ in range(2)
    }
    while not any(float(at) == slot.timestamp() for at, _ in lines(report)):
        time.sleep(0.02)
    holder = next(pid for at, pid in lines(report) if float(at) == slot.timestamp())
    mother.kill(int(holder))
    died = time.monotonic()
    (other,) = children - {holder}
    while not any(float(at) == slot.timestamp() and pid == other for at, pid in lines(report)):
        assert time.monotonic() - died < 10
        time.sleep(0.02)
    seconds = time.monotonic() - died
    mother.kill(int(other))
    figure(f"R8: taken over after {seconds:.1f} s")
    (run,) = [run for run in Ledger(database, holder="looker-on").runs() if run.slot == slot]
    assert (run.attempts, run.state) == (2, RunState.RUNNING)
