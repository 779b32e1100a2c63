"""The worker line: lease → mask → annotate → store → settle (promises R3, R5, R7). The only writer of the store.

1. Only the latest state of an identity in a batch is written; the others of the batch are duplicates of it. Where the latest is
   bad, the next one is tried.
2. A batch that makes the annotator or the store raise is split until the guilty item stands alone, and only that one
   goes to the quarantine.
3. An error of the Retry family gives the whole lease back; the line backs off with jitter.
4. `quarantine_run` bad items in a row, nothing good between, halt the line with one alarm; a decision about the
   quarantine (`minsheng quarantine retry|drop`) lets it go on.
5. A duplicate that this very row wrote before a death counts as stored.
6. Where a lease left nothing waiting, a portion of what is kept may be read again (`indices.intake.renewal`).
"""

from __future__ import annotations

import logging
import math
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from indices.intake.builder import build_record
from indices.intake.inbox import Inbox, Leased, Settled
from models.errors import (
    BadField,
    EmptyText,
    MinshengError,
    PoisonedItem,
    Quarantine,
    QuarantineOverflow,
    Retry,
    StoreRejected,
    UnreadableRow,
)
from models.identity import record_id, revision
from models.item import PROBLEM
from models.ports import Store
from models.query import Outcome
from models.record import Record
from models.settings import Settings

if TYPE_CHECKING:
    from indices.collection.days import Days
    from indices.intake.renewal import Renewal
    from nlp.annotate import Draft, Reading

log = logging.getLogger("minsheng.worker")

IDLE_SECONDS = 0.2
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.2, 30.0
DRAIN_PATIENCE_SECONDS = 120.0
"""`drain` gives up when nothing got better for so long; `run` never does."""


T = TypeVar("T")
R = TypeVar("R")


