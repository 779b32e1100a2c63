"""Hot-search lists: the page, one event, the data."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from api import frames
from api.auth import BUSINESS, house_of, scoped
from api.day import Day
from api.routes.pages import ROLES
from api.streams import DAYS, last_day, period_of, public_event
from dashboards import pages
from models.clock import day_start
from models.stream import StreamList
from models.viewer import Viewer

router = APIRouter()
Reading = Annotated[Viewer, Depends(ROLES["hotspots"])]
SHOWN = 100


@router.get("/streams", include_in_schema=False)
def streams(request: Request, viewer: Reading) -> Response:
    """网络热榜 of a period; `?source=` chooses the list."""
    from dashboards.views.streams import streams_view
    from indices.streams.events import list_events
    from indices.streams.ranks import sources_of

    house, reader = house_of(request), scoped(request, viewer)
    folder = house.folder / "streams"
    sources = sources_of(folder)
    source = request.query_params.get("source") or (sources[0] if sources else "")
    found, since, until = [], None, None
    if source in sources:
        since, until = frames.chosen_period(request, last_day(folder, source), DAYS)
        found = list_events(folder, source, day_start(since), day_start(until + timedelta(days=1)), top=SHOWN)
    house.audit.note(viewer.name, "streams.list", source)
    frame = frames.frame_of(
        request, reader, "hotspots", since=since, until=until, kind="range" if source in sources else "none"
    )
    return HTMLResponse(pages.render_streams(streams_view(found, sources=sources, source=source), frame))


@router.get("/streams/{source}/{event}", include_in_schema=False)
def stream_event(request: Request, source: str, event: str, viewer: Reading) -> Response:
    """One event with its curve and the orders of the viewer's districts about the same."""
    from dashboards.views.streams import stream_view
    from indices.streams.events import find_event
    from indices.streams.links import links

    house, reader = house_of(request), scoped(request, viewer)
    one = find_event(house.folder / "streams", source, event)
    house.audit.note(viewer.name, "streams.read", f"{source} {event[:40]}")
    view = stream_view(one, links(reader, one), source=source)
    return HTMLResponse(pages.render_stream(view, frames.frame_of(request, reader, "hotspots", kind="none")))


@router.get("/figures/streams", tags=["answers"])
def data(request: Request, viewer: Annotated[Viewer, Depends(BUSINESS)], source: Annotated[str, Query(max_length=40)] = "weibo",
         since: Day = None, until: Day = None, top: Annotated[int, Query(ge=1, le=500)] = 50) -> StreamList:  # fmt: skip
    """Events of a hot-search list in a period (default: the last seven days that are kept)."""
    from indices.streams.events import list_events
    from indices.streams.ranks import sources_of

    folder = house_of(request).folder / "streams"
    house_of(request).audit.note(viewer.name, "streams.list", source)
    if source not in sources_of(folder):
        return StreamList(events=())
    begin, end = period_of(folder, source, since, until)
    return StreamList(events=tuple(map(public_event, list_events(folder, source, begin, end, top=top))))
