"""Reminders of 批示: the day before its day, on the day, and every week after it, through the channels of the alerts.

A reminder is an alert of its own kind, with a key of instruction and stage: the outbox sends it once, and a page shows whether it
arrived. What the leader wrote does not leave the house; the number, the owner and the day do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from indices.civic.alerts import KEPT, Alert, record_apart
from indices.instructions import OPEN, Instruction, Instructions
from models.clock import city_day, now
from models.identity import digest
from models.labels import Level

REMINDER: Final = "instruction"
AGAIN_DAYS: Final = 7


def remind(engine: Engine, *, at: datetime | None = None) -> list[Alert]:
    """Raise what has to be said today of instructions without an answer; what was said already is not said again."""
    moment = at or now()
    waiting = [one for one in Instructions(engine).list(only_open=True) if one.state == OPEN]
    due = [_reminder(one, moment) for one in waiting if one.urgency(city_day(moment))]
    return record_apart(engine, due, moment)


def _reminder(one: Instruction, moment: datetime) -> Alert:
    left = (one.due - city_day(moment)).days
    stage = str(left) if left >= 0 else f"overdue {(-left - 1) // AGAIN_DAYS}"
    level = Level.BLUE if left >= 0 else Level.YELLOW
    key = digest("instruction", str(one.id), stage)
    return Alert(
        id=digest("alert", key, level), incident=key, kind=REMINDER, level=level,
        title=f"批示 {one.id} {one.urgency(city_day(moment))}，承办：{one.owner}",
        rule=f"{one.at:%Y-%m-%d} 对{_about(one.about)}的批示，期限 {one.due}，尚未反馈", people=0, count=0, raised_at=moment,
        acknowledge_by=None, state="raised", figure=KEPT,
    )  # fmt: skip


def _about(about: str) -> str:
    kind, name = about.split(":", 1)
    return f"{'简报' if kind == 'briefing' else '事件'} {name}"
