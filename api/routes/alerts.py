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
from models.labels import Role
from models.viewer import Viewer

router = APIRouter()
READERS = Allow(Role.LEADER, Role.ANALYST, Role.OPERATOR)
Reading = Annotated[Viewer, Depends(READERS)]


@router.get("/alerts", include_in_schema=False)
def page(request: Request, viewer: Reading) -> Response:
    """待办, or with `?show=all` every alert."""
    from dashboards.views.alerts import alerts_view

    reader, everything = scoped(request, viewer), request.query_params.get("show") == "all"
    rows = alerts.told(house_of(request), reader, only_open=not everything)
    frame = frames.frame_of(request, reader, "hotspots", kind="none")
    return HTMLResponse(pages.render_alerts(alerts_view(rows, everything=everything, now=now()), frame))


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
