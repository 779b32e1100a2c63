"""Events of hot-search lists as data: the public `--json` and HTTP format."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from models.record import Frozen


class StreamEventFacts(Frozen):
    id: str = Field(description="stays when more hours arrive")
    title: str = Field(description="the title that was longest on the list")
    titles: tuple[str, ...]
    first: datetime
    last: datetime
    hours: int = Field(description="hours in which one of the titles was on the list")
    best_rank: int
    peak_heat: int = Field(description="the platform's own index")


class StreamList(Frozen):
    events: tuple[StreamEventFacts, ...]
