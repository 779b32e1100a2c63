"""The life of an alert: raised, acknowledged, confirmed or rejected, closed; escalated by the clock; snoozed with a reason.

Every step is a line of the log. Confirmed and rejected alerts are labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Connection, Double, Engine, Integer, String, Table, Text, insert, select, update

from indices.civic.alerts import Alert, alert_of, alerts
from indices.database import metadata, reading, writing
from models.clock import now
from models.errors import BadRequest, NotFound

alert_steps = Table(
    "alert_steps", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert", String(32), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("until", Double, nullable=True),  # of a snooze
)  # fmt: skip

RAISED, ACKNOWLEDGED, CONFIRMED, REJECTED, CLOSED = "raised", "acknowledged", "confirmed", "rejected", "closed"
STATE_NAMES: Final = {
    RAISED: "待处理", ACKNOWLEDGED: "已签收", CONFIRMED: "已确认", REJECTED: "不是热点", CLOSED: "已办结",
}  # fmt: skip
STEPS: Final = {
    "acknowledge": (ACKNOWLEDGED, (RAISED,)),
    "confirm": (CONFIRMED, (RAISED, ACKNOWLEDGED, REJECTED)),
    "reject": (REJECTED, (RAISED, ACKNOWLEDGED, CONFIRMED)),
    "close": (CLOSED, (ACKNOWLEDGED, CONFIRMED)),
}
"""State that a step leads to, and the states that it may be taken from."""
STEP_NAMES: Final = {
    "acknowledge": "签收", "confirm": "确认", "reject": "判为不是热点", "close": "办结", "snooze": "暂缓", "escalate": "逾期上报",
}  # fmt: skip
CLOCK: Final = "clock"
LONGEST_SNOOZE: Final = timedelta(days=7)
LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the log."""

    id: int
    alert: str
    at: datetime
    who: str
    kind: str
    note: str
    until: datetime | None


def find_alert(engine: Engine, alert: str) -> Alert:
    """By its id or the first 8 or more characters of it. Raises NotFound where none or more than one begins so."""
    with reading(engine) as connection:
        return _find(connection, alert)


def take_step(engine: Engine, alert: str, kind: str, who: str, note: str = "", *, at: datetime | None = None) -> Alert:
    """One of `STEPS`. The same step again changes nothing.

    Raises:
        NotFound: no such alert.
        BadRequest: a step that is none, or that the state does not allow.
    """
    if kind not in STEPS:
        raise BadRequest(name="动作", value=kind[:40], reason=f"应为 {'、'.join(STEPS)} 之一")
    state, allowed = STEPS[kind]
    with writing(engine) as connection:
        one = _find(connection, alert)
        if one.state == state:
            return one
        if one.state not in allowed:
            names = "、".join(STATE_NAMES[name] for name in allowed)
            raise BadRequest(name="状态", value=STATE_NAMES[one.state], reason=f"{STEP_NAMES[kind]}只能从 {names} 做起")
        connection.execute(update(alerts).where(alerts.c.id == one.id).values(state=state))
        log_step(connection, one.id, kind, who, note, at or now())
        return _find(connection, one.id)


def snooze(engine: Engine, alert: str, who: str, until: datetime, reason: str, *, at: datetime | None = None) -> Alert:
    """Not escalated and not sent again until then. Raises BadRequest without a reason or for longer than a week."""
    moment = at or now()
    if not reason.strip():
        raise BadRequest(name="理由", value=reason, reason="暂缓必须写理由")
    if not moment < until <= moment + LONGEST_SNOOZE:
        raise BadRequest(name="until", value=until.isoformat(), reason=f"应在此后 {LONGEST_SNOOZE.days} 天之内")
    with writing(engine) as connection:
        one = _find(connection, alert)
        if one.state in (CLOSED, REJECTED):
            raise BadRequest(name="状态", value=STATE_NAMES[one.state], reason="已了结的预警不必暂缓")
        log_step(connection, one.id, "snooze", who, reason, moment, until)
        return one


def escalate(engine: Engine, *, at: datetime | None = None) -> list[Alert]:
    """Alerts that nobody acknowledged in time and that are not snoozed: each is escalated once."""
    moment = at or now()
    with writing(engine) as connection:
        due = connection.execute(
            select(alerts)
            .where(alerts.c.state == RAISED, alerts.c.acknowledge_by < moment.timestamp())
            .order_by(alerts.c.raised_at)
        ).all()
        found = []
        for one in map(alert_of, due):
            steps = _steps(connection, one.id)
            if any(step.kind == "escalate" for step in steps) or snoozed_until(steps, moment) is not None:
                continue
            assert one.acknowledge_by is not None
            late = round((moment - one.acknowledge_by).total_seconds() / 60)
            log_step(connection, one.id, "escalate", CLOCK, f"逾期 {late} 分钟未签收", moment)
            found.append(one)
        return found


def snoozed_until(steps: Sequence[Step], moment: datetime) -> datetime | None:
    """The end of a snooze that is still running."""
    ends = [step.until for step in steps if step.until is not None and step.until > moment]
    return max(ends) if ends else None


def steps_of(engine: Engine, alert: str) -> list[Step]:
    """The log of an alert, oldest first."""
    with reading(engine) as connection:
        return _steps(connection, alert)


def _steps(connection: Connection, alert: str) -> list[Step]:
    rows = connection.execute(select(alert_steps).where(alert_steps.c.alert == alert).order_by(alert_steps.c.id))
    return [_step(row) for row in rows]


def _step(row: Any) -> Step:
    values = dict(row._mapping)
    until = values["until"]
    values |= {
        "at": datetime.fromtimestamp(values["at"], UTC),
        "until": None if until is None else datetime.fromtimestamp(until, UTC),
    }
    return Step(**values)


def _find(connection: Connection, alert: str) -> Alert:
    whole = alerts.c.id == alert
    begins = alerts.c.id.startswith(alert, autoescape=True) if len(alert) >= 8 else whole
    rows = connection.execute(select(alerts).where(begins).limit(2)).all()
    if len(rows) != 1:
        raise NotFound(what=f"预警 {alert[:40]}")
    return alert_of(rows[0])


def log_step(
    connection: Connection, alert: str, kind: str, who: str, note: str, moment: datetime, until: datetime | None = None
) -> None:
    """A line of the log. Raises BadRequest for a note that is too long."""
    if len(note) > LONGEST_NOTE:
        raise BadRequest(name="备注", value=f"{len(note)} 字", reason=f"至多 {LONGEST_NOTE} 字")
    row = {"alert": alert, "at": moment.timestamp(), "who": who, "kind": kind, "note": note.strip(),
           "until": until and until.timestamp()}  # fmt: skip
    connection.execute(insert(alert_steps).values(row))
