"""订阅: one's own keyword subscriptions and what they found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import frames
from api.auth import BUSINESS, house_of, scoped
from dashboards import pages
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
Own = Annotated[Viewer, Depends(BUSINESS)]


@router.get("/subscriptions")
def page(request: Request, viewer: Own) -> Response:
    """One's own, each with its latest hits."""
    from dashboards.views.subscriptions import subscriptions_view
    from indices.subscriptions import hits_of, mine

    house, reader = house_of(request), scoped(request, viewer)
    house.audit.note(viewer.name, "subscriptions.list", "")
    own = [(one, hits_of(house.database, viewer.name, one.id, limit=10)) for one in mine(house.database, viewer.name)]
    view = subscriptions_view(own, reader.get)
    return HTMLResponse(pages.render_subscriptions(view, frames.frame_of(request, reader, "hotspots", kind="none")))


@router.post("/subscriptions")
def add(request: Request, viewer: Own, query: Annotated[str, Form(max_length=1_000)]) -> Response:
    """A new one; what cannot be parsed is refused with the place."""
    from indices.subscriptions import subscribe

    house = house_of(request)
    made = subscribe(house.database, viewer, query)
    house.audit.note(viewer.name, "subscriptions.add", f"{made.id} {made.query}")
    return RedirectResponse("/subscriptions", status_code=303)


@router.post("/subscriptions/{subscription}/remove")
def remove(request: Request, subscription: int, viewer: Own) -> Response:
    """End one's own."""
    from indices.subscriptions import unsubscribe

    house = house_of(request)
    unsubscribe(house.database, viewer.name, subscription)
    house.audit.note(viewer.name, "subscriptions.remove", str(subscription))
    return RedirectResponse("/subscriptions", status_code=303)
