"""The quarantine: items that can never be stored as they are, kept with the reason until a person decides.

Reasons and bodies may hold personal information: what is shown has to be masked (the command does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update

from indices.database import reading, writing
from indices.intake.inbox import Writes
from indices.intake.tables import inbox, quarantine, state
from models.errors import InboxFull
from models.item import Item

_PORTION = 1_000  # rows moved at once: bounds memory and keeps each transaction short


@dataclass(frozen=True, slots=True)
class Held:
    """An item in the quarantine. `item` is None where this version cannot read the body."""

    row: int
    source: str
    code: str
    reason: str
    attempts: int
    quarantined_at: datetime
    item: Item | None


@dataclass(frozen=True, slots=True)
class Which:
    """Rows of the quarantine: those of all conditions given; without any, all."""

    rows: tuple[int, ...] = ()
    source: str = ""
    code: str = ""

    def narrow(self, query: Select[Any]) -> Select[Any]:
        if self.rows:
            query = query.where(quarantine.c.row.in_(self.rows))
        if self.source:
            query = query.where(quarantine.c.source == self.source)
        return query.where(quarantine.c.code == self.code) if self.code else query


ALL = Which()


class QuarantineRoom:
    """Look, retry, drop. Any decision lets a halted worker line go on: somebody has looked."""

    def __init__(self, engine: Engine, *, limit: int) -> None:
        """`limit`: items that may wait in the inbox."""
        self.engine = engine
        self.limit = limit
        self._writes = Writes(engine)

    def count(self, which: Which = ALL) -> int:
        with reading(self.engine) as connection:
            return int(connection.execute(which.narrow(select(func.count()).select_from(quarantine))).scalar_one())

    def reasons(self, which: Which = ALL) -> list[tuple[str, str, int]]:
        """(source, code, how many), the largest first."""
        query = which.narrow(select(quarantine.c.source, quarantine.c.code, func.count().label("n")))
        grouped = query.group_by(quarantine.c.source, quarantine.c.code).order_by(
            func.count().desc(), quarantine.c.source
        )
        with reading(self.engine) as connection:
            return [(source, code, n) for source, code, n in connection.execute(grouped)]

    def held(self, which: Which = ALL, *, limit: int = 50) -> list[Held]:
        """The latest first."""
        query = which.narrow(select(quarantine)).order_by(quarantine.c.quarantined_at.desc(), quarantine.c.row.desc())
        with reading(self.engine) as connection:
            return [_held(row) for row in connection.execute(query.limit(limit))]

    def retry(self, which: Which = ALL) -> int:
        """Back into the inbox, to be tried as if new. How many.

        Raises:
            InboxFull: there is no room for all of them; those moved so far stay moved.
        """
        return self._decide(which, self._retry)

    def drop(self, which: Which = ALL) -> int:
        """Forget the bodies; the books keep counting them as quarantined. How many."""
        return self._decide(which, self._drop)

    def _decide(self, which: Which, act: Any) -> int:
        moved, after = 0, -1
        query = which.narrow(select(quarantine)).order_by(quarantine.c.row).limit(_PORTION).with_for_update()
        with reading(self.engine) as connection:  # what comes in while we work is not meant
            last = connection.execute(which.narrow(select(func.max(quarantine.c.row)))).scalar()
        while last is not None:
            with writing(self.engine) as connection:
                rows = connection.execute(query.where(quarantine.c.row > after, quarantine.c.row <= last)).all()
                if not rows:
                    break
                act(connection, rows)
                connection.execute(delete(quarantine).where(quarantine.c.row.in_([row.row for row in rows])))
                connection.execute(update(state).values(halted_at=None, bad_in_a_row=0))
            moved, after = moved + len(rows), rows[-1].row
        return moved

    def _retry(self, connection: Connection, rows: Sequence[Any]) -> None:
        if not self._writes.take_room(connection, len(rows), self.limit):
            waiting = connection.execute(select(state.c.waiting)).scalar_one()
            raise InboxFull(waiting=waiting, limit=self.limit, retry_after_seconds=60)
        by_source = Counter(row.source for row in rows)
        self._writes.count(connection, {source: {"quarantined": -n, "waiting": n} for source, n in by_source.items()})
        # The row keeps its number: a record that it wrote names it. `releases` forgives the former attempts.
        kept = ("row", "source", "body", "accepted_at", "attempts")
        values = [{**{name: getattr(row, name) for name in kept}, "releases": row.attempts} for row in rows]
        connection.execute(insert(inbox), values)

    def _drop(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Nothing to move and nothing to count."""


def _held(row: Any) -> Held:
    try:
        item = Item.model_validate_json(row.body)
    except ValidationError:
        item = None
    at = datetime.fromtimestamp(row.quarantined_at, UTC)
    return Held(row.row, row.source, row.code, row.reason, row.attempts, at, item)
