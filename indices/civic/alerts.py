"""Alerts that were raised: an incident alerts once a level, however often it is computed (promise R9). What was quiet for days and
bursts anew is another episode (`indices.alerts.quiet`).

An incident is known again by its members: if an alert was raised for an incident that holds any of the same records, it is the
same incident. The alert, its members and the figure that it came from are written in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import Column, Connection, Double, Engine, ForeignKey, Integer, String, Table, Text, select

from indices.civic.levels import Rules, rules_on
from indices.database import metadata, reading, upsert, writing
from models.clock import city_day, now
from models.figures import Hotspot, Hotspots, LoudSource, Source
from models.identity import digest
from models.labels import Level
from models.query import Query

LEVELS: Final = (Level.NONE, Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
"""Lowest first."""
NEEDS_PERSON: Final = frozenset({Level.ORANGE, Level.RED})
"""A person confirms these before they leave the house (domain.md §4)."""
_CHUNK: Final = 500
KEPT: Final = "none"
"""Figure of an alert that comes from no figure of hotspots."""

alert_figures = Table(
    "alert_figures", metadata,
    Column("id", String(32), primary_key=True),
    Column("computed_at", Double, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

alerts = Table(
    "alerts", metadata,
    Column("id", String(32), primary_key=True),  # digest of incident and level: the dedupe key
    Column("incident", String(32), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("level", String(4), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("raised_at", Double, nullable=False),
    Column("acknowledge_by", Double, nullable=True),
    Column("state", String(16), nullable=False),
    Column("figure", String(32), ForeignKey("alert_figures.id"), nullable=False),
)  # fmt: skip

alert_members = Table(
    "alert_members", metadata,
    Column("record_id", String(32), primary_key=True),
    Column("incident", String(32), nullable=False, index=True),
)  # fmt: skip

alert_episodes = Table(
    "alert_episodes", metadata,
    Column("incident", String(32), primary_key=True),
    Column("quiet_from", String(10), nullable=False),  # first day of a quiet that goes on; "" where there is none
    Column("ended_at", Double, nullable=False),  # of the last episode; 0: the first one goes on
    Column("ended", Integer, nullable=False),  # how many episodes have ended
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of the table.

    Attributes:
        id: stable key of incident and level; a receiver can drop what it has seen.
        incident: key of the incident when it was first alerted.
        kind: hotspot; source for a feed that went quiet or loud; instruction for a reminder (`indices.alerts.reminders`).
        state: raised; orange and red leave the house only when a person has confirmed them.
    """

    id: str
    incident: str
    kind: str
    level: Level
    title: str
    rule: str
    people: int
    count: int
    raised_at: datetime
    acknowledge_by: datetime | None
    state: str
    figure: str


def record_alerts(
    engine: Engine, found: Hotspots, *, at: datetime | None = None, rules: tuple[Rules, ...] | None = None
) -> list[Alert]:
    """Raise what is new in a figure: each incident whose level is higher than any it was raised at, each silent source.

    Calling it again with the same figure, or with one computed later from the same incidents, raises nothing.

    `rules`: every version that is known; None: those that ship.

    Returns:
        The alerts that were raised now, in order of rank.
    """
    moment = at or now()
    figure = digest("alert-figure", found.model_dump_json())
    end = found.source.query.until
    day = city_day((end or moment) - timedelta(microseconds=1))
    in_force = rules_on(day, rules)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            # Two that record at once take turns, as SQLite's write lock makes them.
            connection.exec_driver_sql("LOCK TABLE alerts IN SHARE ROW EXCLUSIVE MODE")
        raised = [
            _raise_incident(engine, connection, one, figure, moment, in_force)
            for one in found.hotspots
            if one.level is not Level.NONE
        ]
        raised += [_raise_silence(connection, source, figure, moment, day, in_force) for source in found.silent_sources]
        raised += [_raise_loud(connection, one, figure, moment, day, in_force) for one in found.loud_sources]
        fresh = _highest(alert for alert in raised if alert is not None)
        if fresh:
            row = {"id": figure, "computed_at": found.source.computed_at.timestamp(), "body": found.model_dump_json()}
            connection.execute(upsert(engine, alert_figures).values(row).on_conflict_do_nothing())
            connection.execute(alerts.insert(), [row_of(alert) for alert in fresh])
        return fresh


def record_apart(engine: Engine, found: Sequence[Alert], moment: datetime) -> list[Alert]:
    """Raise alerts that come from no figure of hotspots (`KEPT`); those whose id stands in the table already are not raised again."""
    if not found:
        return []
    empty = Hotspots(hotspots=(), source=Source(query=Query(), n=0, computed_at=moment, versions={}))
    figure = {"id": KEPT, "computed_at": moment.timestamp(), "body": empty.model_dump_json()}
    with writing(engine) as connection:
        connection.execute(upsert(engine, alert_figures).values(figure).on_conflict_do_nothing())
        return [
            one for one in found
            if connection.execute(upsert(engine, alerts).values(row_of(one)).on_conflict_do_nothing()).rowcount > 0
        ]  # fmt: skip


def list_alerts(engine: Engine, *, limit: int = 100) -> list[Alert]:
    """The latest alerts, newest first, the higher level first at a tie."""
    order = (alerts.c.raised_at.desc(), alerts.c.rank.desc(), alerts.c.id)
    with reading(engine) as connection:
        return [alert_of(row) for row in connection.execute(select(alerts).order_by(*order).limit(limit))]


def records_of_incidents(engine: Engine, incidents: Sequence[str]) -> dict[str, list[str]]:
    """The records with which each incident was alerted; nothing for a silent source."""
    found: dict[str, list[str]] = {}
    with reading(engine) as connection:
        for begin in range(0, len(incidents), _CHUNK):
            chunk = list(incidents[begin : begin + _CHUNK])
            rows = connection.execute(
                select(alert_members).where(alert_members.c.incident.in_(chunk)).order_by(alert_members.c.record_id)
            )
            for row in rows:
                found.setdefault(row.incident, []).append(row.record_id)
    return found


