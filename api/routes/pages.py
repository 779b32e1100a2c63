"""The pages: fetch through the viewer's own door, build the view, render. What a page shows is decided in `dashboards`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import answers, frames
from api.auth import ANYBODY, Allow, house_of, scoped
from api.briefings import make_briefing, template_of, word_template_of
from dashboards import pages
from dashboards.briefing import Briefing, Kind
from dashboards.frame import PAGES, home_of, link, may_open
from dashboards.views.counts import window
from indices.access import ScopedStore
from models.clock import city_day, now
from models.errors import BadRequest, NotFound
from models.figures import Hotspots
from models.labels import Role
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)
ROLES = {entry.key: Allow(*entry.roles) for entry in PAGES}
Today = Annotated[Viewer, Depends(ANYBODY)]
HOTSPOT_DAYS = 7
TOP = 20


def newest_day(request: Request, reader: ScopedStore) -> date:
    """The day that a page shows by default: the last one with data."""
    fresh = frames.freshness(house_of(request), reader)
    return city_day(fresh.newest) if fresh.newest else city_day(now())


def hotspots_of(request: Request, reader: ScopedStore, since: date, until: date, *, top: int = TOP) -> Hotspots:
    """Hotspots of the days, both inclusive, of the chosen district where one is chosen."""
    return answers.hotspots(house_of(request), reader, since, until + timedelta(days=1), top=top,
                            district=frames.chosen_district(request, reader))  # fmt: skip


@router.get("/")
def today(request: Request, viewer: Today) -> Response:
    """今日; who has no such page is sent to the one that is theirs."""
    from dashboards.views.tile_map import read_layout
    from dashboards.views.today import today_view
    from indices.civic.metrics import measure

    if not may_open("today", viewer.role):
        return RedirectResponse(home_of(viewer), status_code=303)
    reader = scoped(request, viewer)
    day = frames.chosen_day(request, "day", newest_day(request, reader))
    district = frames.chosen_district(request, reader)
    week = window(day - timedelta(days=6), day, district)
    names = ("timely_rate", "resolution_rate", "satisfaction_rate", "return_rate")
    view = today_view(
        reader, day=day, hotspots=hotspots_of(request, reader, day - timedelta(days=HOTSPOT_DAYS - 1), day), today=city_day(now()),
        district=district, metrics=[measure(reader, name, week) for name in names], wall=request.query_params.get("wall") == "1",
        briefing_url=f"/briefing?day={day}", layout=read_layout(house_of(request).folder / "districts.csv"),
    )  # fmt: skip
    return HTMLResponse(pages.render_today(view, frames.frame_of(request, reader, "today", until=day, kind="day")))


@router.get("/briefing")
def briefing(request: Request, viewer: Annotated[Viewer, Depends(ROLES["today"])]) -> Response:
    """The paper of a day, each number with its source."""
    reader = scoped(request, viewer)
    day = frames.chosen_day(request, "day", newest_day(request, reader))
    kind = _kind(request)
    made = make_briefing(house_of(request), reader, day, district=frames.chosen_district(request, reader), kind=kind)
    frame = frames.frame_of(request, reader, "today", until=day, kind="day")
    return HTMLResponse(
        pages.render_briefing(
            made, frame, word_url=link("/briefing.docx", frames.params_of(request), day=day, kind=kind)
        )
    )


@router.get("/briefing.docx")
def briefing_word(request: Request, viewer: Annotated[Viewer, Depends(ROLES["today"])]) -> Response:
    """The same paper as a Word document in the layout of GB/T 9704."""
    from dashboards.word import MEDIA_TYPE, word

    made, name = _paper(request, viewer)
    house_of(request).audit.note(viewer.name, "briefing.word", name)
    headers = {"Content-Disposition": f'attachment; filename="briefing-{name}.docx"'}
    return Response(word(made, word_template_of(house_of(request))), media_type=MEDIA_TYPE, headers=headers)


@router.get("/briefing.pdf")
def briefing_pdf(request: Request, viewer: Annotated[Viewer, Depends(ROLES["today"])]) -> Response:
    """The same paper as PDF, by the city's own template where HOME/templates has one."""
    from dashboards.pdf import MEDIA_TYPE, pdf

    made, name = _paper(request, viewer)
    house_of(request).audit.note(viewer.name, "briefing.pdf", name)
    headers = {"Content-Disposition": f'inline; filename="briefing-{name}.pdf"'}
    return Response(pdf(made, template_of(house_of(request))), media_type=MEDIA_TYPE, headers=headers)


