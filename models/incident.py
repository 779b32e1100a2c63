"""The register of incidents as data: the public `--json` and HTTP formats. Records are named by id only."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from models.labels import Level
from models.record import Frozen


class IncidentFacts(Frozen):
    """An incident in a list."""

    number: str = Field(description="SJ, year, counter; never used again")
    title: str
    state: str = Field(description="new, confirmed, handling, closed, rejected")
    level: Level
    heat: float = Field(description="0–100, of the last figure that it was found in")
    topic: str
    place: str
    first: datetime
    last: datetime
    opened_at: datetime
    count: int = Field(description="records that the viewer may see")


class IncidentList(Frozen):
    incidents: tuple[IncidentFacts, ...]


class IncidentDay(Frozen):
    day: date
    count: int
    negative: int
    urgent: int


class IncidentMoment(Frozen):
    """A mark on the timeline: first, growth, peak, quiet, reply, change."""

    at: datetime
    kind: str
    words: str
    record_id: str = ""


class FoldAdvice(Frozen):
    """Orders that should be one (并单), and why."""

    record_ids: tuple[str, ...]
    evidence: str


class LikeIncident(Frozen):
    number: str
    title: str
    likeness: float = Field(description="0–1")
    ended: str


class IncidentChange(Frozen):
    at: datetime
    who: str
    kind: str
    note: str
    other: str | None
    undone: bool


class IncidentAccount(IncidentFacts):
    """One incident, counted from the records that the viewer may see."""

    people: int
    hidden: int = Field(description="records that the viewer may not see")
    channels: dict[str, int]
    districts: dict[str, int]
    departments: dict[str, int]
    record_ids: tuple[str, ...]
    days: tuple[IncidentDay, ...]
    timeline: tuple[IncidentMoment, ...]
    folds: tuple[FoldAdvice, ...]
    like: tuple[LikeIncident, ...]
    log: tuple[IncidentChange, ...]
