"""What people decided at the desk: accepted, changed, handed to a person, merged; each can be undone.

A decision is a label: the same rows train the model later. Who decided and when stays; an undone decision stays too, marked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    Row,
    Select,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from indices.database import metadata, reading, writing
from models.errors import BadRequest, NotFound

decisions = Table(
    "decisions", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("record_id", String(64), nullable=False, index=True),
    Column("who", String(64), nullable=False, index=True),
    Column("action", String(16), nullable=False),
    Column("department", String(100), nullable=False),
    Column("suggested", String(100), nullable=False),
    Column("at", Double, nullable=False, index=True),
    Column("undone", Boolean, nullable=False),
)  # fmt: skip

Action = Literal["accept", "department", "person", "merge"]
ACTIONS: tuple[Action, ...] = ("accept", "department", "person", "merge")


@dataclass(frozen=True, slots=True)
class Decision:
    number: int
    record_id: str
    who: str
    action: Action
    department: str
    suggested: str
    at: float
    undone: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """A person's own counter for the day."""

    accepted: int
    changed: int
    to_person: int
    merged: int


def _decision(row: Row[Any]) -> Decision:
    return Decision(**row._mapping)


class Decisions:
    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def decide(
        self, record_id: str, who: str, action: Action, *, department: str = "", suggested: str = ""
    ) -> Decision:
        """One decision; a later one about the same record stands. Raises BadRequest when the action needs a department."""
        if action not in ACTIONS:
            raise BadRequest(name="action", value=action, reason=f"应为 {'、'.join(ACTIONS)} 之一")
        if action in ("accept", "department", "merge") and not department:
            what = "并入的工单" if action == "merge" else "承办单位"
            raise BadRequest(name="department", value=department, reason=f"请选定{what}")
        values = {"record_id": record_id, "who": who, "action": action, "department": department, "suggested": suggested,
                  "at": self._clock(), "undone": False}  # fmt: skip
        with writing(self._engine) as connection:
            key = connection.execute(insert(decisions).values(values)).inserted_primary_key
        assert key is not None
        return Decision(number=cast(int, key[0]), record_id=record_id, who=who, action=action, department=department,
                        suggested=suggested, at=values["at"], undone=False)  # type: ignore[arg-type]  # fmt: skip

    def undo(self, who: str) -> Decision:
        """Take back the person's own last decision that stands. Raises NotFound."""
        with writing(self._engine) as connection:
            row = connection.execute(self._last_of(who)).first()
            if row is None:
                raise NotFound(what="可以撤销的操作")
            connection.execute(update(decisions).where(decisions.c.number == row.number).values(undone=True))
        return _decision(row)

    def last(self, who: str) -> Decision | None:
        """The person's own latest decision that stands: what `undo` would take back."""
        with reading(self._engine) as connection:
            row = connection.execute(self._last_of(who)).first()
        return None if row is None else _decision(row)

    @staticmethod
    def _last_of(who: str) -> Select[Any]:
        own = select(decisions).where(decisions.c.who == who, ~decisions.c.undone)
        return own.order_by(decisions.c.number.desc()).limit(1)

    def standing(self, record_ids: Sequence[str]) -> dict[str, Decision]:
        """The latest decision that stands for each record that has one."""
        found: dict[str, Decision] = {}
        statement = select(decisions).where(decisions.c.record_id.in_(list(record_ids)), ~decisions.c.undone)
        with reading(self._engine) as connection:
            for row in connection.execute(statement.order_by(decisions.c.number)):
                found[row.record_id] = _decision(row)
        return found

    def tally(self, who: str, since: float) -> Tally:
        """What the person decided since (Unix seconds) and has not taken back."""
        statement = (
            select(decisions.c.action, func.count()).where(decisions.c.who == who, decisions.c.at >= since, ~decisions.c.undone)
            .group_by(decisions.c.action)
        )  # fmt: skip
        with reading(self._engine) as connection:
            counts = {action: count for action, count in connection.execute(statement)}  # noqa: C416 - rows are no pairs to dict()
        return Tally(
            counts.get("accept", 0), counts.get("department", 0), counts.get("person", 0), counts.get("merge", 0)
        )

    def labels(self) -> list[Decision]:
        """Accepted and changed departments that stand: training rows."""
        kept = decisions.c.action.in_(("accept", "department"))
        with reading(self._engine) as connection:
            return [_decision(row) for row in connection.execute(select(decisions).where(kept, ~decisions.c.undone))]
