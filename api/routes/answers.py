"""The answers as data: hotspots, satisfaction index, dispatch."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api import answers
from api.auth import BUSINESS, Allow, house_of, scoped
from api.day import Day
from api.questions import today
from models.errors import BadRequest
from models.figures import Hotspots, Index, Routing
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(tags=["answers"])
DISPATCHERS = Allow(Role.OPERATOR, Role.ANALYST)
MAX_DAYS = 400


def period(since: date | None, until: date | None, *, days: int) -> tuple[date, date]:
    """The half-open period asked for; by default the last `days` days. Raises BadRequest when it is empty or too long."""
    last = until or today()
    first = since or last - timedelta(days=days - 1)
    if not first <= last <= first + timedelta(days=MAX_DAYS):
        raise BadRequest(name="since", value=str(first), reason=f"应不晚于 {last}，且跨度不超过 {MAX_DAYS} 天")
    return first, last + timedelta(days=1)


@router.get("/figures/hotspots")
def hotspots(request: Request, viewer: Annotated[Viewer, Depends(BUSINESS)], since: Day = None, until: Day = None,
             top: Annotated[int, Query(ge=1, le=50)] = 10) -> Hotspots:  # fmt: skip
    """What is happening in the period (default: the last seven days); none is an answer."""
    first, end = period(since, until, days=7)
    return answers.hotspots(house_of(request), scoped(request, viewer), first, end, top=top)


@router.get("/figures/index")
def index(request: Request, viewer: Annotated[Viewer, Depends(BUSINESS)],
          by: Literal["district", "department", "topic", "week", "street", "community"] = "department", since: Day = None, until: Day = None,
          district: Annotated[str | None, Query(max_length=100)] = None, text: bool = True) -> Index:  # fmt: skip
    """The satisfaction index on 0–100 with 90 % and 95 % intervals (default: the last 90 days). `text`: what texts sound like may enter."""
    first, end = period(since, until, days=90)
    return answers.index(house_of(request), scoped(request, viewer), by, first, end, district=district, text=text)


class Complaint(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=2_000)] = ""
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    district: Annotated[str, Field(max_length=100)] | None = None
    street: Annotated[str, Field(max_length=100)] | None = None


@router.post("/route")
def route(request: Request, complaint: Complaint, viewer: Annotated[Viewer, Depends(DISPATCHERS)]) -> Routing:
    """Who should take this demand, how sure that is and why; or that a person has to decide. Nothing is stored."""
    reader = scoped(request, viewer)
    return answers.route(
        house_of(request), reader, complaint.title, complaint.text, complaint.district, complaint.street
    )
