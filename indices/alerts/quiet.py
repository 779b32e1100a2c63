"""The end of an episode. An alert opens at its level; it ends only when its incident was no hotspot at all, of whatever level, for
`QUIET_DAYS` days: what swings about a threshold neither ends nor alerts again.

When an episode ends, its alerts that somebody took up are closed; those that nobody looked at stay. If the incident bursts again
after that, it alerts again.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, update

from indices.alerts.life import ACKNOWLEDGED, CLOCK, CLOSED, CONFIRMED, log_step
from indices.civic.alerts import alert_episodes, alerts, known_incident
from indices.database import upsert, writing
from models.clock import city_day, now
from models.figures import Hotspots

QUIET_DAYS: Final = 3
_NEVER: Final[dict[str, Any]] = {"quiet_from": "", "ended_at": 0.0, "ended": 0}


def settle(engine: Engine, found: Hotspots, *, at: datetime | None = None) -> int:
    """Note which alerted incidents are quiet in a figure of today; end the episodes of those that were for `QUIET_DAYS`.

    Returns:
        How many episodes ended. A figure of another day ends none.
    """
    moment = at or now()
    until = found.source.query.until or moment
    today = city_day(moment)
    if city_day(until - timedelta(microseconds=1)) != today:
        return 0
    with writing(engine) as connection:
        loud = {known_incident(connection, one.record_ids) for one in found.hotspots}
        episodes = {row.incident: dict(row._mapping) for row in connection.execute(select(alert_episodes))}
        ended = 0
        for incident, raised_at in _alerted(connection):
            values = episodes.get(incident, {"incident": incident, **_NEVER})
            if raised_at <= values["ended_at"]:
                continue  # it ended, and nothing was raised since
            news = _next(values, quiet=incident not in loud, today=today, moment=moment)
            if news == values:
                continue
            keep = upsert(engine, alert_episodes).values(news)
            connection.execute(keep.on_conflict_do_update(index_elements=["incident"], set_=news))
            if news["ended"] > values["ended"]:
                ended += 1
                _close(connection, incident, moment)
        return ended


def _next(values: dict[str, Any], *, quiet: bool, today: date, moment: datetime) -> dict[str, Any]:
    if not quiet:
        return values | {"quiet_from": ""}
    if not values["quiet_from"]:
        return values | {"quiet_from": today.isoformat()}
    if (today - date.fromisoformat(values["quiet_from"])).days < QUIET_DAYS:
        return values
    return values | {"quiet_from": "", "ended_at": moment.timestamp(), "ended": values["ended"] + 1}


def _alerted(connection: Connection) -> list[tuple[str, float]]:
    """Incidents of hotspots that were alerted, and when last."""
    last = func.max(alerts.c.raised_at)
    query = select(alerts.c.incident, last).where(alerts.c.kind == "hotspot").group_by(alerts.c.incident)
    return [(incident, raised_at) for incident, raised_at in connection.execute(query.order_by(alerts.c.incident))]


def _close(connection: Connection, incident: str, moment: datetime) -> None:
    taken_up = (alerts.c.incident == incident, alerts.c.state.in_((ACKNOWLEDGED, CONFIRMED)))
    for name in connection.execute(select(alerts.c.id).where(*taken_up)).scalars().all():
        connection.execute(update(alerts).where(alerts.c.id == name).values(state=CLOSED))
        log_step(connection, name, "close", CLOCK, f"回落：连续 {QUIET_DAYS} 天不再是热点", moment)
