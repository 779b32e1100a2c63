"""A source that is broken or odd is an alert of its own: not of the city, of the feed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from indices.civic.alerts import KEPT, Alert, record_apart
from indices.civic.levels import Rules, rules_on
from indices.collection.health import Health
from models.clock import city_day, now
from models.identity import digest
from models.labels import Level

SICK: Final = ("中断", "异常")
_TITLES: Final = {"中断": "没有来件", "异常": "来件异常"}


def record_sick(engine: Engine, found: Mapping[str, Health], day: date, *, at: datetime | None = None,
                rules: tuple[Rules, ...] | None = None) -> list[Alert]:  # fmt: skip
    """Raise those that are new this week. A silence that the search for hotspots has alerted already is the same alert."""
    moment = at or now()
    sick = [_alert(name, one, day, moment, rules) for name, one in sorted(found.items()) if one.state in SICK]
    return record_apart(engine, sick, moment)


def _alert(name: str, health: Health, day: date, moment: datetime, rules: tuple[Rules, ...] | None) -> Alert:
    incident = digest("silence" if health.state == "中断" else "odd", name, repr(day.isocalendar()[:2]))
    minutes = rules_on(city_day(moment), rules).acknowledge_minutes(Level.BLUE)
    return Alert(
        id=digest("alert", incident, Level.BLUE), incident=incident, kind="source", level=Level.BLUE, title=f"数据源“{name}”{_TITLES[health.state]}",
        rule=f"{day}：{health.reason}", people=0, count=health.received, raised_at=moment,
        acknowledge_by=None if minutes is None else moment + timedelta(minutes=minutes), state="raised", figure=KEPT,
    )  # fmt: skip
