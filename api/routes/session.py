"""Signing in and out of the pages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.auth import ANYBODY, PUBLIC, SESSION_COOKIE, house_of
from dashboards.frame import home_of
from dashboards.pages import render_login, theme_of
from models.errors import AccountLocked, MinshengError, WrongPassword
from models.viewer import Viewer

router = APIRouter(include_in_schema=False)


@router.get("/login", dependencies=[Depends(PUBLIC)])
def login_page(request: Request, next: Annotated[str, Query(max_length=500)] = "") -> HTMLResponse:
    return _form(request, after=next)


def _form(request: Request, *, error: MinshengError | None = None, name: str = "", after: str = "") -> HTMLResponse:
    page = render_login(csrf="", city=house_of(request).settings.city, error=error.message if error else "", name=name, after=after,
                        theme=theme_of(request.cookies.get("theme")))  # fmt: skip
    return HTMLResponse(page, status_code=error.status if error else 200)


def _local(address: str, fallback: str) -> str:
    """The address if it leads into this house: a path, not `//host`, not a scheme, nothing that a browser reads as one."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else fallback


@router.post("/login", dependencies=[Depends(PUBLIC)])
def login(request: Request, name: Annotated[str, Form(max_length=64)], password: Annotated[str, Form(max_length=200)],
          next: Annotated[str, Form(max_length=500)] = "") -> Response:  # fmt: skip
    """A session cookie and the page that was asked for (else the role's home), or the form again with the reason."""
    house = house_of(request)
    try:
        viewer, session = house.users.sign_in(name, password)
    except (WrongPassword, AccountLocked) as error:
        house.audit.note(name, "session.open", request.client.host if request.client else "-", success=False)
        return _form(request, error=error, name=name, after=next)
    house.audit.note(viewer.name, "session.open", request.client.host if request.client else "-")
    response = RedirectResponse(_local(next, home_of(viewer)), status_code=303)
    # Lax: a link in a mail may open a page; every unsafe request needs the form token besides.
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
