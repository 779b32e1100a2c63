"""分派台: one order at a time; a decision is one request and answers with the next order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import answers, frames
from api.auth import Allow, house_of, scoped
from api.routes.pages import HOTSPOT_DAYS, TOP
from dashboards import pages
from dashboards.frame import PAGES
from dashboards.views.desk import ACTIONS, Counters, Decided, DeskView, by_urgency_and_doubt, desk_view
from dashboards.views.records import title_of
from indices.access import ScopedStore
from indices.civic.decisions import Action
from models.clock import city_day, day_start, now
from models.errors import BadRequest, NotFound
from models.figures import Hotspot
from models.labels import DEPARTMENTS, Status
from models.query import MAX_PAGE, MAX_WINDOW, Query
from models.record import Record
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
OPERATORS = Allow(*next(entry.roles for entry in PAGES if entry.key == "desk"))
Operator = Annotated[Viewer, Depends(OPERATORS)]
OPEN = (Status.WAITING.value, Status.ACCEPTED.value, Status.TO_DISPATCH.value, Status.RETURNED.value)
URGENT = ("3", "2")  # looked for by themselves: the newest orders may be many
QUEUE = 100
IDS_AT_ONCE = 10_000  # SQLite takes 32,766 values in one statement
LOOK_PAGES = 5  # of a feed without status: orders that have a department already lie between those that have none


@dataclass(frozen=True, slots=True)
class Waiting:
    """`orders`: at most QUEUE, in the order in which they are to be worked on. `count`: how many wait in all.

    `at_least`: more may wait than are counted, because not everything was looked at.
    """

    orders: list[Record]
    count: int
    at_least: bool = False


def waiting_orders(request: Request, reader: ScopedStore) -> Waiting:
    """Orders that nobody decided on yet. Feeds that export no status: the newest ones without a department.

    A decided order stays open in its feed for a while, so the store is read page by page until enough undecided ones are found.
    """
    district = frames.chosen_district(request, reader)
    within = Query(size=MAX_PAGE, filters={"district": (district,)} if district else {})
    standing = house_of(request).decisions.standing
    found: dict[str, Record] = {}

    def collect(query: Query, pages: int, wanted: Callable[[Record], bool] = lambda _: True) -> bool:
        """Whether all of it was looked at."""
        for page in range(pages):
            answer = reader.search(query.model_copy(update={"offset": page * MAX_PAGE}))
            records = [hit.record for hit in answer.hits]
            known = standing([record.id for record in records])
            found.update({record.id: record for record in records if record.id not in known and wanted(record)})
            if (page + 1) * MAX_PAGE >= answer.total:
                return True
            if len(found) >= QUEUE:
                break
        return False

    is_open = within.narrowed(status=OPEN)
    if ids := [bucket.keys[0] for bucket in reader.aggregate(is_open, ["id"])]:
        for query in (*(is_open.narrowed(urgency=(level,)) for level in URGENT), is_open):
            if len(found) < QUEUE:
                collect(query, MAX_WINDOW // MAX_PAGE)
        parts = (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
        count, at_least = len(ids) - sum(len(standing(part)) for part in parts), False
    else:
        at_least = not collect(within, LOOK_PAGES, lambda record: record.status is None and record.department is None)
        count = len(found)
    return Waiting(by_urgency_and_doubt(list(found.values()))[:QUEUE], count, at_least)


def _view(request: Request, reader: ScopedStore, *, chosen: str | None = None) -> DeskView:
    house = house_of(request)
    waiting = waiting_orders(request, reader)
    queue = waiting.orders
    record = next((one for one in queue if one.id == chosen), queue[0] if queue else None)
    tally = house.decisions.tally(reader.viewer.name, day_start(city_day(now())).timestamp())
    decided = tally.accepted + tally.changed + tally.to_person + tally.merged
    counters = Counters(
        decided=decided,
        accepted=tally.accepted,
        changed=tally.changed,
        to_person=tally.to_person,
        waiting=waiting.count,
        waiting_at_least=waiting.at_least,
    )
    current = None
    if record is not None:
        routing = answers.route(
            house, reader, record.title, record.text, record.district, record.street, exclude=record.id
        )
        current = (record, routing)
    incident = _incident(request, reader, record) if record is not None else None
    return desk_view(
        queue, now=now(), current=current, counters=counters, last=_last(request, reader), incident=incident,
        departments=house.annotator.classifier.heads["department"],
    )  # fmt: skip


def _incident(request: Request, reader: ScopedStore, record: Record) -> Hotspot | None:
    """The hotspot of the last week that the order belongs to; the figure is kept, so this costs nothing on most requests."""
    fresh = frames.freshness(house_of(request), reader)
    last = city_day(fresh.newest or now())
    found = answers.hotspots(house_of(request), reader, last - timedelta(days=HOTSPOT_DAYS - 1), last + timedelta(days=1), top=TOP,
                             district=frames.chosen_district(request, reader))  # fmt: skip
    return next((one for one in found.hotspots if record.id in one.record_ids and record.id != one.record_ids[0]), None)


def _last(request: Request, reader: ScopedStore) -> Decided | None:
    """What this person decided last and can still take back, after a reload too."""
    decision = house_of(request).decisions.last(reader.viewer.name)
    if decision is None or (record := reader.get(decision.record_id)) is None:
        return None
    return _decided(reader, record, decision.action, decision.department)


@router.get("/desk")
def desk(request: Request, viewer: Operator) -> Response:
    reader = scoped(request, viewer)
    view = _view(request, reader, chosen=request.query_params.get("id"))
    return HTMLResponse(pages.render_desk(view, frames.frame_of(request, reader, "desk", kind="none")))


@router.get("/desk/next")
def next_order(request: Request, viewer: Operator) -> Response:
    reader = scoped(request, viewer)
    view = _view(request, reader, chosen=request.query_params.get("id"))
    return HTMLResponse(pages.render_desk_work(view, frames.frame_of(request, reader, "desk", kind="none")))


@router.post("/desk/{record_id}/decide")
def decide(request: Request, record_id: str, viewer: Operator, action: Annotated[str, Form(max_length=20)],
           department: Annotated[str, Form(max_length=100)] = "", into: Annotated[str, Form(max_length=64)] = "") -> Response:  # fmt: skip
    """Accept a candidate, choose another department, hand to a person, merge, or take the last decision back."""
    if action not in ACTIONS:
        raise BadRequest(name="action", value=action, reason=f"应为 {'、'.join(ACTIONS)} 之一")
    reader, house = scoped(request, viewer), house_of(request)
    chosen = None
    if action == "undo":
        chosen = what = house.decisions.undo(viewer.name).record_id
    else:
        target = _decide(request, reader, record_id, cast(Action, action), department, into)
        what = f"{record_id} {target}".strip()
    house.audit.note(viewer.name, f"desk.{action}", what)
    if "hx-request" not in request.headers:
        return RedirectResponse("/desk", status_code=303)
    view = _view(request, reader, chosen=chosen)
    return HTMLResponse(pages.render_desk_work(view, frames.frame_of(request, reader, "desk", kind="none")))


def _decide(request: Request, reader: ScopedStore, record_id: str, action: Action, department: str, into: str) -> str:
    """Keep the decision; its target: a department, an order, or nothing. Raises NotFound, BadRequest."""
    record, target = _order(reader, record_id), ""
    if action in ("accept", "department"):
        offices = house_of(request).annotator.classifier.heads[
            "department"
        ]  # of the city's own model, where it has one
        if department not in offices:
            raise BadRequest(name="department", value=department, reason=f"应为 {'、'.join(offices)} 之一")
        target = department
    elif action == "merge":
        if into in ("", record_id):
            raise BadRequest(name="into", value=into, reason="应为另一件工单的记录号")
        target = _order(reader, into).id
    standing = house_of(request).decisions.standing([record_id]).get(record_id)
    if standing is not None and standing.who != reader.viewer.name:
        raise BadRequest(
            name="工单", value=record.native_id or record_id, reason=f"已由 {standing.who} 处理，请看下一件"
        )
    note = record.annotation
    suggested = note.departments[0].label if note and note.departments else ""
    house_of(request).decisions.decide(record_id, reader.viewer.name, action, department=target, suggested=suggested)
    return target


def _order(reader: ScopedStore, record_id: str) -> Record:
    record = reader.get(record_id)
    if record is None:
        raise NotFound(what=f"工单 {record_id[:40]}")
    return record


def _decided(reader: ScopedStore, record: Record, action: Action, target: str) -> Decided:
    name = DEPARTMENTS.get(target, target)
    if action == "merge" and (main := reader.get(target)) is not None:
        name = main.native_id or main.id[:12]
    words = {
        "accept": f"已派 {name}",
        "department": f"已改派 {name}",
        "person": "已转人工",
        "merge": f"已并入 {name}",
    }
    return Decided(record.id, f"{title_of(record)}：{words[action]}")
