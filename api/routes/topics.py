"""新话题: the page, and making a class of a topic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import frames, topics
from api.auth import Allow, house_of, scoped
from dashboards import pages
from models.errors import NotFound
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
Reading = Annotated[Viewer, Depends(Allow(Role.LEADER, Role.ANALYST, Role.RESEARCHER))]
Deciding = Annotated[Viewer, Depends(Allow(Role.ANALYST))]


@router.get("/topics")
def page(request: Request, viewer: Reading) -> Response:
    """New topics, the fastest growing first."""
    from dashboards.views.topics import topics_view
    from indices.topics.register import list_topics

    house, reader = house_of(request), scoped(request, viewer)
    topics.city_only(reader)
    house.audit.note(viewer.name, "topics.list", "")
    view = topics_view(list_topics(house.database), reader.get, may_decide=viewer.role is Role.ANALYST)
    return HTMLResponse(pages.render_topics(view, frames.frame_of(request, reader, "hotspots", kind="none")))


@router.post("/topics/{topic}/{deed}")
def decide(
    request: Request, topic: int, deed: str, viewer: Deciding, name: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """adopt or drop."""
    house, reader = house_of(request), scoped(request, viewer)
    if deed == "adopt":
        topics.adopt(house, reader, topic, name)
    elif deed == "drop":
        topics.drop(house, reader, topic)
    else:
        raise NotFound(what=f"地址 {request.url.path}")
    return RedirectResponse("/topics", status_code=303)
