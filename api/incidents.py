"""The register as a viewer may see it: one way for the command line, the API and the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from indices.access import ScopedStore, visible_ids
from models.clock import city_day, now
from models.errors import BadRequest, NotFound
from models.incident import IncidentAccount, IncidentChange, IncidentFacts, IncidentList

if TYPE_CHECKING:
    from api.wiring import House
    from indices.incidents.account import Account
    from indices.incidents.changes import Change, Changes
    from indices.incidents.register import Incident, TakenIn
    from models.figures import Hotspot

RECORDED: Final = 100
"""Hotspots of a figure that are taken into the register."""
LISTED: Final = 200
ACTIONS: Final = (
    "confirm",
    "reject",
    "handle",
    "close",
    "reopen",
    "rename",
    "note",
    "merge",
    "split",
    "move",
    "fold",
    "keep",
    "undo",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident in a list. `count`: records that the viewer may see."""

    incident: Incident
    count: int


def take_in(house: House, found: Sequence[Hotspot]) -> TakenIn:
    """Enter the hotspots of the whole city; raises nothing for what is known already."""
    from indices.incidents import register

    return register.take_in(house.database, found)


def listed(house: House, reader: ScopedStore, states: Sequence[str] = ()) -> list[Listed]:
    """Incidents of which the viewer may see a record, the latest first. Raises BadRequest for a state that is none."""
    from indices.incidents import register

    for state in states:
        if state not in register.STATE_NAMES:
            raise BadRequest(name="state", value=state[:40], reason=f"应为 {'、'.join(register.STATE_NAMES)} 之一")
    house.audit.note(reader.viewer.name, "incidents.list", ",".join(states))
    if not reader.viewer.sees_business:
        return []
    known = register.list_incidents(house.database, states=states, limit=LISTED)
    held = {one.number: register.records_of(house.database, one.number) for one in known}
    if reader.viewer.districts is None:
        return [Listed(one, len(held[one.number])) for one in known if held[one.number]]
    seen = visible_ids(reader, [record for records in held.values() for record in records])
    return [row for one in known if (row := _through(reader, one, held[one.number], seen))]


def account_of(house: House, reader: ScopedStore, number: str) -> Account:
    """An incident, by any number that leads to it. Raises NotFound where there is none or the viewer may see none of its records."""
    from indices.incidents.account import account
    from indices.incidents.register import living

    house.audit.note(reader.viewer.name, "incident.read", number[:40])
    found = account(house.database, reader, living(house.database, number), today=city_day(now()))
    if found is None:
        raise NotFound(what=f"事件 {number[:40]}")
    if found.hidden:
        found = replace(found, incident=_titled(found.incident, found.records[0].title or found.records[0].text[:30]))
    return found


def change(house: House, reader: ScopedStore, number: str, action: str, *, text: str = "", into: str = "",
           records: Sequence[str] = ()) -> Change:  # fmt: skip
    """One of `ACTIONS` by the viewer, who has to see all of the incidents that it touches.

    Raises:
        BadRequest: an action that is none, or that the state does not allow.
        NotFound: an incident that is not there or of which the viewer does not see everything.
    """
    from indices.incidents.changes import Changes

    if action not in ACTIONS:
        raise BadRequest(name="action", value=action[:40], reason=f"应为 {'、'.join(ACTIONS)} 之一")
    for touched in filter(None, (number, into)):
        if account_of(house, reader, touched).hidden:
            raise NotFound(what=f"事件 {touched[:40]}")
    changes = Changes(house.database, reader.viewer.name)
    done = _made(changes, number, action, text, into, records)
    house.audit.note(reader.viewer.name, f"incident.{action}", f"{number} {into}".strip())
    return done


def public_list(found: Sequence[Listed]) -> IncidentList:
    """The public form of a list."""
    return IncidentList(incidents=tuple(IncidentFacts(**_facts(row.incident, row.count)) for row in found))


def public_account(found: Account) -> IncidentAccount:
    """The public form of an account."""
    like = [
        {"number": one.incident.number, "title": one.incident.title, "likeness": one.likeness, "ended": one.ended}
        for one in found.like
    ]
    return IncidentAccount.model_validate({
        **_facts(found.incident, len(found.records)), "people": found.people, "hidden": found.hidden, "channels": dict(found.channels),
        "districts": dict(found.districts), "departments": dict(found.departments), "like": like,
        "record_ids": [record.id for record in found.records], "days": [asdict(day) for day in found.days],
        "timeline": [asdict(one) for one in found.timeline],
        "folds": [{"record_ids": one.record_ids, "evidence": one.evidence} for one in found.folds],
        "log": [{name: getattr(one, name) for name in IncidentChange.model_fields} for one in found.log],
    })  # fmt: skip


def _facts(one: Incident, count: int) -> dict[str, Any]:
    return {"count": count, **{name: getattr(one, name) for name in IncidentFacts.model_fields if name != "count"}}


def _made(changes: Changes, number: str, action: str, text: str, into: str, records: Sequence[str]) -> Change:
    if action in ("fold", "keep"):
        return changes.judge_fold(number, records, fold=action == "fold")
    ways: dict[str, Callable[[], Change]] = {
        "rename": lambda: changes.rename(number, text),
        "note": lambda: changes.note(number, text),
        "merge": lambda: changes.merge(number, _given("into", into)),
        "split": lambda: changes.split(number, records, text),
        "move": lambda: changes.move(number, records, _given("into", into)),
        "undo": lambda: changes.undo(number),
    }
    return ways[action]() if action in ways else changes.step(number, action, text)


def _given(name: str, value: str) -> str:
    if not value:
        raise BadRequest(name=name, value=value, reason="请写另一个事件的编号，如 SJ2026-00017")
    return value


def _through(reader: ScopedStore, one: Incident, records: Sequence[str], seen: set[str]) -> Listed | None:
    """The incident as those of its records show it that the viewer may see: nobody reads another district's words in a title."""
    own = [record for record in records if record in seen]
    if not own:
        return None
    if len(own) == len(records):
        return Listed(one, len(own))
    first = reader.get(own[0])
    return Listed(_titled(one, (first.title or first.text[:30]) if first else ""), len(own))


def _titled(one: Incident, title: str) -> Incident:
    return replace(one, title=title, place="")
