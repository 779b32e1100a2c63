"""One source: its page, and what a system administrator does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import frames
from api.auth import Allow, house_of, scoped
from api.routes.pages import ROLES
from dashboards import pages
from models.clock import city_day, now
from models.errors import NotFound
from models.labels import Role
from models.viewer import Viewer

if TYPE_CHECKING:
    from api.wiring import House
    from dashboards.views.sources import SourceInput

router = APIRouter(include_in_schema=False)
Seeing = Annotated[Viewer, Depends(ROLES["sources"])]
Acting = Annotated[Viewer, Depends(Allow(Role.SYSTEM_ADMIN))]
TRY_SECONDS = 90


@router.get("/sources/{name:path}")
def source(request: Request, name: str, viewer: Seeing) -> Response:
    """One source: counts of the whole city, no record."""
    return _page(request, name, viewer)


@router.post("/sources/{name:path}/pause")
def pause(request: Request, name: str, viewer: Acting) -> Response:
    """No run begins until it is resumed."""
    return _set(request, name, viewer, "pause")


@router.post("/sources/{name:path}/resume")
def resume(request: Request, name: str, viewer: Acting) -> Response:
    return _set(request, name, viewer, "resume")


@router.post("/sources/{name:path}/run")
def run(request: Request, name: str, viewer: Acting) -> Response:
    """The scheduled job takes it next, paused or not."""
    return _set(request, name, viewer, "run")


@router.post("/sources/{name:path}/try")
def try_out(request: Request, name: str, viewer: Acting) -> Response:
    """A few pages or rows in a process of its own; nothing is kept."""
    house = house_of(request)
    one = _input(house, name)
    if not one.defined:
        raise NotFound(what=f"来源 {name[:40]} 的定义")
    house.audit.note(viewer.name, "source.try", name)
    return _page(request, name, viewer, output=_tried(house, name))


def _set(request: Request, name: str, viewer: Viewer, deed: str) -> Response:
    house = house_of(request)
    if not _input(house, name).defined:
        raise NotFound(what=f"来源 {name[:40]} 的定义")
    if deed == "run":
        house.places.want(name)
    else:
        house.places.pause(name, paused=deed == "pause")
    house.audit.note(viewer.name, f"source.{deed}", name)
    return RedirectResponse("/sources", status_code=303)


def _input(house: House, name: str) -> SourceInput:
    found = next((one for one in frames.source_inputs(house) if one.name == name), None)
    if found is None:
        raise NotFound(what=f"来源 {name[:40]}")
    return found


def _page(request: Request, name: str, viewer: Viewer, output: str = "") -> Response:
    from dashboards.views.source_page import CHART_DAYS, source_page
    from indices.collection.frontier import Frontier
    from indices.collection.health import SEASON_DAYS, expect

    house = house_of(request)
    if viewer.sees_business and viewer.districts is not None:
        raise NotFound(what=f"来源 {name[:40]}")  # the books are the whole source's
    one = _input(house, name)
    house.audit.note(viewer.name, "source.view", name)
    counts = Frontier(house.database, name).counts()
    if counts["known"]:
        one = replace(
            one, pages=f"已知 {counts['known']:,} 页，读过 {counts['read']:,} 页，往后还要看 {counts['wanted']:,} 页"
        )
    day = city_day(now()) - timedelta(days=1)
    days = house.days.read(day - timedelta(days=CHART_DAYS + SEASON_DAYS), name).get(name, {})
    expected = {at: expect(days, at) for n in range(CHART_DAYS) if (at := day - timedelta(days=n))}
    view = source_page(
        one,
        days,
        expected,
        one.judged,
        now=now(),
        day=day,
        may_act=one.defined and viewer.role is Role.SYSTEM_ADMIN,
        output=output,
    )
    frame = frames.frame_of(request, scoped(request, viewer), "sources", kind="none") if viewer.sees_business else None
    return HTMLResponse(pages.render_source(view, frame or frames.bare_frame(request, viewer, "sources")))


def _tried(house: House, name: str) -> str:
    """What `minsheng source try` prints; crawling is never done in the process that answers requests."""
    import os
    import subprocess
    import sys

    command = [sys.executable, "-m", "api.cli", "source", "try", name]
    env = {**os.environ, "MINSHENG_HOME": str(house.settings.folder), "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TRY_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{TRY_SECONDS} 秒内没有试完；站点可能很慢，请在命令行里试：minsheng source try {name}"
    return (done.stdout + done.stderr).strip()[-20_000:] or "没有输出"
