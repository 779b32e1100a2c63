"""Delivery: what has to be sent to whom stands in a table before anything is sent, and stays there until it arrived.

At least once: a process that dies between sending and writing sends again after its lease. Every message carries the key of its
alert, by which a receiver can drop the second one (promise R9).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import Column, Connection, Double, Engine, Integer, String, Table, Text, select, update

from indices.alerts.channels import Channel, plugin_of
from indices.alerts.drops import DROP
from indices.alerts.life import CLOSED, CONFIRMED, REJECTED, alert_steps, escalate, snoozed_until, steps_of
from indices.alerts.reminders import REMINDER
from indices.civic.alerts import NEEDS_PERSON, Alert, alert_of, alerts
from indices.database import metadata, reading, upsert, writing
from models.clock import CITY_TIME, now
from models.identity import digest

deliveries = Table(
    "alert_deliveries", metadata,
    Column("id", String(32), primary_key=True),  # digest of alert, channel and kind
    Column("alert", String(32), nullable=False, index=True),
    Column("channel", String(100), nullable=False),
    Column("kind", String(16), nullable=False),  # alert, escalation
    Column("state", String(16), nullable=False, index=True),  # waiting, sent, failed
    Column("tries", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("leased_until", Double, nullable=False),
    Column("sent_at", Double, nullable=True),
    Column("error", Text, nullable=False),
)  # fmt: skip

WAITING, SENT, FAILED = "waiting", "sent", "failed"
STATE_NAMES: Final = {WAITING: "待发", SENT: "已送达", FAILED: "未送达"}
LEASE_SECONDS: Final = 120.0
TIMEOUT_SECONDS: Final = 10.0
FIRST_WAIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 3_600.0
GIVE_UP: Final = timedelta(hours=24)
OLDEST: Final = timedelta(days=2)
"""A channel that is set up today is not sent the alerts of last month."""
_ADDRESS: Final = re.compile(r"\w+://\S+")

Send = Callable[[Channel, str, str], str]
"""(channel, title, body) → "" where it arrived, else why not; never raises."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the table."""

    id: str
    alert: str
    channel: str
    kind: str
    state: str
    tries: int
    created_at: datetime
    next_at: datetime
    sent_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the outbox did."""

    enqueued: int
    sent: int
    failed: int
    waiting: int


def run(engine: Engine, channels: Sequence[Channel], send: Send, *, clock: Callable[[], datetime] = now) -> Run:
    """Escalate what is late, put what may leave the house into the outbox, send what is due."""
    escalate(engine, at=clock())
    enqueued = enqueue(engine, channels, at=clock())
    sent = failed = 0
    by_name = {channel.name: channel for channel in channels}
    while (row := _lease(engine, clock())) is not None:
        channel, alert = by_name.get(row.channel), _alert(engine, row.alert)
        if (until := snoozed_until(steps_of(engine, alert.id), clock())) is not None:
            _update(engine, row, next_at=until.timestamp(), leased_until=0.0, tries=row.tries - 1)
            continue
        if channel is None or alert.state in (REJECTED, CLOSED):
            problem = "渠道已从 channels.toml 中去掉" if channel is None else "发出之前预警已了结"
            _update(engine, row, state=FAILED, error=problem)
            failed += 1
            continue
        state = _settle(engine, row, send(channel, *message(alert, row, channel)), clock())
        sent, failed = sent + (state == SENT), failed + (state == FAILED)
    with reading(engine) as connection:
        left = connection.execute(select(deliveries.c.id).where(deliveries.c.state == WAITING)).all()
    return Run(enqueued, sent, failed, len(left))


def enqueue(engine: Engine, channels: Sequence[Channel], *, at: datetime) -> int:
    """Rows for every alert that may leave the house and every channel that wants it; those that exist stay as they are."""
    with writing(engine) as connection:
        recent = connection.execute(select(alerts).where(alerts.c.raised_at > (at - OLDEST).timestamp())).all()
        rows = [row for one in map(alert_of, recent) for row in _rows(connection, one, channels, at)]
        fresh = 0
        for row in rows:
            made = connection.execute(upsert(engine, deliveries).values(row).on_conflict_do_nothing())
            fresh += max(0, made.rowcount)
        return fresh


def list_deliveries(engine: Engine, *, limit: int = 100, alert: str = "") -> list[Delivery]:
    """What was sent to whom and whether it arrived, the newest first."""
    query = select(deliveries).order_by(deliveries.c.created_at.desc(), deliveries.c.id).limit(limit)
    if alert:
        query = query.where(deliveries.c.alert == alert)
    with reading(engine) as connection:
        return [_delivery(row) for row in connection.execute(query)]


def message(alert: Alert, row: Delivery, channel: Channel) -> tuple[str, str]:
    """Title and body, cut to what the channel takes."""
    most_title, most_body = _sizes(channel)
    most_body -= 0 if most_title else 82
    if alert.kind == REMINDER:
        body = f"{alert.rule}。\n编号 {alert.id}"
        return cut(f"【批示督办】{alert.title}", most_title or 80), cut(body, most_body)
    if alert.kind == DROP:
        body = f"依据：{alert.rule}；近四周 {alert.count} 件评价。\n编号 {alert.id}"
        return cut(f"【满意度】{alert.title}", most_title or 80), cut(body, most_body)
    late = "逾期未签收 · " if row.kind == "escalation" else ""
    title = f"【{alert.level}色预警】{late}{alert.title}"
    due = f"请在 {alert.acknowledge_by.astimezone(CITY_TIME):%m-%d %H:%M} 前签收。" if alert.acknowledge_by else ""
    body = f"{alert.people} 人 {alert.count} 件。{due}\n依据：{alert.rule}\n编号 {alert.id}"
    return cut(title, most_title or 80), cut(body, most_body)


def cut(text: str, most: int) -> str:
    """At most `most` characters; what was left out is said. The last line, the key of the alert, stays."""
    if len(text) <= most:
        return text
    *_, last = text.rsplit("\n", 1)
    tail = f"…（共 {len(text)} 字）" + (f"\n{last}" if "\n" in text and len(last) < most // 2 else "")
    return text[: max(0, most - len(tail))] + tail if len(tail) < most else text[:most]


def send_by_apprise(channel: Channel, title: str, body: str) -> str:
    """A `Send` over the network: every wait is bounded, and no secret gets into the answer."""
    plugin = plugin_of(channel.url)
    if plugin is None:
        return "地址无效"
    plugin.socket_connect_timeout = plugin.socket_read_timeout = TIMEOUT_SECONDS
    told = _Told()
    logger = logging.getLogger("apprise")
    logger.addHandler(told)
    try:
        arrived = bool(plugin.notify(title=title, body=body))
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
    ) as error:  # of requests and smtplib, and of answers that no plugin expects
        return _without_secrets(f"{type(error).__name__}：{error}")
    finally:
        logger.removeHandler(told)
    return "" if arrived else _without_secrets(told.last or "渠道没有说明原因")


class _Told(logging.Handler):
    """The plugin's own words about what went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def _without_secrets(text: str) -> str:
    return _ADDRESS.sub("（地址略）", text)[:300]


