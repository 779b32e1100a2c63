"""The register of incidents: pages, data, and the changes that people make."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import frames
from api.auth import BUSINESS, Allow, house_of, scoped
from api.briefings import make_incident_paper, template_of, word_template_of
from api.incidents import account_of, change, listed, public_account, public_list
from api.instructions import instructions_of
from api.routes.pages import ROLES
from dashboards import pages
from models.clock import now
from models.incident import IncidentAccount, IncidentList
from models.labels import Role
from models.viewer import Viewer

router = APIRouter()
CHANGERS = frozenset({Role.LEADER, Role.ANALYST, Role.OPERATOR})
Reading = Annotated[Viewer, Depends(ROLES["hotspots"])]


@router.get("/incidents", include_in_schema=False)
def incidents(request: Request, viewer: Reading) -> Response:
    """事件台账, filtered by `?state=`."""
    from dashboards.views.incidents import incidents_view

    reader, state = scoped(request, viewer), request.query_params.get("state") or ""
    rows = [(row.incident, row.count) for row in listed(house_of(request), reader, [state] if state else ())]
    frame = frames.frame_of(request, reader, "hotspots", kind="none")
    return HTMLResponse(pages.render_incidents(incidents_view(rows, state=state, now=now()), frame))


@router.get("/incidents/{number}/paper.docx", include_in_schema=False)
def paper(request: Request, number: str, viewer: Reading) -> Response:
    """The paper about one incident in the layout of official documents."""
    from dashboards.word import MEDIA_TYPE, word

    made = make_incident_paper(house_of(request), scoped(request, viewer), number)
    headers = {"Content-Disposition": f'attachment; filename="incident-{number}.docx"'}
    return Response(word(made, word_template_of(house_of(request))), media_type=MEDIA_TYPE, headers=headers)


@router.get("/incidents/{number}/paper.pdf", include_in_schema=False)
def paper_pdf(request: Request, number: str, viewer: Reading) -> Response:
    """The same paper as PDF."""
    from dashboards.pdf import MEDIA_TYPE, pdf

    made = make_incident_paper(house_of(request), scoped(request, viewer), number)
    headers = {"Content-Disposition": f'inline; filename="incident-{number}.pdf"'}
    return Response(pdf(made, template_of(house_of(request))), media_type=MEDIA_TYPE, headers=headers)


@router.get("/incidents/{number}", include_in_schema=False)
def incident(request: Request, number: str, viewer: Reading) -> Response:
    """One incident; a number that was merged shows what it went into."""
    from dashboards.views.incidents import incident_view

    reader = scoped(request, viewer)
    found = account_of(house_of(request), reader, number)
    notes = instructions_of(house_of(request), reader, f"incident:{found.incident.number}")
    view = incident_view(found, asked=number, may_change=viewer.role in CHANGERS, instructions=notes)
    return HTMLResponse(pages.render_incident(view, frames.frame_of(request, reader, "hotspots", kind="none")))


@router.post("/incidents/{number}/{action}", include_in_schema=False)
def act(request: Request, number: str, action: str, viewer: Annotated[Viewer, Depends(Allow(*CHANGERS))],
        text: Annotated[str, Form(max_length=4_000)] = "", into: Annotated[str, Form(max_length=32)] = "",
        records: Annotated[list[str] | None, Form(max_length=1_000)] = None) -> Response:  # fmt: skip
    """One change; the answer leads back to the incident, or to the one that it became."""
    change(
        house_of(request), scoped(request, viewer), number, action, text=text, into=into.strip(), records=records or ()
    )
    return RedirectResponse(f"/incidents/{number}", status_code=303)


@router.get("/figures/incidents", tags=["answers"])
def incidents_data(request: Request, viewer: Annotated[Viewer, Depends(BUSINESS)], state: str = "") -> IncidentList:
    """The register: incidents that were not merged, the latest record first."""
    return public_list(listed(house_of(request), scoped(request, viewer), [state] if state else ()))


@router.get("/figures/incidents/{number}", tags=["answers"])
def incident_data(request: Request, number: str, viewer: Annotated[Viewer, Depends(BUSINESS)]) -> IncidentAccount:
    """One incident: counts, timeline, suggestions, likeness, log."""
    return public_account(account_of(house_of(request), scoped(request, viewer), number))
