"""Alerts as a viewer may see them, and the steps that he may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from indices.access import ScopedStore, visible_ids
from models.clock import city_day, now
from models.errors import BadRequest, NotFound
from models.query import Query

if TYPE_CHECKING:
    from api.wiring import House
    from indices.alerts.life import Step
    from indices.alerts.outbox import Delivery
    from indices.alerts.rules import Raised, Saved
    from indices.civic.alerts import Alert
    from indices.civic.levels import Rules

LISTED: Final = 200
OPEN: Final = frozenset({"raised", "acknowledged"})


@dataclass(frozen=True, slots=True)
class Told:
    """An alert with what became of it. `incident`: its number in the register, "" while it has none."""

    alert: Alert
    incident: str
    steps: tuple[Step, ...]
    deliveries: tuple[Delivery, ...]


def told(house: House, reader: ScopedStore, *, only_open: bool = False, limit: int = LISTED) -> list[Told]:
    """The latest alerts of which the viewer may see every record; who sees some districts only is not told of silent sources."""
    from indices.alerts.life import steps_of
    from indices.alerts.outbox import list_deliveries
    from indices.civic.alerts import list_alerts, records_of_incidents
    from indices.incidents.register import numbers_of

    house.audit.note(reader.viewer.name, "alerts.list", "open" if only_open else "")
    if not reader.viewer.sees_business:
        return []
    found = [one for one in list_alerts(house.database, limit=limit) if not only_open or one.state in OPEN]
    held = records_of_incidents(house.database, [one.incident for one in found])
    found = _visible(reader, found, held)
    numbers = numbers_of(house.database, [record for records in held.values() for record in records])
    return [
        Told(one, next((numbers[record] for record in held.get(one.incident, ()) if record in numbers), ""),
             tuple(steps_of(house.database, one.id)), tuple(list_deliveries(house.database, alert=one.id)))
        for one in found
    ]  # fmt: skip


def take_step(house: House, reader: ScopedStore, alert: str, kind: str, *, note: str = "", hours: float = 0.0) -> Alert:
    """A step of `indices.alerts.life.STEPS`, or snooze. Raises NotFound for what the viewer may not see, BadRequest."""
    from indices.alerts import life
    from indices.civic.alerts import records_of_incidents

    one = life.find_alert(house.database, alert)
    held = records_of_incidents(house.database, [one.incident])
    if one.id != alert or not reader.viewer.sees_business or not _visible(reader, [one], held):
        raise NotFound(what=f"预警 {alert[:40]}")
    if kind == "snooze":
        if not hours > 0:
            raise BadRequest(name="hours", value=hours, reason="应为大于 0 的小时数")
        done = life.snooze(house.database, alert, reader.viewer.name, now() + timedelta(hours=hours), note)
    else:
        done = life.take_step(house.database, alert, kind, reader.viewer.name, note)
    house.audit.note(reader.viewer.name, f"alerts.{kind}", f"{alert} {one.title}")
    return done


def _visible(reader: ScopedStore, found: Sequence[Alert], held: Mapping[str, Sequence[str]]) -> list[Alert]:
    """Those of which the viewer may see every record (`held`: by incident); who sees the whole city sees all."""
    if reader.viewer.districts is None:
        return list(found)
    seen = visible_ids(reader, [record for records in held.values() for record in records])
    return [one for one in found if held.get(one.incident) and set(held[one.incident]) <= seen]


@dataclass(frozen=True, slots=True)
class Tried:
    """What the rules in force and a new version would have raised."""

    days: int
    old_version: str
    old: tuple[Raised, ...]
    new_version: str
    new: tuple[Raised, ...]


def rules_of(house: House, reader: ScopedStore) -> tuple[tuple[Rules, ...], list[Saved], Rules, str]:
    """Every version, those of the city, the one in force, and the text that a new one begins with. Raises NotFound as `_city`."""
    from importlib import resources

    from dashboards.views.alert_rules import next_text
    from indices.alerts import rules

    _city(reader)
    shipped = resources.files("indices.civic").joinpath("alert_rules.toml").read_text(encoding="utf-8")
    saved, day = rules.saved_rules(house.database), city_day(now())
    return rules.known_rules(house.database), saved, rules.in_force(house.database, day), next_text(shipped, day)


def try_rules(house: House, reader: ScopedStore, text: str) -> Tried:
    """Both on the last 90 days with data. Raises as `indices.alerts.rules.check_rules`, NotFound as `_city`."""
    from indices.alerts import rules

    _city(reader)
    wanted = rules.check_rules(house.database, text, today=city_day(now()))
    known = rules.in_force(house.database, city_day(now()))
    hits = reader.search(Query(size=1)).hits
    last = city_day(hits[0].record.created_at if hits else now())
    house.audit.note(reader.viewer.name, "alerts.trial", wanted.version)
    new, old = (rules.would_raise(rules.look_back(reader, last, one), one) for one in (wanted, known))
    return Tried(rules.TRIAL_DAYS, known.version, tuple(old), wanted.version, tuple(new))


def use_rules(house: House, reader: ScopedStore, text: str) -> Rules:
    """Put a version in force from its day on. Raises as `try_rules`."""
    from indices.alerts import rules

    _city(reader)
    made = rules.save_rules(house.database, text, reader.viewer.name)
    house.audit.note(reader.viewer.name, "alerts.rules", made.version)
    return made


def _city(reader: ScopedStore) -> None:
    """Rules are the whole city's. Raises NotFound for who sees some districts only."""
    if reader.viewer.districts is not None:
        raise NotFound(what="地址 /alerts/rules")
