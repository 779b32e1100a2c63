"""批示: a leader's note on a briefing or an incident, with an owner and a day by which it is answered; it stands in every briefing
until it is closed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Column, Double, Engine, Integer, String, Table, Text, insert, select, update

from indices.database import metadata, reading, writing
from models.clock import city_day, now
from models.errors import BadRequest, NotFound

instructions: Final = Table(
    "instructions", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("about", String(64), nullable=False, index=True),  # briefing:2026-11-24 or incident:SJ2026-00017
    Column("text", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("owner", String(100), nullable=False),
    Column("due", String(10), nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("answer", Text, nullable=False),
    Column("answered_by", String(64), nullable=False),
    Column("answered_at", Double, nullable=True),
    Column("closed_at", Double, nullable=True),
)  # fmt: skip

OPEN, ANSWERED, CLOSED = "open", "answered", "closed"
STATE_NAMES: Final = {OPEN: "办理中", ANSWERED: "已反馈", CLOSED: "已办结"}
LONGEST: Final = 2_000
SOON_DAYS: Final = 1
_ABOUT: Final = re.compile(r"briefing:\d{4}-\d\d-\d\d|incident:SJ\d{4}-\d+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """A row of the table."""

    id: int
    about: str
    text: str
    who: str
    owner: str
    due: date
    at: datetime
    state: str
    answer: str
    answered_by: str
    answered_at: datetime | None
    closed_at: datetime | None

    def urgency(self, today: date) -> str:
        """What has to be said of its day: overdue, due soon, or nothing."""
        if self.state == CLOSED:
            return ""
        days = (self.due - today).days
        if days < 0:
            return f"已逾期 {-days} 天" if self.state == OPEN else ""
        return "今日到期" if days == 0 else "明日到期" if days <= SOON_DAYS else ""


class Instructions:
    """The register of notes. Every method raises NotFound for an id that is not there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, about: str, text: str, who: str, owner: str, due: date, *, at: datetime | None = None) -> Instruction:
        """A new one. Raises BadRequest: nothing written, no owner, a day that is past, or nothing that it is about."""
        moment = at or now()
        if not _ABOUT.fullmatch(about):
            raise BadRequest(name="about", value=about[:40], reason="应为 briefing:2026-11-24 或 incident:SJ2026-00017")
        for name, value in (("批示", text), ("承办", owner)):
            if not value.strip() or len(value) > LONGEST:
                raise BadRequest(name=name, value=value[:40], reason=f"须写 1 到 {LONGEST} 字")
        if due < city_day(moment):
            raise BadRequest(name="期限", value=str(due), reason=f"不能早于今天（{city_day(moment)}）")
        row = {"about": about, "text": text.strip(), "who": who, "owner": owner.strip(), "due": due.isoformat(), "at": moment.timestamp(),
               "state": OPEN, "answer": "", "answered_by": "", "answered_at": None, "closed_at": None}  # fmt: skip
        with writing(self._engine) as connection:
            key = connection.execute(insert(instructions).values(row)).inserted_primary_key
        assert key is not None
        return self.get(int(key[0]))

    def answer(self, number: int, text: str, who: str, *, at: datetime | None = None) -> Instruction:
        """What came of it; may be written anew until it is closed. Raises BadRequest for nothing, or after it was closed."""
        if not text.strip() or len(text) > LONGEST:
            raise BadRequest(name="反馈", value=text[:40], reason=f"须写 1 到 {LONGEST} 字")
        self._standing(number)
        return self._set(
            number, state=ANSWERED, answer=text.strip(), answered_by=who, answered_at=(at or now()).timestamp()
        )

    def close(self, number: int, *, at: datetime | None = None) -> Instruction:
        """Done with. Raises BadRequest before there is an answer."""
        if self._standing(number).state != ANSWERED:
            raise BadRequest(name="状态", value=STATE_NAMES[OPEN], reason="先写反馈，再办结")
        return self._set(number, state=CLOSED, closed_at=(at or now()).timestamp())

    def get(self, number: int) -> Instruction:
        """One of them."""
        with reading(self._engine) as connection:
            row = connection.execute(select(instructions).where(instructions.c.id == number)).first()
        if row is None:
            raise NotFound(what=f"批示 {number}")
        return _instruction(row)

    def list(self, *, about: str = "", only_open: bool = False) -> list[Instruction]:
        """The most pressing first: open ones by their day, then what is closed, the latest first."""
        query = select(instructions)
        if about:
            query = query.where(instructions.c.about == about)
        if only_open:
            query = query.where(instructions.c.state != CLOSED)
        with reading(self._engine) as connection:
            found = [_instruction(row) for row in connection.execute(query)]
        waiting = sorted((one for one in found if one.state != CLOSED), key=lambda one: (one.due, one.id))
        return waiting + sorted((one for one in found if one.state == CLOSED), key=lambda one: -one.id)

    def _standing(self, number: int) -> Instruction:
        one = self.get(number)
        if one.state == CLOSED:
            raise BadRequest(name="状态", value=STATE_NAMES[CLOSED], reason="已办结的批示不再改动")
        return one

    def _set(self, number: int, **values: Any) -> Instruction:
        with writing(self._engine) as connection:
            connection.execute(update(instructions).where(instructions.c.id == number).values(values))
        return self.get(number)


def lines(found: list[Instruction], today: date) -> list[str]:
    """A line for the briefing for each that is not closed."""
    return [
        f"{one.who}批示（{one.at:%Y-%m-%d}）：“{one.text}”。承办：{one.owner}，期限 {one.due}"
        + (f"，{urgency}" if (urgency := one.urgency(today)) else "")
        + (f"。反馈：“{one.answer}”。" if one.answer else "，尚未反馈。")
        for one in found
    ]


def _instruction(row: Any) -> Instruction:
    values = dict(row._mapping)
    values["due"] = date.fromisoformat(values["due"])
    for name in ("at", "answered_at", "closed_at"):
        values[name] = None if values[name] is None else datetime.fromtimestamp(values[name], UTC)
    return Instruction(**values)
