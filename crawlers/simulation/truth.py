"""The truth behind a simulation, written beside it: events, offices, shocks and serial callers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from crawlers.simulation.life import true_satisfaction
from crawlers.simulation.plan import place_name

if TYPE_CHECKING:
    from crawlers.simulation.orders import Simulation


def truth_of(simulation: Simulation) -> dict[str, Any]:
    """A dictionary for JSON: `events` with the native ids of their orders, `units` with quality and satisfaction (0–100)."""
    plan, city = simulation.plan, simulation.city
    ids = plan.native_ids()
    by_event: dict[int, list[str]] = {}
    by_serial: dict[int, list[str]] = {}
    for native_id, event, serial in zip(ids, plan.event.tolist(), plan.serial.tolist(), strict=True):
        if event >= 0:
            by_event.setdefault(event, []).append(native_id)
        if serial >= 0:
            by_serial.setdefault(serial, []).append(native_id)
    return {
        "city": city.name,
        "seed": simulation.seed,
        "start": simulation.start.isoformat(),
        "end": simulation.end.isoformat(),
        "orders": len(plan),
        "events": [_event(simulation, number, by_event.get(number, [])) for number in range(len(plan.events))],
        "units": [
            {"unit": unit.name, "code": unit.code, "district": unit.district, "quality": unit.quality,
             "satisfaction": round(true_satisfaction(unit.quality), 2)}
            for unit in city.units
        ],
        "shocks": [
            {"issue": simulation.issues[shock.issue].key, "start": _day(simulation.start, shock.first_day),
             "end": _day(simulation.start, shock.first_day + shock.days - 1), "height": shock.height}
            for shock in plan.shocks
        ],
        "serial_callers": [
            {"issue": simulation.issues[plan.serials[number][0]].key, "native_ids": native_ids}
            for number, native_ids in sorted(by_serial.items())
        ],
    }  # fmt: skip


def _event(simulation: Simulation, number: int, native_ids: list[str]) -> dict[str, Any]:
    event = simulation.plan.events[number]
    issue, street = simulation.issues[event.issue], simulation.city.streets[event.street]
    return {
        "id": event.name, "issue": issue.key, "name": issue.name, "topic": issue.topic, "subtopic": issue.subtopic,
        "unit": simulation.city.unit(issue.department, street.district).name, "district": street.district,
        "street": street.name, "place": place_name(simulation.city, issue, event), "start": _day(simulation.start, event.first_day),
        "end": _day(simulation.start, event.last_day), "size": event.size, "native_ids": native_ids,
    }  # fmt: skip


def _day(start: date, number: int) -> str:
    return (start + timedelta(days=number)).isoformat()
