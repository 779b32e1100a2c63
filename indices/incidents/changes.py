"""What people do about incidents: confirm, reject, take in hand, close, rename, note, merge, split, move; and undo.

Every change writes what was there before into the log, so that undoing is a change of its own and nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, or_, select, update

from indices.database import reading, writing
from indices.incidents import register
from indices.incidents.register import CLOSED, CONFIRMED, HANDLING, MACHINE, NEW, REJECTED, STATE_NAMES
from indices.incidents.tables import changes, incidents, members
from models.clock import now
from models.errors import BadRequest, NotFound

STEPS: Final = {
    "confirm": (CONFIRMED, (NEW, REJECTED)),
    "reject": (REJECTED, (NEW, CONFIRMED)),
    "handle": (HANDLING, (NEW, CONFIRMED)),
    "close": (CLOSED, (CONFIRMED, HANDLING)),
    "reopen": (NEW, (CLOSED, REJECTED)),
}
"""State that a step leads to, and the states that it may be taken from."""
KIND_NAMES: Final = {
    "open": "发现", "confirm": "确认", "reject": "判为不是热点", "handle": "开始处置", "close": "办结", "reopen": "重新打开",
    "rename": "改名", "note": "备注", "merge": "并入", "split": "拆分", "move": "移动工单", "undo": "撤销", "fold": "同意并单", "keep": "不并单",
}  # fmt: skip
LONGEST_TITLE: Final = 80
LONGEST_NOTE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the log. `other`: the second incident of a merge, split or move; `undone`: taken back later."""

    id: int
    number: str
    other: str | None
    at: datetime
    who: str
    kind: str
    note: str
    before: dict[str, Any]
    undone: bool


class Changes:
    """Changes by one person.

    Every method raises NotFound for a number that is not there and BadRequest for one that was merged into another.
    """

    def __init__(self, engine: Engine, who: str, clock: Callable[[], datetime] = now) -> None:
        self._engine, self.who, self._clock = engine, who, clock

    def step(self, number: str, kind: str, note: str = "") -> Change:
        """One of `STEPS`. Raises BadRequest where the state does not allow it."""
        if kind not in STEPS:
            raise BadRequest(name="动作", value=kind[:40], reason=f"应为 {'、'.join(STEPS)} 之一")
        state, allowed = STEPS[kind]
        with self._writing() as write:
            one = write.live(number)
            if one.state not in allowed:
                names = "、".join(STATE_NAMES[name] for name in allowed)
                raise BadRequest(
                    name="状态", value=STATE_NAMES[one.state], reason=f"{KIND_NAMES[kind]}只能从 {names} 做起"
                )
            write.set(number, state=state)
            return write.log(number, kind, note=_note(note), before={"state": one.state})

    def rename(self, number: str, title: str) -> Change:
        """A person's title; it stays whatever the machine finds later."""
        title = " ".join(title.split())
        if not 1 <= len(title) <= LONGEST_TITLE:
            raise BadRequest(name="名称", value=title[:40], reason=f"应为 1 到 {LONGEST_TITLE} 个字")
        with self._writing() as write:
            one = write.live(number)
            write.set(number, title=title, renamed=True)
            return write.log(number, "rename", note=title, before={"title": one.title, "renamed": one.renamed})

    def note(self, number: str, text: str) -> Change:
        """A remark; it can be undone, and stays in the log then, marked."""
        if not text.strip():
            raise BadRequest(name="备注", value=text[:40], reason="不能为空")
        with self._writing() as write:
            write.live(number)
            return write.log(number, "note", note=_note(text))

    def judge_fold(self, number: str, records: Sequence[str], *, fold: bool) -> Change:
        """Whether orders are one order (并单). A decision for those who keep the orders; no record is changed here."""
        with self._writing() as write:
            write.live(number)
            write.hold(number, records)
            return write.log(number, "fold" if fold else "keep", note=" ".join(sorted(records)))

    def merge(self, number: str, into: str) -> Change:
        """All of `number` goes into `into`, and the number leads there from now on."""
        with self._writing() as write:
            one = write.live(number)
            write.live(into)
            if number == into:
                raise BadRequest(name="并入", value=into, reason="不能并入自己")
            moved = write.records(number)
            write.place(moved, into)
            write.set(number, merged_into=into)
            return write.log(into, "merge", other=number, before={"members": moved, "merged_into": one.merged_into})

    def split(self, number: str, records: Sequence[str], title: str = "") -> Change:
        """Some records become an incident of their own; its number is the change's `other`."""
        with self._writing() as write:
            one = write.live(number)
            chosen = write.hold(number, records)
            if len(chosen) == len(write.records(number)):
                raise BadRequest(name="工单", value=f"{len(chosen)} 件", reason="不能把全部工单拆出去")
            fresh = write.open(one, _title(title) or f"{one.title}（拆出）")
            write.place(chosen, fresh)
            return write.log(number, "split", other=fresh, before={"members": chosen})

    def move(self, number: str, records: Sequence[str], into: str) -> Change:
        """Some records go to another incident."""
        with self._writing() as write:
            write.live(number)
            write.live(into)
            chosen = write.hold(number, records)
            if len(chosen) == len(write.records(number)):
                raise BadRequest(name="工单", value=f"{len(chosen)} 件", reason="要移走全部工单，请用合并")
            write.place(chosen, into)
            return write.log(number, "move", other=into, before={"members": chosen})

    def undo(self, number: str) -> Change:
        """Take back the latest change that a person made to this incident and that still stands.

        Raises BadRequest where a later change to the other incident stands in the way, NotFound where there is nothing.
        """
        with self._writing() as write:
            last = write.last(number)
            if last is None:
                raise NotFound(what="可以撤销的动作")
            for side in (last.number, last.other):
                later = write.last(side) if side else None
                if later is not None and later.id > last.id:
                    raise BadRequest(
                        name="撤销",
                        value=KIND_NAMES[last.kind],
                        reason=f"事件 {side} 此后又有“{KIND_NAMES[later.kind]}”，请先撤销它",
                    )
            write.restore(last)
            return write.log(last.number, "undo", other=last.other, note=KIND_NAMES[last.kind])

    def _writing(self) -> _Writing:
        return _Writing(self._engine, self.who, self._clock().timestamp())


