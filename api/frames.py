"""What surrounds a page: who looks, scope and period from the address, how fresh the data is, which sources are silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import Request
from pydantic import BaseModel

from api import answers
from api.auth import SESSION_COOKIE, house_of
from dashboards.frame import DataState, Frame, PeriodKind, Scope
from dashboards.pages import theme_of
from indices.access import ScopedStore
from indices.civic import silence
from indices.users import csrf_token
from models.clock import city_day, day_start, now
from models.errors import BadRequest
from models.ports import Reader
from models.query import Query
from models.viewer import Viewer

if TYPE_CHECKING:
    from api.wiring import House
    from dashboards.views.sources import SourceInput

FRESH_SECONDS = 60.0


class Freshness(BaseModel):
    """The grey line under a title, kept as a figure so that it costs nothing on most requests."""

    newest: datetime | None
    orders: int
    districts: list[str]
    silent_sources: list[str]
    model: str


def params_of(request: Request) -> dict[str, list[str]]:
    """Parameters of the address, each with all its values."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def freshness(house: House, reader: ScopedStore) -> Freshness:
    """How fresh the viewer's data is."""

    def compute() -> Freshness:
        newest = reader.search(Query(size=1))
        districts = sorted(bucket.keys[0] for bucket in reader.aggregate(Query(), ["district"]))
        sources = {bucket.keys[0] for bucket in reader.aggregate(Query(), ["source"])}  # another's are not named
        record = newest.hits[0].record if newest.hits else None
        return Freshness(
            newest=record.created_at if record else None, orders=newest.total, districts=districts[:60],
            silent_sources=[name for name in silent_sources(house) if name in sources],
            model=record.annotation.model if record and record.annotation else "",
        )  # fmt: skip

    # A feed that died is seen from nothing coming in, so the hour is part of the mark; both only rise, and so does their sum.
    mark = house.inbox.books().stored + int(now().timestamp() // 3_600)
    question = answers.question_of(reader)
    return house.figures.get(
        Freshness, "freshness", question, mark=mark, max_age_seconds=FRESH_SECONDS, compute=compute
    )


def source_inputs(house: House) -> list[SourceInput]:
    """Every source with its books and its rhythm. Counts of the whole city; no record is read."""
    from api.source_health import healths, registered
    from dashboards.views.sources import SourceInput

    found, judged, known = deliveries(house.store), healths(house), registered(house)
    inputs = []
    for name in sorted({*house.inbox.sources(), *found, *known}):
        books, counts = house.inbox.books(name), found.get(name, {})
        inputs.append(
            SourceInput(name=name, rhythm=silence.rhythm(counts, yesterday()), last_item=_last_item(counts),
                        received=books.received, stored=books.stored, updated=books.updated, duplicate=books.duplicate,
                        quarantined=books.quarantined, refused=books.refused, waiting=books.waiting, judged=judged.get(name),
                        **known.get(name, {}))
        )  # fmt: skip
    return inputs


def own_source_inputs(house: House, reader: ScopedStore) -> list[SourceInput]:
    """The sources of the records that a viewer of some districts sees. No books: they are the whole source's.

    So is the rhythm, because a feed that delivers elsewhere is not broken; of it the page tells the state, as the bar does.
    """
    from api.source_health import healths
    from dashboards.views.sources import SourceInput

    whole, own, judged = deliveries(house.store), deliveries(reader), healths(house)
    return [
        SourceInput(
            name=name,
            rhythm=silence.rhythm(whole.get(name, {}), yesterday()),
            last_item=_last_item(own[name]),
            judged=judged.get(name),
        )
        for name in sorted(own)
    ]


def _last_item(counts: Mapping[date, int]) -> datetime | None:
    """When the last one had come at the latest: only its day is counted, and of today no more than is over."""
    return min(day_start(max(counts)) + timedelta(days=1), now()) if counts else None


def deliveries(reader: Reader) -> dict[str, dict[date, int]]:
    """For each source the number of its records on each city day. What is dated after today tells nothing of when it came."""
    found: dict[str, dict[date, int]] = {}
    today = city_day(now())
    for bucket in reader.aggregate(Query(), ["source", "day"]):
        if (day := date.fromisoformat(bucket.keys[1])) <= today:
            found.setdefault(bucket.keys[0], {})[day] = bucket.count
    return found


def yesterday() -> date:
    """The last day that is over: a feed is not silent because today has just begun."""
    return city_day(now()) - timedelta(days=1)


def silent_sources(house: House) -> tuple[str, ...]:
    """Feeds that usually deliver and have stopped, by the days of their records or by those of their arrivals; who paused one knows it."""
    from api.source_health import broken

    stopped = {*silence.silent_sources(deliveries(house.store), yesterday()), *broken(house)}
    paused = {name for name, place in house.places.all().items() if place.paused}
    return tuple(sorted(stopped - paused))


def chosen_district(request: Request, reader: ScopedStore) -> str | None:
    """The district of the address; another's district is no district of this viewer (BadRequest would tell that it exists)."""
    district = request.query_params.get("district") or None
    scope = reader.viewer.districts
    if scope is not None and len(scope) == 1:
        return next(iter(scope))
    return district


def chosen_day(request: Request, name: str, fallback: date) -> date:
    """A day of the address. Raises BadRequest."""
    value = request.query_params.get(name)
    if not value:
        return fallback
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise BadRequest(name=name, value=value[:40], reason="应为日期，如 2026-11-24") from None
    if not 1900 <= day.year <= 2199:
        raise BadRequest(name=name, value=value, reason="年份应在 1900–2199 之间")
    return day


def chosen_period(request: Request, last: date, days: int, *, longest: int = 400) -> tuple[date, date]:
    """First and last day of the address, by default the `days` days that end with `last`. Raises BadRequest."""
    until = chosen_day(request, "to", last)
    since = chosen_day(request, "from", until - timedelta(days=days - 1))
    if not since <= until <= since + timedelta(days=longest):
        raise BadRequest(name="from", value=since.isoformat(), reason=f"应不晚于 {until}，且跨度不超过 {longest} 天")
    return since, until


def frame_of(request: Request, reader: ScopedStore, page: str, *, since: date | None = None, until: date | None = None,
             kind: PeriodKind = "range") -> Frame:  # fmt: skip
    """The frame of a page of this viewer."""
    house, viewer = house_of(request), reader.viewer
    fresh = freshness(house, reader)
    until = until or (city_day(fresh.newest) if fresh.newest else city_day(now()))
    scope = Scope(
        since=since or until,
        until=until,
        district=chosen_district(request, reader),
        districts=tuple(fresh.districts),
        kind=kind,
    )
    data = DataState(
        newest=fresh.newest, orders=fresh.orders, silent_sources=tuple(fresh.silent_sources), model=fresh.model
    )
    return bare_frame(request, viewer, page, scope=scope, data=data)


def bare_frame(
    request: Request, viewer: Viewer, page: str, *, scope: Scope | None = None, data: DataState | None = None
) -> Frame:
    """A frame without data: for administrators, who see none."""
    return Frame(
        viewer=viewer, page=page, path=request.url.path, city=house_of(request).settings.city, params=params_of(request), scope=scope,
        data=data, csrf=csrf_token(request.cookies.get(SESSION_COOKIE, "")), theme=theme_of(request.cookies.get("theme")),
        slim=request.cookies.get("rail") == "slim",
    )  # fmt: skip
