"""检索: the page, its results as a partial, and the export of everything found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from api import frames
from api.auth import BUSINESS, house_of, scoped
from dashboards import pages
from dashboards.views.search import Ask, search_view
from indices.query_language import parse
from models.errors import BadRequest
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
Business = Annotated[Viewer, Depends(BUSINESS)]


@router.get("/search")
def search(request: Request, viewer: Business) -> Response:
    reader = scoped(request, viewer)
    view = search_view(reader, Ask.from_params(frames.params_of(request)), parse=parse)
    return HTMLResponse(pages.render_search(view, frames.frame_of(request, reader, "search", kind="none")))


@router.get("/search/results")
def results(request: Request, viewer: Business) -> Response:
    ask = Ask.from_params(frames.params_of(request))
    reader = scoped(request, viewer)
    part = pages.render_search_results(
        search_view(reader, ask, parse=parse), frames.frame_of(request, reader, "search", kind="none")
    )
    return HTMLResponse(part, headers={"HX-Push-Url": ask.url()})


@router.get("/search/export")
def export(request: Request, viewer: Business) -> Response:
    """Everything found, masked, streamed: memory does not grow with it."""
    from dashboards.exports import EXPORTS, export_stream

    kind = request.query_params.get("format") or "csv"
    if kind not in EXPORTS:
        raise BadRequest(name="format", value=kind[:20], reason=f"应为 {'、'.join(EXPORTS)} 之一")
    ask = Ask.from_params(frames.params_of(request))
    query = ask.query(parse(ask.text))
    house_of(request).audit.note(viewer.name, "record.export", f"{kind} {query.model_dump_json(exclude_defaults=True)}")
    headers = {"Content-Disposition": f'attachment; filename="minsheng-export.{kind}"'}
    return StreamingResponse(
        export_stream(scoped(request, viewer).scan(query), kind), media_type=EXPORTS[kind], headers=headers
    )