class Annotates(Protocol):
    """`nlp.annotate.Annotator`, or a stand-in."""

    def annotate(self, drafts: Sequence[Draft]) -> list[Reading]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A leased item with its identity; the greatest `revision` of an identity wins, the first row among equals."""

    leased: Leased
    record_id: str
    revision: int

    @property
    def row(self) -> str:
        return self.leased.row


def delay_seconds(failures: int) -> float:
    """Full jitter: anywhere up to 0.2 s · 2^failures, at most 30 s, so that workers do not come back all at once."""
    return random.uniform(0.0, min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures, 16)))


class Worker:
    """One worker. Several processes may work on one inbox where the store allows several writers."""

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        annotator: Annotates,
        pseudonym_key: bytes,
        settings: Settings,
        *,
        name: str = "",
        newest: Callable[[], Annotates] | None = None,
        renewal: Renewal | None = None,
        days: Days | None = None,
    ) -> None:
        """`newest`: the annotator to take from the next lease on; without it `annotator` reads everything.

        `renewal`: what is kept is read again where that was asked for; without it by nobody here.
        `days`: where the days of the sources are counted; without it nowhere.
        """
        self.inbox = inbox
        self.store = store
        self.annotator = annotator
        self.settings = settings
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._pseudonym_key = pseudonym_key
        self._newest = newest
        self._renewal = renewal
        self._days = days

    def turn(self) -> int:
        """`step`, and where it left nothing waiting a portion of the renewal; 0 where there was nothing to do.

        Raises as `step`.
        """
        done = self.step()
        if self._renewal and done < self.settings.batch_items:
            try:
                done += self._renewal.step(self._latest_annotator)
            except Retry as error:
                if not done:
                    raise
                self._warn(error, 0)  # what came in was settled: the line need not wait
        return done

    def _latest_annotator(self) -> Any:
        if self._newest:
            self.annotator = self._newest()
        return self.annotator

    def step(self) -> int:
        """Lease a batch and settle it; how many items, 0 where nothing was free.

        Raises:
            Retry: the store or the database is away; the lease was given back.
            QuarantineOverflow: the line is halted.
            BadModel: the model in use cannot be loaded; nothing was leased.
        """
        if bad := self.inbox.halted():
            raise QuarantineOverflow(count=bad)
        if not self.inbox.waiting():
            return 0
        self._latest_annotator()
        s = self.settings
        leased = self.inbox.lease(s.batch_items, self.name, max_attempts=s.max_attempts, run_limit=s.quarantine_run)
        try:
            outcomes = self._process(leased)
        except BaseException:
            with suppress(MinshengError):
                self.inbox.release([one.row for one in leased])
            raise
        settlement = self.inbox.settle(outcomes, run_limit=s.quarantine_run)
        self._note(leased, outcomes)
        if settlement.halted:
            raise QuarantineOverflow(count=settlement.bad_in_a_row)
        return len(leased)

    def _note(self, leased: Sequence[Leased], outcomes: Sequence[Settled]) -> None:
        """Count them on the days of their sources; a count that cannot be written now is not worth an item's way."""
        if self._days is not None:
            items = {one.row: one.item for one in leased}
            with suppress(Retry):
                self._days.add_items((items[one.row], one.outcome) for one in outcomes)

    def drain(self, progress: Callable[[int], None] | None = None) -> int:
        """Work until nothing waits; how many items were settled. `progress` is told the sum after each batch.

        Raises:
            Retry: nothing could be done for `DRAIN_PATIENCE_SECONDS`.
            QuarantineOverflow: the line is halted.
        """
        total, failures, last_good = 0, 0, time.monotonic()
        left = fewest = math.inf
        while True:
            try:
                done = self.step()
                left = self.inbox.waiting()
            except QuarantineOverflow:
                raise
            except Retry as error:
                if time.monotonic() - last_good > DRAIN_PATIENCE_SECONDS:
                    raise
                failures = self._warn(error, failures)
                done, left = 0, self._pause(delay_seconds(failures))
            else:
                failures = 0
            if done or left < fewest:  # another worker's progress is progress, too
                fewest, last_good = left, time.monotonic()
            if done:
                total += done
                if progress:
                    progress(total)
            elif not left:
                return total
            elif not failures:
                time.sleep(IDLE_SECONDS)  # leased by another worker, or by one that died

    def _pause(self, seconds: float) -> float:
        """Wait, but not longer than somebody else needs to empty the inbox. How many items wait; unknown: infinitely many."""
        end = time.monotonic() + seconds
        while True:
            left = math.inf
            with suppress(Retry):
                left = self.inbox.waiting()
            if not left or time.monotonic() >= end:
                return left
            time.sleep(max(0.0, min(IDLE_SECONDS, end - time.monotonic())))

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; the batch in hand is finished first."""
        failures = 0
        while not stop.is_set():
            try:
                done = self.turn()
            except QuarantineOverflow:
                self._stand(stop)
                continue
            except Retry as error:
                failures = self._warn(error, failures)
                stop.wait(delay_seconds(failures))
                continue
            failures = 0
            if not done:
                stop.wait(IDLE_SECONDS)

    def _stand(self, stop: threading.Event) -> None:
        log.warning("worker.standing", extra={"worker": self.name})
        while not stop.is_set():
            with suppress(Retry):
                if not self.inbox.halted():
                    log.warning("worker.resumed", extra={"worker": self.name})
                    return
            stop.wait(5 * IDLE_SECONDS)

    def _warn(self, error: Retry, failures: int) -> int:
        log.warning("worker.retry", extra={"code": error.code, "failures": failures + 1, "worker": self.name})
        return failures + 1

    # --- one batch ---------------------------------------------------------------------------------------------------
    def _process(self, leased: Sequence[Leased]) -> list[Settled]:
        outcomes: dict[str, Settled] = {}
        pending: list[Candidate] = []
        for one in leased:
            found = self._identify(one)
            if isinstance(found, Settled):
                outcomes[one.row] = found
            else:
                pending.append(found)
        while pending:
            latest = _latest(pending)
            outcomes |= self._write(list(latest.values()))
            next_best: list[Candidate] = []
            for other in pending:
                best = latest[other.record_id]
                if other is best:
                    continue
                if outcomes[best.row].outcome is Outcome.REJECTED:
                    next_best.append(other)
                else:
                    outcomes[other.row] = _settled(other.leased, Outcome.DUPLICATE)
            pending = next_best
        return list(outcomes.values())

    def _identify(self, leased: Leased) -> Candidate | Settled:
        """Its identity, or its outcome where that is known already."""
        item = leased.item
        try:
            if problem := item.extra.get(PROBLEM):  # written by the importer of a file
                raise UnreadableRow(source=item.source, problem=problem)
            if not item.payload.title.strip() and not item.payload.text.strip():
                raise EmptyText(source=item.source, native_id=item.native_id or "无")
            try:
                candidate = Candidate(leased, record_id(item), revision(item))
            except ValueError as error:  # an address that is none
                raise BadField(field="url", value=item.payload.url, reason=str(error)) from error
            if leased.deaths > self.settings.max_attempts:
                raise PoisonedItem(attempts=leased.deaths, reason="处理进程每次都中断")
        except Quarantine as error:
            return _rejected(leased, error)
        return (self._known(candidate) if leased.attempts > 1 else None) or candidate

    def _known(self, candidate: Candidate) -> Settled | None:
        """The outcome where the store holds this state: stored, if this very row wrote it before a death or a lost answer."""
        kept = self.store.get(candidate.record_id)
        if kept is None or kept.revision < candidate.revision:
            return None
        return _settled(candidate.leased, Outcome.STORED if kept.intake == candidate.row else Outcome.DUPLICATE)

    def _write(self, batch: Sequence[Candidate]) -> dict[str, Settled]:
        """Annotate, build and store; the outcome of each."""
        outcomes: dict[str, Settled] = {}
        records: list[tuple[Candidate, Record]] = []
        for candidate, reading in isolate(batch, self._annotate):
            try:
                if isinstance(reading, Exception):
                    raise reading
                item, row = candidate.leased.item, candidate.row
                record = build_record(item, reading, intake=row, pseudonym_key=self._pseudonym_key)
                records.append((candidate, record))
            except Exception as error:  # noqa: BLE001 - whatever one item provokes must not stop the line
                outcomes[candidate.row] = _poisoned(candidate, error)
        return outcomes | self._store(records)

    def _annotate(self, batch: Sequence[Candidate]) -> list[Reading]:
        from nlp.annotate import Draft

        payloads = [candidate.leased.item.payload for candidate in batch]
        return self.annotator.annotate([Draft(title=each.title, text=each.text, reply=each.reply) for each in payloads])

    def _store(self, records: Sequence[tuple[Candidate, Record]]) -> dict[str, Settled]:
        calls = 0

        def upsert(part: Sequence[tuple[Candidate, Record]]) -> list[tuple[Outcome, str]]:
            nonlocal calls
            calls += 1
            receipt = self.store.upsert([record for _, record in part])
            return list(zip(receipt.outcomes, receipt.reasons or ("",) * len(part), strict=True))

        outcomes: dict[str, Settled] = {}
        for (candidate, _), result in isolate(records, upsert):
            if isinstance(result, Exception):
                outcomes[candidate.row] = _poisoned(candidate, result)
            elif result[0] is Outcome.REJECTED:
                outcomes[candidate.row] = _rejected(candidate.leased, StoreRejected(reason=result[1]))
            else:
                # A call that raised, or an earlier worker, may have stored it already.
                suspect = result[0] is Outcome.DUPLICATE and (calls > 1 or candidate.leased.attempts > 1)
                known = self._known(candidate) if suspect else None
                outcomes[candidate.row] = known or _settled(candidate.leased, result[0])
        return outcomes


def isolate(things: Sequence[T], act: Callable[[Sequence[T]], Sequence[R]]) -> list[tuple[T, R | Exception]]:
    """Each thing with its result, or with the error of acting on it alone.

    All at once; where that raises, portions of √n, and so on. With 1 % guilty among 500 this acts on 1.3 times as many
    things as without, halving on 2.2 times (simulated; an action stops at the first guilty thing).

    Raises:
        Retry: not the things' fault.
    """
    if not things:
        return []
    try:
        return list(zip(things, act(things), strict=True))
    except Retry:
        raise
    except Exception as error:  # noqa: BLE001 - finding out whose fault it is is the point
        if len(things) == 1:
            return [(things[0], error)]
    size = math.isqrt(len(things))
    portions = (things[start : start + size] for start in range(0, len(things), size))
    return [pair for portion in portions for pair in isolate(portion, act)]


def _latest(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    latest: dict[str, Candidate] = {}
    for one in candidates:
        best = latest.get(one.record_id)
        if best is None or one.revision > best.revision:
            latest[one.record_id] = one
    return latest


def _settled(leased: Leased, outcome: Outcome) -> Settled:
    return Settled(leased.row, outcome, attempts=leased.attempts)


def _poisoned(candidate: Candidate, error: Exception) -> Settled:
    if isinstance(error, Quarantine):
        return _rejected(candidate.leased, error)
    log.warning("worker.poison", extra={"row": candidate.row, "error": type(error).__name__})
    # A message may quote the text that provoked it; the quarantine shows reasons to people who may not read texts.
    reason = type(error).__name__
    return _rejected(candidate.leased, PoisonedItem(attempts=candidate.leased.attempts, reason=reason))


def _rejected(leased: Leased, error: Quarantine) -> Settled:
    return Settled(leased.row, Outcome.REJECTED, error.message, error.code, leased.attempts)
