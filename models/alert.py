"""Alerts as data: the public HTTP format."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from models.labels import Level
from models.record import Frozen


class AlertStep(Frozen):
    """A line of an alert's log."""

    at: datetime
    who: str
    kind: str
    note: str
    until: datetime | None = None


class AlertDelivery(Frozen):
    """To whom it was sent, and whether it arrived. `error`: why not, without secrets."""

    channel: str
    kind: str
    state: str
    tries: int
    next_at: datetime
    sent_at: datetime | None
    error: str


class AlertFacts(Frozen):
    id: str
    kind: str
    level: Level
    title: str
    rule: str
    people: int
    count: int
    raised_at: datetime
    acknowledge_by: datetime | None
    state: str = Field(description="raised, acknowledged, confirmed, rejected, closed")
    incident: str = Field(description="number in the register of incidents, or nothing")
    steps: tuple[AlertStep, ...]
    deliveries: tuple[AlertDelivery, ...]


class AlertList(Frozen):
    alerts: tuple[AlertFacts, ...]
