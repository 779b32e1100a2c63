"""The audit log: who did what to which object, when, with what success; each row seals the one before it.

A row's seal is a digest of its content and of the former row's seal, so a changed or removed row breaks the chain at
that place (`verify`). Rows older than the keeping time are removed from the old end only, and the seal at which the kept part
begins stays known. A database administrator who rewrites the whole chain is not stopped: print the last seal from time to
time (the command `minsheng audit verify` does).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    text,
)

from indices.database import metadata, reading, writing

audit = Table(
    "audit", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False, index=True),
    Column("who", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("seal", String(64), nullable=False),
)  # fmt: skip

_ORIGIN = "0" * 64
_MAX_OBJECT = 2_000
_MAX_WHO = 64
_LOCK = 0x6D736175  # any constant: the advisory lock that lines up writers on PostgreSQL


@dataclass(frozen=True, slots=True)
class AuditRow:
    number: int
    at: float
    who: str
    action: str
    object: str
    success: bool
    seal: str

    def sealed_after(self, former: str) -> str:
        content = "\x1f".join(
            (former, str(self.number), repr(self.at), self.who, self.action, self.object, str(int(self.success)))
        )
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Note:
    """A row that has no number yet."""

    at: float
    who: str
    action: str
    object: str
    success: bool


class Gathered:
    """The notes of one request, for `AuditLog.write` before its answer leaves: one commit instead of one for each access."""

    def __init__(self) -> None:
        self._notes: list[Note] = []
        self._open = True

    def take(self, note: Note) -> bool:
        """False once they were handed out: then the note has to be written at once."""
        if self._open:
            self._notes.append(note)
        return self._open

    def close(self) -> list[Note]:
        """What was gathered; nothing the second time."""
        self._open = False
        notes, self._notes = self._notes, []
        return notes


_gathered: ContextVar[Gathered | None] = ContextVar("gathered", default=None)


@contextmanager
def gathering() -> Iterator[Gathered]:
    """Until its end, or until `close`, notes made in this context (and in threads that it starts) wait to be written."""
    gathered = Gathered()
    token = _gathered.set(gathered)
    try:
        yield gathered
    finally:
        _gathered.reset(token)


def _storable(text: str, most: int) -> str:
    """What both databases keep as it is: a failed sign-in is noted under whatever name was typed."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:most]


class AuditLog:
    """Append-only by construction: there is no call that changes a row."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def note(self, who: str, action: str, what: str, *, success: bool = True) -> None:
        """One row, on the disk when this returns; within `gathering`, once what was gathered is written."""
        note = Note(self._clock(), _storable(who, _MAX_WHO), action, _storable(what, _MAX_OBJECT), success)
        gathered = _gathered.get()
        if gathered is None or not gathered.take(note):
            self.write([note])

    def write(self, notes: Sequence[Note]) -> None:
        """These rows, all or none, in their order; on the disk when this returns."""
        if not notes:
            return
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            last, seal = self._last(connection)
            rows = []
            for number, note in enumerate(notes, last + 1):
                row = AuditRow(number, note.at, note.who, note.action, note.object, note.success, "")
                seal = row.sealed_after(seal)
                rows.append({**asdict(note), "number": number, "seal": seal})
            connection.execute(insert(audit), rows)

    @staticmethod
    def _last(connection: Connection) -> tuple[int, str]:
        row = connection.execute(select(audit.c.number, audit.c.seal).order_by(audit.c.number.desc()).limit(1)).first()
        return (row.number, row.seal) if row else (0, _ORIGIN)

    def rows(self, *, limit: int = 100, before: int | None = None) -> list[AuditRow]:
        """Newest first."""
        statement = select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.number < before)
        with reading(self._engine) as connection:
            return [AuditRow(*row) for row in connection.execute(statement)]

    def verify(self) -> int | None:
        """The number of the first row whose seal does not fit, or None where the chain is whole."""
        former: str | None = None
        expected = 0
        with reading(self._engine) as connection:
            rows = select(audit).order_by(audit.c.number).execution_options(stream_results=True)
            for raw in connection.execute(rows):
                row = AuditRow(*raw)
                if row.number == 1:
                    former, expected = _ORIGIN, 1
                if former is not None and (row.number != expected or row.sealed_after(former) != row.seal):
                    return row.number
                former, expected = row.seal, row.number + 1
        return None

    def expire(self, days: int) -> int:
        """Remove rows older than `days`, all but the newest of them: its seal is where the kept part begins."""
        with writing(self._engine) as connection:
            oldest_kept = connection.execute(
                select(func.max(audit.c.number)).where(audit.c.at < self._clock() - days * 86_400)
            ).scalar()
            if oldest_kept is None:
                return 0
            return connection.execute(delete(audit).where(audit.c.number < oldest_kept)).rowcount