def figure_of(engine: Engine, figure: str) -> Hotspots | None:
    """The figure that an alert came from, as it was then."""
    with reading(engine) as connection:
        body = connection.execute(select(alert_figures.c.body).where(alert_figures.c.id == figure)).scalar_one_or_none()
    return None if body is None else Hotspots.model_validate_json(body)


def _highest(raised: Iterable[Alert]) -> list[Alert]:
    """One alert an incident: what was one incident when it was alerted may be two in today's figure."""
    kept: dict[str, Alert] = {}
    for alert in raised:
        known = kept.get(alert.incident)
        if known is None or LEVELS.index(alert.level) > LEVELS.index(known.level):
            kept[alert.incident] = alert
    return list(kept.values())


def _raise_incident(
    engine: Engine, connection: Connection, hotspot: Hotspot, figure: str, moment: datetime, rules: Rules
) -> Alert | None:
    incident = known_incident(connection, hotspot.record_ids) or hotspot.key
    members = [{"record_id": record_id, "incident": incident} for record_id in hotspot.record_ids]
    for begin in range(0, len(members), _CHUNK):
        connection.execute(
            upsert(engine, alert_members).values(members[begin : begin + _CHUNK]).on_conflict_do_nothing()
        )
    episode = connection.execute(select(alert_episodes).where(alert_episodes.c.incident == incident)).first()
    ended_at, ended = (episode.ended_at, episode.ended) if episode else (0.0, 0)
    of_this = (alerts.c.incident == incident, alerts.c.raised_at > ended_at)
    highest = connection.execute(select(alerts.c.rank).where(*of_this).order_by(alerts.c.rank.desc()).limit(1)).scalar()
    if LEVELS.index(hotspot.level) <= (highest or 0):
        return None
    minutes = rules.acknowledge_minutes(hotspot.level)
    return Alert(
        id=digest("alert", incident, hotspot.level, *([str(ended)] if ended else [])), incident=incident, kind="hotspot", level=hotspot.level, title=hotspot.title,
        rule=hotspot.rule, people=hotspot.people, count=hotspot.count, raised_at=moment,
        acknowledge_by=None if minutes is None else moment + timedelta(minutes=minutes), state="raised", figure=figure,
    )  # fmt: skip


def _raise_silence(
    connection: Connection, source: str, figure: str, moment: datetime, day: date, rules: Rules
) -> Alert | None:
    """A silent source alerts once a week of silence, at the lowest level."""
    incident = digest("silence", source, repr(day.isocalendar()[:2]))
    rule = f"截至 {day} 已超过该来源历来最长的间隔，按其常量应有来件"
    return _raise_source(connection, incident, f"数据源“{source}”没有来件", rule, 0, figure, moment, rules)


def _raise_loud(
    connection: Connection, one: LoudSource, figure: str, moment: datetime, day: date, rules: Rules
) -> Alert | None:
    """A source that brings far more than ever alerts once a day, at the lowest level: it may be a broken export, or the city."""
    incident = digest("loud", one.source, str(day))
    rule = f"{day} 来件 {one.count:,}，此前 60 天最多一天 {one.most:,}；请核对是否重复导出"
    return _raise_source(connection, incident, f"数据源“{one.source}”来件骤增", rule, one.count, figure, moment, rules)


def _raise_source(connection: Connection, incident: str, title: str, rule: str, count: int, figure: str, moment: datetime,
                  rules: Rules) -> Alert | None:  # fmt: skip
    if connection.execute(select(alerts.c.id).where(alerts.c.incident == incident)).first():
        return None
    minutes = rules.acknowledge_minutes(Level.BLUE)
    return Alert(
        id=digest("alert", incident, Level.BLUE), incident=incident, kind="source", level=Level.BLUE, title=title, rule=rule, people=0,
        count=count, raised_at=moment, acknowledge_by=None if minutes is None else moment + timedelta(minutes=minutes), state="raised",
        figure=figure,
    )  # fmt: skip


def known_incident(connection: Connection, record_ids: Sequence[str]) -> str | None:
    """The incident that most of the records were alerted with before; the first key at a tie."""
    found: Counter[str] = Counter()
    for begin in range(0, len(record_ids), _CHUNK):
        chunk = record_ids[begin : begin + _CHUNK]
        found.update(
            connection.execute(select(alert_members.c.incident).where(alert_members.c.record_id.in_(chunk))).scalars()
        )
    return min(found, key=lambda key: (-found[key], key)) if found else None


def row_of(alert: Alert) -> dict[str, object]:
    """What stands in the table."""
    return {
        "id": alert.id, "incident": alert.incident, "kind": alert.kind, "level": str(alert.level), "rank": LEVELS.index(alert.level),
        "title": alert.title, "rule": alert.rule, "people": alert.people, "count": alert.count,
        "raised_at": alert.raised_at.timestamp(), "acknowledge_by": alert.acknowledge_by and alert.acknowledge_by.timestamp(),
        "state": alert.state, "figure": alert.figure,
    }  # fmt: skip


def alert_of(row: object) -> Alert:
    """The alert of a row of the table."""
    values = dict(row._mapping)  # type: ignore[attr-defined]
    rank = values.pop("rank")
    due = values["acknowledge_by"]
    values |= {"level": LEVELS[rank], "raised_at": datetime.fromtimestamp(values["raised_at"], UTC),
               "acknowledge_by": None if due is None else datetime.fromtimestamp(due, UTC)}  # fmt: skip
    return Alert(**values)
