"""Appeals (申诉) against a single order's counting in an evaluation: filed, decided by somebody else, and the evaluation counts anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Literal

from sqlalchemy import Column, Double, Engine, Integer, Row, String, Table, Text, insert, select, update

from indices.database import metadata, reading, writing
from models.errors import BadRequest, NotFound
from models.record import Frozen

Ground = Literal["恶意投诉", "重复诉求", "职责范围外", "评价有误", "其他"]
State = Literal["待审", "支持", "不支持"]
GROUNDS: Final = ("恶意投诉", "重复诉求", "职责范围外", "评价有误", "其他")
LONGEST: Final = 1_000

appeals = Table(
    "appeals", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("record_id", String(64), nullable=False, index=True),
    Column("order_number", String(64), nullable=False),
    Column("district", String(100), nullable=False),
    Column("ground", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String(8), nullable=False, index=True),
    Column("decided_by", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("decided_at", Double),
)  # fmt: skip


class Appeal(Frozen):
    """`order_number`: what people call the order by. `at`, `decided_at`: Unix seconds."""

    number: int
    record_id: str
    order_number: str
    district: str
    ground: Ground
    text: str
    who: str
    at: float
    state: State
    decided_by: str = ""
    note: str = ""
    decided_at: float | None = None


class Appeals:
    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def file(self, record_id: str, order_number: str, district: str, ground: str, text: str, who: str) -> Appeal:
        """A new appeal, its text masked. Raises BadRequest where one about the order is open or was upheld, or its ground or text is wrong."""
        if ground not in GROUNDS:
            raise BadRequest(name="ground", value=ground[:40], reason=f"应为 {'、'.join(GROUNDS)} 之一")
        if not text.strip() or len(text) > LONGEST:
            raise BadRequest(name="text", value=f"{len(text)} 字", reason=f"请写明理由，至多 {LONGEST} 字")
        from nlp.mask import mask

        values: dict[str, Any] = {
            "record_id": record_id, "order_number": order_number, "district": district, "ground": ground, "text": mask(text.strip()).text, "who": who,
            "at": self._clock(), "state": "待审", "decided_by": "", "note": "", "decided_at": None,
        }  # fmt: skip
        standing = select(appeals.c.state).where(appeals.c.record_id == record_id, appeals.c.state != "不支持")
        with writing(self._engine) as connection:
            if (found := connection.execute(standing).first()) is not None:
                raise BadRequest(name="order", value=order_number, reason=f"此单已有申诉（{found.state}）")
            key = connection.execute(insert(appeals).values(values)).inserted_primary_key
        assert key is not None
        return Appeal(number=int(key[0]), **values)

    def decide(self, number: int, state: str, note: str, who: str) -> Appeal:
        """Uphold or not. Raises NotFound, BadRequest: not by who filed it, not twice, not without a reason."""
        if state not in ("支持", "不支持"):
            raise BadRequest(name="state", value=state[:40], reason="应为 支持、不支持 之一")
        if not note.strip() or len(note) > LONGEST:
            raise BadRequest(name="note", value=f"{len(note)} 字", reason=f"请写明意见，至多 {LONGEST} 字")
        with writing(self._engine) as connection:
            row = connection.execute(select(appeals).where(appeals.c.number == number)).first()
            if row is None:
                raise NotFound(what=f"申诉 {number}")
            if row.state != "待审":
                raise BadRequest(name="number", value=number, reason=f"已有结论（{row.state}），不能再审")
            if row.who == who:
                raise BadRequest(name="who", value=who, reason="申诉人不能审自己的申诉")
            values = {"state": state, "note": note.strip(), "decided_by": who, "decided_at": self._clock()}
            connection.execute(update(appeals).where(appeals.c.number == number).values(values))
        return _appeal(row).model_copy(update=values)

    def all(self) -> list[Appeal]:
        """Open ones first, then the latest."""
        with reading(self._engine) as connection:
            rows = [_appeal(row) for row in connection.execute(select(appeals).order_by(appeals.c.number.desc()))]
        return sorted(rows, key=lambda one: one.state != "待审")

    def upheld(self) -> list[str]:
        """Ids of the orders that no evaluation counts."""
        with reading(self._engine) as connection:
            return [
                row.record_id
                for row in connection.execute(select(appeals.c.record_id).where(appeals.c.state == "支持"))
            ]


def _appeal(row: Row[Any]) -> Appeal:
    return Appeal(**row._mapping)