class _Writing:
    """One transaction on the register."""

    def __init__(self, engine: Engine, who: str, moment: float) -> None:
        self._engine, self._who, self._moment = engine, who, moment
        self._open = writing(engine)

    def __enter__(self) -> _Writing:
        self._connection: Connection = self._open.__enter__()
        register.lock(self._engine, self._connection)
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._open.__exit__(*error)

    def live(self, number: str) -> register.Incident:
        one = register.find_in(self._connection, number)
        if one.merged_into is not None:
            raise BadRequest(name="事件", value=number, reason=f"已并入 {one.merged_into}，请在那里操作")
        return one

    def records(self, number: str) -> list[str]:
        query = select(members.c.record_id).where(members.c.number == number).order_by(members.c.record_id)
        return list(self._connection.execute(query).scalars())

    def hold(self, number: str, records: Sequence[str]) -> list[str]:
        """The records, each of which must lie in the incident."""
        chosen, held = sorted(set(records)), set(self.records(number))
        strange = [record for record in chosen if record not in held]
        if strange or not chosen:
            raise BadRequest(name="工单", value="、".join(strange)[:80], reason=f"请从事件 {number} 的工单里选")
        return chosen

    def set(self, number: str, **values: Any) -> None:
        self._connection.execute(update(incidents).where(incidents.c.number == number).values(values))

    def place(self, records: Sequence[str], number: str, *, placed: bool = True) -> None:
        for record in records:
            values = {"number": number, "placed": placed}
            self._connection.execute(update(members).where(members.c.record_id == record).values(values))

    def open(self, like: register.Incident, title: str) -> str:
        number = register.open_number(self._connection, self._moment)
        row = {"number": number, "title": title, "renamed": True, "state": like.state, "merged_into": None,
               "opened_at": self._moment, "first": like.first.timestamp(), "last": like.last.timestamp(), "level": str(like.level),
               "heat": like.heat, "topic": like.topic, "place": like.place, "words": " ".join(sorted(like.words))}  # fmt: skip
        self._connection.execute(insert(incidents).values(row))
        return number

    def last(self, number: str) -> Change | None:
        """The latest change of a person that stands, of either side of it."""
        query = (
            select(changes)
            .where(or_(changes.c.number == number, changes.c.other == number), changes.c.who != MACHINE)
            .where(~changes.c.undone, changes.c.kind != "undo").order_by(changes.c.id.desc()).limit(1)
        )  # fmt: skip
        row = self._connection.execute(query).first()
        return None if row is None else _change(row)

    def restore(self, last: Change) -> None:
        before = dict(last.before)
        moved = before.pop("members", [])
        if last.kind == "merge" and last.other:
            self.place(moved, last.other)
            self.set(last.other, merged_into=before.pop("merged_into"))
        elif last.kind in ("split", "move"):
            self.place(moved, last.number)
            if last.kind == "split" and last.other:
                self.place(self.records(last.other), last.number)
                self.set(last.other, merged_into=last.number)
        if before:
            self.set(last.number, **before)
        self._connection.execute(update(changes).where(changes.c.id == last.id).values(undone=True))

    def log(
        self, number: str, kind: str, *, other: str | None = None, note: str = "", before: dict[str, Any] | None = None
    ) -> Change:
        text = json.dumps(before or {}, ensure_ascii=False)
        key = register.log(self._connection, number, kind, self._who, self._moment, other=other, note=note, before=text)
        return Change(
            key, number, other, datetime.fromtimestamp(self._moment, UTC), self._who, kind, note, before or {}, False
        )


def log_of(engine: Engine, number: str) -> list[Change]:
    """All that happened to an incident, oldest first."""
    query = select(changes).where(or_(changes.c.number == number, changes.c.other == number)).order_by(changes.c.id)
    with reading(engine) as connection:
        return [_change(row) for row in connection.execute(query)]


def _change(row: Any) -> Change:
    values = dict(row._mapping)
    values |= {"at": datetime.fromtimestamp(values["at"], UTC), "before": json.loads(values["before"])}
    return Change(**values)


def _title(title: str) -> str:
    return " ".join(title.split())[:LONGEST_TITLE]


def _note(text: str) -> str:
    if len(text) > LONGEST_NOTE:
        raise BadRequest(name="备注", value=f"{len(text)} 字", reason=f"至多 {LONGEST_NOTE} 字")
    return text.strip()
