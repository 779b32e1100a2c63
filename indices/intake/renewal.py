"""Reading again what is kept, by the model in use: what the worker line does where nothing waits (promises R1, R3, R7).

1. A wish is one row in the state database. It enters no item into the inbox: nothing has arrived, so the books stay as they are.
2. The worker line carries it out, a portion at a time, after a lease that left nothing waiting: what comes in goes first, and
   the store keeps its one writer.
3. A portion is read from a scan in order of (created_at, id); the cursor moves on when the store has the new annotations. After
   a death the portion is done again, which changes nothing.
4. Only the annotation of the very state that was read is replaced (`Store.renew`): a state that came meanwhile wins.
5. Rounds are repeated until one finds nothing to do: another worker may have finished a batch with its old model.
6. A record that kills its worker is found by portions that shrink after each death, and passed over.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import Connection, Engine, select, update

from indices.database import database_seconds, reading, upsert, writing
from indices.intake.tables import renewal
from indices.intake.worker import DRAIN_PATIENCE_SECONDS, IDLE_SECONDS, Annotates, delay_seconds, isolate
from models.errors import MinshengError, QuarantineOverflow, Retry
from models.ports import Store
from models.query import Outcome, Query
from models.record import Record

if TYPE_CHECKING:
    from indices.intake.worker import Worker
    from nlp.annotate import Reading

log = logging.getLogger("minsheng.renewal")

PORTION: Final = 100  # records read at once, for which a new item has to wait (35 ms at 76 characters, linear model)
LOOK: Final = 2_000  # records looked at in one portion where few need reading
SCAN: Final = 5_000  # records of one scan: an open scan keeps the old state of the index on the disk
ROUNDS: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Reads(Annotates, Protocol):
    """`nlp.annotate.Annotator`, or a stand-in."""

    @property
    def version(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """`looked`: records of this round (0: the first) that need no more; `failed`: those that this model could not read.

    `renewed` may miss the portion of a worker that was killed: the records are done, the count of them is lost.
    """

    version: str
    round: int
    looked: int
    renewed: int
    failed: int
    finished: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    asked_at: float
    round: int
    cursor: tuple[int, str] | None
    attempts: int

    @property
    def place(self) -> tuple[float, int, tuple[int, str] | None]:
        return self.asked_at, self.round, self.cursor


@dataclass(slots=True)
class _Portion:
    """What came of looking at the next records: those to be read, the cursor behind the last one, whether the scan ended."""

    stale: list[Record]
    cursor: tuple[int, str] | None
    looked: int
    ended: bool


class Renewal:
    """The wish to have everything read again, and its carrying out. Any number of processes may share it."""

    def __init__(
        self, engine: Engine, store: Store, *, lease_seconds: float, max_attempts: int, worker: str = "", portion: int = PORTION
    ) -> None:  # fmt: skip
        self.engine, self.store = engine, store
        self._lease_seconds, self._max_attempts, self._worker, self._size = lease_seconds, max_attempts, worker, portion
        self._scan: Iterator[Record] | None = None
        self._place: Any = None  # the claim at whose cursor the open scan stands
        self._scanned = 0

    # --- asking ------------------------------------------------------------------------------------------------------
    def ask(self, version: str) -> Progress:
        """Wish that everything be read by this model. A wish for the same model that is not fulfilled yet goes on."""
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            row = connection.execute(select(renewal).with_for_update()).one_or_none()
            if row is None or row.version != version or row.finished_at is not None:
                values = {
                    "version": version, "asked_at": now, "finished_at": None, "renewed": 0, "leased_until": 0.0, "worker": "",
                    "attempts": 0, "renewed_ever": row.renewed_ever if row else 0, **_round(0),
                }  # fmt: skip
                wish = upsert(self.engine, renewal).values(id=1, **values)
                connection.execute(wish.on_conflict_do_update(index_elements=["id"], set_=values))
            return _progress(connection.execute(select(renewal)).one())

    def progress(self) -> Progress | None:
        """How far the last wish is; None: there was none."""
        with reading(self.engine) as connection:
            row = connection.execute(select(renewal)).one_or_none()
        return None if row is None else _progress(row)

    def renewed_ever(self) -> int:
        """Changes whenever annotations were replaced."""
        with reading(self.engine) as connection:
            return connection.execute(select(renewal.c.renewed_ever)).scalar() or 0

    # --- carrying out ------------------------------------------------------------------------------------------------
    def step(self, reader: Callable[[], Reads]) -> bool:
        """Do one portion of an open wish; whether there was one to do. `reader` is asked for only if there is a wish.

        Raises:
            Retry: the store or the database is away; the portion was given back.
        """
        asked = self.progress()
        if asked is None or asked.finished:
            return False
        annotator = reader()
        if asked.version != annotator.version or not (claim := self._claim(asked.version)):
            return False
        try:
            portion = self._next(claim, annotator.version)
            renewed, failed = self._renew(portion.stale, annotator, claim.attempts - 1)
        except BaseException:
            self._scan = None
            with suppress(MinshengError):
                self._give_back(claim)
            raise
        self._advance(claim, portion, renewed, failed)
        return True

    def _claim(self, version: str) -> _Claim | None:
        """The right to do the next portion, for the time of a lease."""
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            row = connection.execute(select(renewal).with_for_update()).one()
            if row.version != version or row.finished_at is not None or row.leased_until > now:
                return None
            values = {"leased_until": now + self._lease_seconds, "worker": self._worker, "attempts": row.attempts + 1}
            connection.execute(update(renewal).values(values))
        cursor = None if row.cursor_us is None else (int(row.cursor_us), str(row.cursor_id))
        return _Claim(row.asked_at, row.round, cursor, row.attempts + 1)

    def _next(self, claim: _Claim, version: str) -> _Portion:
        """The next records that another model read, fewer after each death at this place."""
        if self._scan is None or self._place != claim.place or self._scanned >= SCAN:
            self._scan, self._scanned = _after(self.store, claim.cursor), 0
        scan, self._place = self._scan, None
        deaths = claim.attempts - 1
        size = math.ceil(self._size ** max(0.0, 1 - deaths / self._max_attempts))
        portion = _Portion([], claim.cursor, 0, False)
        while len(portion.stale) < size and portion.looked < LOOK:
            record = next(scan, None)
            if record is None:
                portion.ended = True
                break
            portion.looked += 1
            portion.cursor = _cursor(record)
            if record.annotation is None or record.annotation.model != version:
                portion.stale.append(record)
        self._scanned += portion.looked
        return portion

    def _renew(self, stale: Sequence[Record], annotator: Reads, deaths: int) -> tuple[int, int]:
        """How many records got another annotation, and how many could not be read or kept."""
        if deaths > self._max_attempts:  # `stale` is the one record that killed its readers
            return 0, self._passed_over(stale, "killed its worker")
        records, failed = [], 0
        for record, reading_ in isolate(stale, lambda part: annotator.annotate([_draft(record) for record in part])):
            if isinstance(reading_, Exception):
                failed += self._passed_over([record], type(reading_).__name__)
            else:
                records.append(renewed(record, reading_))
        outcomes = isolate(records, lambda part: self.store.renew(part).outcomes)
        bad = [record for record, outcome in outcomes if outcome is Outcome.REJECTED or isinstance(outcome, Exception)]
        failed += self._passed_over(bad, "not kept")
        return sum(outcome is Outcome.UPDATED for _, outcome in outcomes), failed

    @staticmethod
    def _passed_over(records: Sequence[Record], error: str) -> int:
        for record in records:
            log.warning("renewal.passed_over", extra={"record": record.id, "error": error})
        return len(records)

    def _advance(self, claim: _Claim, portion: _Portion, renewed: int, failed: int) -> None:
        """Move the cursor, unless another worker took the place meanwhile."""
        cursor = portion.cursor
        with writing(self.engine) as connection:
            row = self._held(connection, claim)
            if row is None:
                return
            values: dict[str, Any] = {
                "cursor_us": cursor and cursor[0], "cursor_id": cursor[1] if cursor else "",
                "looked": row.looked + portion.looked, "renewed": row.renewed + renewed, "failed": row.failed + failed,
                "renewed_in_round": row.renewed_in_round + renewed, "renewed_ever": row.renewed_ever + renewed,
                "leased_until": 0.0, "worker": "", "attempts": 0,
            }  # fmt: skip
            if portion.ended:
                self._scan = None
                again = values["renewed_in_round"] and row.round + 1 < ROUNDS
                values |= _round(row.round + 1) if again else {"finished_at": database_seconds(connection)}
            connection.execute(update(renewal).values(values))
        self._place = (claim.asked_at, claim.round, cursor)

    def _give_back(self, claim: _Claim) -> None:
        with writing(self.engine) as connection:
            if row := self._held(connection, claim):
                connection.execute(update(renewal).values(leased_until=0.0, worker="", attempts=row.attempts - 1))

    @staticmethod
    def _held(connection: Connection, claim: _Claim) -> Any:
        """The row, while it is still claimed by this claim."""
        row = connection.execute(select(renewal).with_for_update()).one()
        cursor = None if row.cursor_us is None else (int(row.cursor_us), str(row.cursor_id))
        return row if _Claim(row.asked_at, row.round, cursor, row.attempts) == claim else None


def carry_out(
    worker: Worker, wish: Renewal, reader: Callable[[], Reads], told: Callable[[Progress], object]
) -> Progress:
    """Ask that everything be read by the model of `reader`, and work as the line does until that is done, here or by another
    worker; `told` hears how far it is. Not finished: another model was put in use, or asked for, meanwhile.

    Raises:
        Retry: nothing could be done for `DRAIN_PATIENCE_SECONDS`.
        QuarantineOverflow: the line is halted.
    """
    version = reader().version
    failures, last_good, before = 0, time.monotonic(), wish.ask(version)
    while True:
        try:
            done = worker.turn()
            progress = wish.progress() or before
            failures = 0
        except QuarantineOverflow:
            raise
        except Retry as error:
            if time.monotonic() - last_good > DRAIN_PATIENCE_SECONDS:
                raise
            failures += 1
            log.warning("renewal.retry", extra={"code": error.code, "failures": failures})
            done, progress = 0, before
            with suppress(Retry):
                progress = wish.progress() or before
        if progress != before or done:
            before, last_good = progress, time.monotonic()
        told(progress)
        if progress.finished or progress.version != version or reader().version != version:
            return progress
        if not done:
            time.sleep(delay_seconds(failures) if failures else IDLE_SECONDS)


def renewed(record: Record, reading_: Reading) -> Record:
    """The record with another annotation. Its texts are what was read: masked again, which changes nothing unless masking has
    learnt something; what lay beyond the limits of reading stays as it was.
    """
    from nlp.annotate import READ_CHARACTERS, TITLE_LIMIT

    texts = {
        "title": reading_.title + record.title[TITLE_LIMIT:],
        "text": reading_.text + record.text[READ_CHARACTERS:],
        "reply": reading_.reply + record.reply[READ_CHARACTERS:],
    }
    return record.model_copy(update=texts | {"annotation": reading_.annotation})


def _draft(record: Record) -> Any:
    from nlp.annotate import Draft

    return Draft(title=record.title, text=record.text, reply=record.reply)


def _cursor(record: Record) -> tuple[int, str]:
    return (record.created_at - _EPOCH) // timedelta(microseconds=1), record.id


def _after(store: Store, cursor: tuple[int, str] | None) -> Iterator[Record]:
    """The records behind the cursor, in order of (created_at, id)."""
    if cursor is None:
        return store.scan(Query())
    since = _EPOCH + timedelta(microseconds=cursor[0])
    return (record for record in store.scan(Query(since=since)) if _cursor(record) > cursor)


def _round(number: int) -> dict[str, Any]:
    return {"round": number, "cursor_us": None, "cursor_id": "", "looked": 0, "renewed_in_round": 0, "failed": 0}


def _progress(row: Any) -> Progress:
    return Progress(row.version, row.round, row.looked, row.renewed, row.failed, row.finished_at is not None)
