"""Bounded consumption (S4): requests by token, session or address; size of bodies."""

from __future__ import annotations

import hashlib
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import SESSION_COOKIE
from api.problems import problem_of
from models.errors import MinshengError, TooLarge, TooManyRequests
from models.settings import Settings

SIGN_INS_PER_MINUTE = 20  # by address; the lock-out protects one account, this protects all of them from one address
CALLERS_PER_ADDRESS = 10  # an office behind one address has several callers


class Limits:
    """ASGI middleware. Counts live in this process: with several workers each has its own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._body_limit = settings.body_limit_bytes
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._by_caller = RateLimitItemPerMinute(settings.requests_per_minute)
        self._by_address = RateLimitItemPerMinute(settings.requests_per_minute * CALLERS_PER_ADDRESS)
        self._by_sign_in = RateLimitItemPerMinute(SIGN_INS_PER_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            self._count(request)
            body = await self._read(request, receive)
        except MinshengError as error:
            await problem_of(request, error)(scope, receive, send)
            return
        await self._app(scope, _once(body, receive), send)

    def _count(self, request: Request) -> None:
        """Raises TooManyRequests. A caller is a token or session, before sign-in the address; a made-up secret pays by its address."""
        address = request.client.host if request.client else "-"
        secret = request.headers.get("authorization") or request.cookies.get(SESSION_COOKIE) or address
        counts = [(self._by_address, address), (self._by_caller, hashlib.sha256(secret.encode()).hexdigest())]
        if request.url.path == "/login" and request.method == "POST":
            counts.append((self._by_sign_in, f"login {address}"))
        for item, key in counts:
            if not self._limiter.hit(item, key):
                reset = self._limiter.get_window_stats(item, key).reset_time
                wait = max(1, math.ceil(reset - time.time()))
                raise TooManyRequests(limit=f"每分钟 {item.amount} 次", retry_after_seconds=wait)

    async def _read(self, request: Request, receive: Receive) -> bytes:
        """The whole body. Raises TooLarge by what is declared and by what really arrives (a chunked body declares nothing)."""
        declared = request.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self._body_limit:
            raise TooLarge(size_bytes=int(declared), limit_bytes=self._body_limit)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self._body_limit:
                raise TooLarge(size_bytes=len(body), limit_bytes=self._body_limit)
            if not message.get("more_body", False):
                return bytes(body)


def _once(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body that was read, then what follows it (the disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