def _paper(request: Request, viewer: Viewer) -> tuple[Briefing, str]:
    """The paper that the address asks for, to be printed, and what its file is called."""
    reader = scoped(request, viewer)
    day, kind = frames.chosen_day(request, "day", newest_day(request, reader)), _kind(request)
    made = make_briefing(
        house_of(request), reader, day, district=frames.chosen_district(request, reader), kind=kind, paper=True
    )
    return made, f"{kind}-{day}"


def _kind(request: Request) -> Kind:
    kind = request.query_params.get("kind") or "day"
    if kind not in ("day", "week", "month"):
        raise BadRequest(name="kind", value=kind[:40], reason="应为 day、week、month 之一")
    return kind  # type: ignore[return-value]


@router.get("/hotspots")
def hotspots(request: Request, viewer: Annotated[Viewer, Depends(ROLES["hotspots"])]) -> Response:
    from dashboards.views.hotspots import hotspots_view

    reader = scoped(request, viewer)
    since, until = frames.chosen_period(request, newest_day(request, reader), HOTSPOT_DAYS)
    view = hotspots_view(hotspots_of(request, reader, since, until), since=since, until=until)
    return HTMLResponse(
        pages.render_hotspots(view, frames.frame_of(request, reader, "hotspots", since=since, until=until))
    )


@router.get("/hotspots/{key}")
def hotspot(request: Request, key: str, viewer: Annotated[Viewer, Depends(ROLES["hotspots"])]) -> Response:
    """One incident: a panel for htmx, else the list with the panel open."""
    from dashboards.views.hotspots import hotspot_view, hotspots_view

    reader = scoped(request, viewer)
    since, until = frames.chosen_period(request, newest_day(request, reader), HOTSPOT_DAYS)
    found = hotspots_of(request, reader, since, until)
    figure = next((one for one in found.hotspots if one.key == key), None)
    if figure is None:
        raise NotFound(what=f"热点 {key[:40]}")
    view = hotspot_view(reader, viewer, figure, now=now())
    frame = frames.frame_of(request, reader, "hotspots", since=since, until=until)
    if "hx-request" in request.headers:
        return HTMLResponse(pages.render_hotspot_panel(view, frame))
    return HTMLResponse(pages.render_hotspots(hotspots_view(found, since=since, until=until, selected=view), frame))


@router.get("/sources")
def sources(request: Request, viewer: Annotated[Viewer, Depends(ROLES["sources"])]) -> Response:
    """Counts per source are the system's own affairs, so administrators see them; no record is shown here.

    Who sees the records of some districts sees the sources of these, counted in these.
    """
    from dashboards.views.sources import daily_counts, sources_view

    house, reader = house_of(request), scoped(request, viewer)
    house.audit.note(viewer.name, "sources.view", "")
    frame = frames.frame_of(request, reader, "sources", kind="none") if viewer.sees_business else None
    frame = frame or frames.bare_frame(request, viewer, "sources")
    part = viewer.sees_business and viewer.districts is not None
    view = sources_view(
        frames.own_source_inputs(house, reader) if part else frames.source_inputs(house),
        now=now(), daily=daily_counts(reader if part else house.store, city_day(now())), part=frame.whole if part else "",
        may_act=viewer.role is Role.SYSTEM_ADMIN,
    )  # fmt: skip
    return HTMLResponse(pages.render_sources(view, frame))


@router.get("/admin")
def admin(request: Request, viewer: Annotated[Viewer, Depends(ROLES["admin"])]) -> Response:
    from dashboards.views.admin import UserInput, admin_view

    house = house_of(request)
    house.audit.note(viewer.name, "users.view", "")
    inputs = [
        UserInput(name=a.name, role=a.role, districts=a.districts, active=not a.locked) for a in house.users.list()
    ]
    return HTMLResponse(pages.render_admin(admin_view(inputs, now=now()), frames.bare_frame(request, viewer, "admin")))
