"""批示: what leaders asked for, who has it, by when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from indices.instructions import ANSWERED, CLOSED, STATE_NAMES, Instruction


@dataclass(frozen=True, slots=True)
class InstructionRow:
    """One note. `link`: what it is about; `urgency`: overdue or due soon, in words."""

    one: Instruction
    state: str
    urgency: str
    link: str
    about: str
    may_answer: bool
    may_close: bool


@dataclass(frozen=True, slots=True)
class InstructionsView:
    rows: tuple[InstructionRow, ...]
    about: str


def rows_of(found: Sequence[Instruction], *, today: date, may_close: bool) -> tuple[InstructionRow, ...]:
    """In the order given. `may_close`: the viewer is a leader."""
    return tuple(_row(one, today, may_close) for one in found)


def _row(one: Instruction, today: date, may_close: bool) -> InstructionRow:
    kind, _, name = one.about.partition(":")
    link = f"/incidents/{name}" if kind == "incident" else f"/briefing?day={name}"
    about = f"事件 {name}" if kind == "incident" else f"{name} 简报"
    return InstructionRow(one, STATE_NAMES[one.state], one.urgency(today), link, about, may_answer=one.state != CLOSED,
                          may_close=may_close and one.state == ANSWERED)  # fmt: skip
