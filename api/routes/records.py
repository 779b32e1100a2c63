"""Searching and reading records: `GET /records`, `GET /records/{id}`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from api import frames
from api.auth import BUSINESS, house_of, scoped
from api.day import Day
from api.problems import wants_page
from api.questions import FACETS, search_query
from indices.query_language import parse
from models.errors import BadQuery, NotFound
from models.query import MAX_PAGE, MAX_WINDOW, Bucket, Hit, Sort
from models.record import Record
from models.viewer import Viewer

router = APIRouter(tags=["records"])
Words = Annotated[str, Query(max_length=1_000, description='words, "phrases", AND OR NOT, field:value')]
Filters = Annotated[
    list[str] | None, Query(max_length=30, description="field:value, repeatable; values of one field are alternatives")
]


class SearchResult(BaseModel):
    total: int
    hits: list[Hit]
    facets: dict[str, list[Bucket]]


@router.get("/records")
def search(request: Request, viewer: Annotated[Viewer, Depends(BUSINESS)], q: Words = "", filter: Filters = None,
           since: Day = None, until: Day = None, sort: Sort = Sort.NEWEST,
           offset: Annotated[int, Query(ge=0, le=MAX_WINDOW)] = 0,
           size: Annotated[int, Query(ge=0, le=MAX_PAGE)] = 20, facets: bool = True) -> SearchResult:  # fmt: skip
    """Masked records that match; `until` is the last day, inclusive."""
    query = search_query(
        q, filter or [], since, until and until + timedelta(days=1), sort=sort, offset=offset, size=size
    )
    reader = scoped(request, viewer)
    page = reader.search(query)
    counted = {field: reader.aggregate(query, [field])[:20] for field in FACETS} if facets else {}
    return SearchResult(total=page.total, hits=list(page.hits), facets=counted)


@router.get("/records/{record_id}", response_model=Record)
def read(
    request: Request, record_id: str, viewer: Annotated[Viewer, Depends(BUSINESS)], q: Words = ""
) -> Record | Response:
    """One record: as data for programs, as a page for browsers, as a side panel for htmx."""
    reader = scoped(request, viewer)
    record = reader.get(record_id)
    if record is None:
        raise NotFound(what=f"记录 {record_id[:40]}")
    if "hx-request" not in request.headers and not wants_page(request):
        return record
    from dashboards import pages
    from dashboards.views.marks import words_of
    from dashboards.views.records import record_view

    try:
        words = tuple(words_of(parse(q)))
    except BadQuery:
        words = ()  # a record is shown all the same, only without marks
    view = record_view(record, words=words, family=house_of(request).reposts.family(reader, record))
    if "hx-request" in request.headers:
        return HTMLResponse(pages.render_record_panel(view))
    return HTMLResponse(pages.render_record(view, frames.frame_of(request, reader, "search", kind="none")))