def _sizes(channel: Channel) -> tuple[int, int]:
    plugin = plugin_of(channel.url)
    return (80, 2_000) if plugin is None else (int(plugin.title_maxlen), int(plugin.body_maxlen))


def _rows(connection: Connection, alert: Alert, channels: Sequence[Channel], at: datetime) -> list[dict[str, Any]]:
    if alert.state in (REJECTED, CLOSED):
        return []
    kinds = []
    if alert.level not in NEEDS_PERSON or alert.state == CONFIRMED:
        kinds.append("alert")
    escalated = select(alert_steps.c.id).where(alert_steps.c.alert == alert.id, alert_steps.c.kind == "escalate")
    if connection.execute(escalated).first():
        kinds.append("escalation")
    return [
        {"id": digest("delivery", alert.id, channel.name, kind), "alert": alert.id, "channel": channel.name, "kind": kind,
         "state": WAITING, "tries": 0, "created_at": at.timestamp(), "next_at": channel.earliest(alert.level, at).timestamp(),
         "leased_until": 0.0, "sent_at": None, "error": ""}
        for channel in channels for kind in kinds
        if (channel.escalations if kind == "escalation" else alert.level in channel.levels)
    ]  # fmt: skip


def _lease(engine: Engine, moment: datetime) -> Delivery | None:
    """The row that has been due longest and that nobody else is sending."""
    at = moment.timestamp()
    due = (deliveries.c.state == WAITING, deliveries.c.next_at <= at, deliveries.c.leased_until < at)
    with writing(engine) as connection:
        for row in connection.execute(
            select(deliveries).where(*due).order_by(deliveries.c.next_at, deliveries.c.id)
        ).all():
            values = {"leased_until": at + LEASE_SECONDS, "tries": row.tries + 1}
            taken = connection.execute(
                update(deliveries).where(deliveries.c.id == row.id, deliveries.c.leased_until < at).values(values)
            )
            if taken.rowcount:
                return replace(_delivery(row), tries=row.tries + 1)
    return None


def _settle(engine: Engine, row: Delivery, problem: str, moment: datetime) -> str:
    """Write what became of it; the state that it is in now."""
    if not problem:
        _update(engine, row, state=SENT, sent_at=moment.timestamp(), error="")
        return SENT
    if moment - row.created_at > GIVE_UP:
        _update(engine, row, state=FAILED, error=problem)
        return FAILED
    wait = min(FIRST_WAIT_SECONDS * 2 ** (row.tries - 1), LONGEST_WAIT_SECONDS)
    wait *= (
        0.75 + Random(f"{row.id} {row.tries}").random() / 2
    )  # so that many that failed together do not come together
    _update(engine, row, next_at=moment.timestamp() + wait, leased_until=0.0, error=problem)
    return WAITING


def _update(engine: Engine, row: Delivery, **values: Any) -> None:
    with writing(engine) as connection:
        connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(values))


def _alert(engine: Engine, alert: str) -> Alert:
    with reading(engine) as connection:
        return alert_of(connection.execute(select(alerts).where(alerts.c.id == alert)).one())


def _delivery(row: Any) -> Delivery:
    values = dict(row._mapping)
    del values["leased_until"]
    for name in ("created_at", "next_at", "sent_at"):
        values[name] = None if values[name] is None else datetime.fromtimestamp(values[name], UTC)
    return Delivery(**values)
