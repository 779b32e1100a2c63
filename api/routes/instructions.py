"""批示: the page, and what leaders and offices do there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import frames, instructions
from api.auth import Allow, house_of, scoped
from api.questions import parse_day
from api.routes.pages import newest_day
from dashboards import pages
from models.errors import NotFound
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
Reading = Annotated[Viewer, Depends(Allow(Role.LEADER, Role.ANALYST, Role.OPERATOR))]
Leading = Annotated[Viewer, Depends(Allow(Role.LEADER))]


@router.get("/instructions")
def page(request: Request, viewer: Reading) -> Response:
    """Every note, the most pressing first; a leader may add one to the newest day's briefing."""
    from dashboards.views.instructions import InstructionsView

    reader = scoped(request, viewer)
    rows = instructions.instructions_of(house_of(request), reader)
    if rows is None:
        raise NotFound(what="地址 /instructions")
    view = InstructionsView(rows, f"briefing:{newest_day(request, reader)}")
    return HTMLResponse(pages.render_instructions(view, frames.frame_of(request, reader, "today", kind="none")))


@router.post("/instructions")
def add(request: Request, viewer: Leading, about: Annotated[str, Form(max_length=64)], text: Annotated[str, Form(max_length=4_000)],
        owner: Annotated[str, Form(max_length=200)], due: Annotated[str, Form(max_length=10)]) -> Response:  # fmt: skip
    """A new note; the answer leads to what it is about."""
    made = instructions.add(house_of(request), scoped(request, viewer), about, text, owner, parse_day(due, "due"))
    kind, _, name = made.about.partition(":")
    return RedirectResponse(f"/incidents/{name}" if kind == "incident" else "/instructions", status_code=303)


@router.post("/instructions/{instruction}/{act}")
def act(
    request: Request, instruction: int, act: str, viewer: Reading, text: Annotated[str, Form(max_length=4_000)] = ""
) -> Response:
    """answer or close."""
    house, reader = house_of(request), scoped(request, viewer)
    if act == "answer":
        instructions.answer(house, reader, instruction, text)
    elif act == "close":
        instructions.close(house, reader, instruction)
    else:
        raise NotFound(what=f"地址 {request.url.path}")
    return RedirectResponse("/instructions", status_code=303)
