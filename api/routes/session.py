"""Signing in and out of the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.auth import ANYBODY, PUBLIC, SESSION_COOKIE, house_of
from models.errors import AccountLocked, WrongPassword
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)


@router.get("/login", dependencies=[Depends(PUBLIC)])
def login_page(request: Request) -> HTMLResponse:
    from dashboards.pages.login import render_login

    return HTMLResponse(render_login(city=house_of(request).settings.city))


@router.post("/login", dependencies=[Depends(PUBLIC)])
def login(
    request: Request, name: Annotated[str, Form(max_length=64)], password: Annotated[str, Form(max_length=200)]
) -> Response:
    """A session cookie, or the form again with the reason. The page that was asked for is not remembered: each role has a home."""
    from dashboards.pages.login import render_login

    house = house_of(request)
    try:
        viewer, session = house.users.sign_in(name, password)
    except (WrongPassword, AccountLocked) as error:
        house.audit.note(name, "session.open", request.client.host if request.client else "-", success=False)
        return HTMLResponse(
            render_login(city=house.settings.city, error=error.message, name=name), status_code=error.status
        )
    house.audit.note(viewer.name, "session.open", request.client.host if request.client else "-")
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        SESSION_COOKIE, session, httponly=True, samesite="lax", secure=house.settings.secure_cookies, path="/"
    )
    return response


@router.post("/logout")
def logout(request: Request, viewer: Annotated[Viewer, Depends(ANYBODY)]) -> Response:
    house = house_of(request)
    house.users.sign_out(request.cookies.get(SESSION_COOKIE, ""))
    house.audit.note(viewer.name, "session.close", "")
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response
