"""The ledger of scheduled work: a job runs once per slot, whoever is first (promise R8).

A claim is a row (job, slot) with a heartbeat. When the heart stops, another process takes the claim over; the former holder,
should it still live, learns by its next beat that it lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, Double, Engine, Integer, String, Table, Text, delete, func, select, update

from indices.database import database_seconds, metadata, reading, upsert, writing

BEAT_SECONDS = 2.0
STALE_SECONDS = 6.0
"""Three missed beats. With a look every 2 s, a dead holder's work is taken over within 8 s (the promise is 10 s)."""

job_runs = Table(
    "job_runs", metadata,
    Column("job", String(100), primary_key=True),
    Column("slot", Double, primary_key=True),  # the planned time
    Column("state", String(16), nullable=False),
    Column("holder", String(200), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("beat_at", Double, nullable=False),
    Column("finished_at", Double, nullable=True),
    Column("note", Text, nullable=False, server_default=""),
)  # fmt: skip


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """An earlier slot of the same job was still at work."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job for a slot. `attempts` fences: it grows with each takeover."""

    job: str
    slot: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Run:
    """A row of the ledger."""

    job: str
    slot: datetime
    state: RunState
    holder: str
    attempts: int
    claimed_at: datetime
    finished_at: datetime | None
    note: str


class Ledger:
    """Claims of one process, named `holder` (unique among all processes)."""

    def __init__(self, engine: Engine, *, holder: str, stale_seconds: float = STALE_SECONDS) -> None:
        self.engine = engine
        self.holder = holder
        self.stale_seconds = stale_seconds

    def claim(self, job: str, slot: datetime, *, overlap: bool = False) -> Claim | None:
        """The claim, or None where somebody has or had it.

        Without `overlap`, a slot that comes while an earlier one is at work is written down as skipped.
        """
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            busy = not overlap and self._at_work(connection, job, now)
            values = {
                "job": job, "slot": slot.timestamp(), "holder": self.holder, "attempts": 1, "claimed_at": now, "beat_at": now,
                "state": RunState.SKIPPED if busy else RunState.RUNNING, "finished_at": now if busy else None, "note": "",
            }  # fmt: skip
            add = upsert(self.engine, job_runs).values(values).on_conflict_do_nothing().returning(job_runs.c.slot)
            added = connection.execute(add).first() is not None
        return Claim(job, slot, 1) if added and not busy else None

    def _at_work(self, connection: Connection, job: str, now: float) -> bool:
        alive = select(job_runs.c.slot).where(
            job_runs.c.job == job, job_runs.c.state == RunState.RUNNING, job_runs.c.beat_at > now - self.stale_seconds
        )
        return connection.execute(alive.limit(1)).first() is not None

    def take_over(self) -> list[Claim]:
        """Claims whose holders died, now ours."""
        taken: list[Claim] = []
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            stale = (
                select(job_runs.c.job, job_runs.c.slot, job_runs.c.attempts)
                .where(job_runs.c.state == RunState.RUNNING, job_runs.c.beat_at <= now - self.stale_seconds)
                .order_by(job_runs.c.slot)
                .with_for_update(skip_locked=True)
            )
            for row in connection.execute(stale).all():
                claim = Claim(row.job, _instant(row.slot), row.attempts + 1)
                values = {"holder": self.holder, "attempts": claim.attempts, "claimed_at": now, "beat_at": now}
                this = (job_runs.c.job == row.job) & (job_runs.c.slot == row.slot)
                connection.execute(update(job_runs).where(this).values(values))
                taken.append(claim)
        return taken

    def beat(self, claim: Claim) -> bool:
        """Say that we live; False where the claim is not ours any more."""
        return self._change(claim)

    def finish(self, claim: Claim, note: str = "") -> bool:
        return self._change(claim, state=RunState.DONE, note=note)

    def fail(self, claim: Claim, note: str) -> bool:
        return self._change(claim, state=RunState.FAILED, note=note)

    def give_back(self, claim: Claim) -> bool:
        """For a process that is told to stop: another one may take the claim over at once."""
        return self._change(claim, beat_at=0.0)

    def _change(self, claim: Claim, **values: Any) -> bool:
        ours = (
            (job_runs.c.job == claim.job)
            & (job_runs.c.slot == claim.slot.timestamp())
            & (job_runs.c.holder == self.holder)
            & (job_runs.c.attempts == claim.attempts)
            & (job_runs.c.state == RunState.RUNNING)
        )
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            if "state" in values:
                values["finished_at"] = now
            return connection.execute(update(job_runs).where(ours).values({"beat_at": now} | values)).rowcount == 1

    def last_slot(self, job: str) -> datetime | None:
        """The latest slot of the job that anybody claimed."""
        query = select(job_runs.c.slot).where(job_runs.c.job == job).order_by(job_runs.c.slot.desc()).limit(1)
        with reading(self.engine) as connection:
            slot = connection.execute(query).scalar()
        return None if slot is None else _instant(slot)

    def runs(self, job: str | None = None, *, limit: int = 50) -> list[Run]:
        """The latest runs, newest slot first."""
        query = select(job_runs).order_by(job_runs.c.slot.desc(), job_runs.c.job).limit(limit)
        with reading(self.engine) as connection:
            rows = connection.execute(query if job is None else query.where(job_runs.c.job == job)).all()
        return [_run(row) for row in rows]

    def forget(self, before: datetime) -> int:
        """Remove finished runs of slots before an instant; each job's latest one stays. How many."""
        latest = select(job_runs.c.job, func.max(job_runs.c.slot)).group_by(job_runs.c.job)
        old = (job_runs.c.slot < before.timestamp()) & (job_runs.c.state != RunState.RUNNING)
        with writing(self.engine) as connection:
            kept = connection.execute(latest).all()
            removals = (
                delete(job_runs).where(old, job_runs.c.job == job, job_runs.c.slot < slot) for job, slot in kept
            )
            return sum(connection.execute(removal).rowcount for removal in removals)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _run(row: Any) -> Run:
    finished = None if row.finished_at is None else _instant(row.finished_at)
    claimed = _instant(row.claimed_at)
    return Run(row.job, _instant(row.slot), RunState(row.state), row.holder, row.attempts, claimed, finished, row.note)
