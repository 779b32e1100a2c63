"""The answers, computed or remembered: one way for the command line, the API, the pages and the scheduler."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

from indices.access import ScopedStore
from models.clock import day_start
from models.figures import Hotspots, Index, Routing
from models.query import Query

if TYPE_CHECKING:
    from api.wiring import House

FRESH_SECONDS = 600.0  # a figure this young is shown although items came in since; the page says as of when


def _scope(reader: ScopedStore) -> str:
    districts = reader.viewer.districts
    return "*" if districts is None else ",".join(sorted(districts))


def _mark(house: House) -> int:
    """Changes whenever the store has taken something in."""
    return house.inbox.books().stored


def hotspots(house: House, reader: ScopedStore, since: date, until: date, *, top: int = 10) -> Hotspots:
    """Hotspots of the city days [since, until) in the viewer's districts."""
    from indices.civic.hotspots import find_hotspots

    def compute() -> Hotspots:
        return find_hotspots(reader, day_start(since), day_start(until), top=top)

    if not reader.viewer.sees_business:
        return compute()
    question = f"{_scope(reader)} {since} {until} {top}"
    return house.figures.get(
        Hotspots, "hotspots", question, mark=_mark(house), max_age_seconds=FRESH_SECONDS, compute=compute
    )


def index(
    house: House, reader: ScopedStore, by: Literal["district", "department", "topic", "week"], since: date, until: date
) -> Index:
    """The satisfaction index of the city days [since, until) in the viewer's districts."""
    from indices.civic.satisfaction import satisfaction

    query = Query(since=day_start(since), until=day_start(until))
    if not reader.viewer.sees_business:
        return satisfaction(reader, query, by)
    question = f"{_scope(reader)} {by} {since} {until}"
    return house.figures.get(Index, "index", question, mark=_mark(house), max_age_seconds=FRESH_SECONDS,
                             compute=lambda: satisfaction(reader, query, by))  # fmt: skip


def route(
    house: House, reader: ScopedStore, title: str, text: str, district: str | None, street: str | None
) -> Routing:
    """Who should take a demand."""
    from indices.civic.dispatch import Dispatcher

    return Dispatcher(house.annotator, house.catalogue, reader).route(title, text, district=district, street=street)
