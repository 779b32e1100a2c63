"""Alerts: the page, the data, and the steps that people take."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import alerts, frames
from api.auth import Allow, house_of, scoped
from dashboards import pages
from models.alert import AlertDelivery, AlertFacts, AlertList, AlertStep
from models.clock import now
from models.errors import BadRequest, BadSetting, NotFound
from models.labels import Role
from models.viewer import Viewer

router = APIRouter()
READERS = Allow(Role.LEADER, Role.ANALYST, Role.OPERATOR)
Reading = Annotated[Viewer, Depends(READERS)]
Deciding = Annotated[Viewer, Depends(Allow(Role.LEADER, Role.ANALYST))]


@router.get("/alerts", include_in_schema=False)
def page(request: Request, viewer: Reading) -> Response:
    """待办, or with `?show=all` every alert."""
    from dashboards.views.alerts import alerts_view

    reader, everything = scoped(request, viewer), request.query_params.get("show") == "all"
    rows = alerts.told(house_of(request), reader, only_open=not everything)
    frame = frames.frame_of(request, reader, "hotspots", kind="none")
    return HTMLResponse(pages.render_alerts(alerts_view(rows, everything=everything, now=now()), frame))


@router.get("/alerts/rules", include_in_schema=False)
def rules(request: Request, viewer: Deciding) -> Response:
    """规则: the versions, and a form for a new one."""
    return _rules_page(request, viewer)


@router.post("/alerts/rules/{what}", include_in_schema=False)
def change_rules(
    request: Request, what: str, viewer: Deciding, text: Annotated[str, Form(max_length=60_000)] = ""
) -> Response:
    """`trial`: what the version would have raised; `use`: put it in force from its day on. Wrong rules come back with the repair."""
    if what not in ("trial", "use"):
        raise NotFound(what=f"地址 {request.url.path}")
    text = text.replace("\r\n", "\n")
    try:
        if what == "use":
            return _rules_page(
                request, viewer, used=alerts.use_rules(house_of(request), scoped(request, viewer), text).version
            )
        return _rules_page(
            request, viewer, text=text, trial=alerts.try_rules(house_of(request), scoped(request, viewer), text)
        )
    except (BadRequest, BadSetting) as error:
        return _rules_page(request, viewer, text=text, problem=error.message, status=400)


def _rules_page(request: Request, viewer: Viewer, *, text: str = "", trial: alerts.Tried | None = None, problem: str = "",
                used: str = "", status: int = 200) -> Response:  # fmt: skip
    from dashboards.views.alert_rules import rules_view, trial_of

    house, reader = house_of(request), scoped(request, viewer)
    known, saved, now_in_force, shipped = alerts.rules_of(house, reader)
    shown = trial_of((trial.old_version, trial.old), (trial.new_version, trial.new), trial.days) if trial else None
    view = rules_view(known, saved, now_in_force, text or shipped, problem=problem, used=used, trial=shown)
    frame = frames.frame_of(request, reader, "hotspots", kind="none")
    return HTMLResponse(pages.render_alert_rules(view, frame), status_code=status)


@router.post("/alerts/{alert}/{step}", include_in_schema=False)
def act(request: Request, alert: str, step: str, viewer: Reading, note: Annotated[str, Form(max_length=1_000)] = "",
        hours: Annotated[float, Form(ge=0, le=168)] = 0.0) -> Response:  # fmt: skip
    """One step; the answer leads back to the page."""
    alerts.take_step(house_of(request), scoped(request, viewer), alert, step, note=note, hours=hours)
    return RedirectResponse("/alerts", status_code=303)


@router.get("/figures/alerts", tags=["answers"])
def data(request: Request, viewer: Reading) -> AlertList:
    """The latest alerts, newest first, with their log and to whom they were sent."""
    rows = alerts.told(house_of(request), scoped(request, viewer))
    return AlertList(alerts=tuple(_public(row) for row in rows))


def _public(row: alerts.Told) -> AlertFacts:
    own = {
        name: getattr(row.alert, name)
        for name in AlertFacts.model_fields
        if name not in ("incident", "steps", "deliveries")
    }
    return AlertFacts(
        **own, incident=row.incident,
        steps=tuple(AlertStep(**{name: getattr(step, name) for name in AlertStep.model_fields}) for step in row.steps),
        deliveries=tuple(AlertDelivery(**{name: getattr(one, name) for name in AlertDelivery.model_fields}) for one in row.deliveries),
    )  # fmt: skip
