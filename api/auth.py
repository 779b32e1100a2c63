"""Who asks, and may they: bearer tokens for programs, session cookies for pages, a role on every route.

Every route depends on exactly one `Allow`; a route without one fails a house test. Someone whose role is not allowed
gets the answer of a route that does not exist.
"""

from __future__ import annotations

import hmac
from typing import Any, Literal, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.wiring import House
from indices.access import ScopedStore
from indices.users import csrf_token
from models.errors import NotFound, NotSignedIn
from models.labels import BUSINESS_ROLES, Role
from models.viewer import Viewer

SESSION_COOKIE = "minsheng_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def house_of(request: Request) -> House:
    return cast(House, request.app.state.house)


class Allow:
    """A dependency: the viewer, if signed in and of one of the roles. No roles: anybody, signed in or not."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Viewer | None:
        if not self.roles:
            return None
        viewer = await identify(request)
        if viewer.role not in self.roles:
            what, audit = f"{request.method} {request.url.path}", house_of(request).audit
            await run_in_threadpool(audit.note, viewer.name, "route.denied", what, success=False)
            raise NotFound(what=f"地址 {request.url.path}")
        return viewer


PUBLIC = Allow()
BUSINESS = Allow(*BUSINESS_ROLES)
ANYBODY = Allow(*Role)


def secret_of(request: Request) -> tuple[Literal["token", "session"], str]:
    """What a request identifies itself with, "" where it does not: a token before a session."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return "token", token.strip()
    return "session", request.cookies.get(SESSION_COOKIE, "")


async def identify(request: Request) -> Viewer:
    """The viewer of a request. A session's unsafe request must carry its form token (field `csrf` or header X-CSRF-Token)."""
    if hasattr(request.state, "viewer"):
        return cast(Viewer, request.state.viewer)
    users, (kind, secret) = house_of(request).users, secret_of(request)
    if not secret:
        raise NotSignedIn()
    viewer = await run_in_threadpool(users.viewer, secret, kind)
    if kind == "session" and request.method not in SAFE_METHODS:
        await _check_csrf(request, secret)
    request.state.viewer = viewer
    return viewer


async def _check_csrf(request: Request, session: str) -> None:
    sent: Any = request.headers.get("x-csrf-token")
    if sent is None and "form" in request.headers.get("content-type", ""):
        sent = (await request.form()).get("csrf")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), csrf_token(session).encode()):
        raise NotSignedIn()


def scoped(request: Request, viewer: Viewer) -> ScopedStore:
    """The viewer's own view of the store: the only way from a route to records."""
    house = house_of(request)
    return ScopedStore(house.store, viewer, house.audit)
