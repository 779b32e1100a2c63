"""预警: what waits for a person, what was sent to whom, what people did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from dashboards import formats
from indices.alerts.life import STATE_NAMES, STEPS, Step, snoozed_until
from indices.alerts.outbox import STATE_NAMES as DELIVERY_NAMES
from indices.alerts.outbox import Delivery
from indices.civic.alerts import NEEDS_PERSON, Alert

STEP_NAMES: Final = {"acknowledge": "签收", "confirm": "确认", "close": "办结", "reject": "不是热点"}
"""In the order of the buttons; the first that is allowed is the one meant."""
DONE_NAMES: Final = {**STEP_NAMES, "confirm": "确认", "snooze": "暂缓", "escalate": "逾期上报"}


class AlertRow(Protocol):
    """What the page is built from."""

    @property
    def alert(self) -> Alert: ...
    @property
    def incident(self) -> str: ...
    @property
    def steps(self) -> tuple[Step, ...]: ...
    @property
    def deliveries(self) -> tuple[Delivery, ...]: ...


@dataclass(frozen=True, slots=True)
class Sent:
    channel: str
    words: str
    failed: bool


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert. `due`: by when somebody must acknowledge it, in words; `late`: that was before now."""

    alert: Alert
    incident: str
    state: str
    due: str
    late: bool
    waits: str
    steps: tuple[tuple[str, str], ...]
    log: tuple[str, ...]
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class AlertsView:
    cards: tuple[AlertCard, ...]
    everything: bool
    empty: str


def alerts_view(rows: Sequence[AlertRow], *, everything: bool, now: datetime) -> AlertsView:
    """The page. `everything`: also what is settled."""
    empty = "还没有预警。热点每小时计算一次，达到级别的自动登记在这里。" if everything else "没有待办的预警。"
    return AlertsView(tuple(_card(row, now) for row in rows), everything, empty)


def _card(row: AlertRow, now: datetime) -> AlertCard:
    one = row.alert
    waiting = one.state == "raised" and one.acknowledge_by is not None
    late = waiting and one.acknowledge_by is not None and one.acknowledge_by < now
    until = snoozed_until(row.steps, now)
    waits = []
    if one.level in NEEDS_PERSON and one.state in ("raised", "acknowledged"):
        waits.append("确认后方可外发")
    if until is not None:
        waits.append(f"暂缓到 {formats.moment(until)}")
    return AlertCard(
        alert=one, incident=row.incident, state=STATE_NAMES[one.state],
        due=f"须在 {formats.moment(one.acknowledge_by)} 前签收" if waiting and one.acknowledge_by else "", late=late,
        waits="；".join(waits), steps=tuple(step for step in STEP_NAMES.items() if one.state in STEPS[step[0]][1]),
        log=tuple(_line(step) for step in row.steps), sent=tuple(_sent(one) for one in row.deliveries),
    )  # fmt: skip


def _line(step: Step) -> str:
    who = "系统" if step.who == "clock" else step.who
    return f"{formats.moment(step.at)} {who}{DONE_NAMES.get(step.kind, step.kind)}" + (
        f"：{step.note}" if step.note else ""
    )


def _sent(one: Delivery) -> Sent:
    kind = "（逾期上报）" if one.kind == "escalation" else ""
    when = formats.moment(one.sent_at or one.next_at)
    problem = f"，第 {one.tries} 次：{one.error}" if one.error else ""
    return Sent(one.channel + kind, f"{DELIVERY_NAMES[one.state]} {when}{problem}", failed=one.state == "failed")
