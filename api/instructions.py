"""Leaders' notes for commands and pages; they are the whole city's, so who sees some districts only has none."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from indices.access import ScopedStore
from models.clock import city_day, now
from models.errors import NotFound
from models.labels import Role

if TYPE_CHECKING:
    from api.wiring import House
    from dashboards.views.instructions import InstructionRow
    from indices.instructions import Instruction


def instructions_of(house: House, reader: ScopedStore, about: str = "") -> tuple[InstructionRow, ...] | None:
    """The notes as pages show them, the most pressing first; None where the viewer may not see them."""
    from dashboards.views.instructions import rows_of
    from indices.instructions import Instructions

    if reader.viewer.districts is not None:
        return None
    house.audit.note(reader.viewer.name, "instructions.list", about)
    found = Instructions(house.database).list(about=about)
    return rows_of(found, today=city_day(now()), may_close=reader.viewer.role is Role.LEADER)


def add(house: House, reader: ScopedStore, about: str, text: str, owner: str, due: date) -> Instruction:
    """A new note. Raises BadRequest, NotFound for an incident that is not there."""
    from indices.incidents.register import find
    from indices.instructions import Instructions

    _city(reader)
    kind, _, name = about.partition(":")
    if kind == "incident":
        find(house.database, name)
    made = Instructions(house.database).add(about, text, reader.viewer.name, owner, due)
    house.audit.note(reader.viewer.name, "instructions.add", f"{made.id} {about}")
    return made


def answer(house: House, reader: ScopedStore, number: int, text: str) -> Instruction:
    """What came of it. Raises BadRequest, NotFound."""
    from indices.instructions import Instructions

    _city(reader)
    done = Instructions(house.database).answer(number, text, reader.viewer.name)
    house.audit.note(reader.viewer.name, "instructions.answer", str(number))
    return done


def close(house: House, reader: ScopedStore, number: int) -> Instruction:
    """Done with; a leader's to say. Raises BadRequest, NotFound."""
    from indices.instructions import Instructions

    _city(reader)
    if reader.viewer.role is not Role.LEADER:
        raise NotFound(what=f"批示 {number}")
    done = Instructions(house.database).close(number)
    house.audit.note(reader.viewer.name, "instructions.close", str(number))
    return done


def _city(reader: ScopedStore) -> None:
    if reader.viewer.districts is not None:
        raise NotFound(what="地址 /instructions")
