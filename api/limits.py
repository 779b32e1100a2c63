"""Bounded consumption (S4): requests by token, session or address, one at a time of each; size of bodies.

The bound for the neighbours is `tests/bench/bench_neighbours.py`; the reasons for the numbers are in DECISIONS.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from weakref import WeakValueDictionary

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import secret_of
from api.problems import problem_of
from models.errors import MinshengError, TooLarge, TooManyRequests
from models.settings import Settings

SIGN_INS_PER_MINUTE = 20  # by address; the lock-out protects one account, this protects all of them from one address
CALLERS_PER_ADDRESS = 10  # an office behind one address has several callers
KNOWN_SECONDS = 600.0  # a secret that was somebody's so lately has a limit of its own; a made-up one never has
BODY_BYTES = 25_000  # a body counts as one more request for each so many bytes
REFUSAL_SECONDS = 1.0  # a refusal comes no sooner: who asks again at once would keep the service busy with refusing
EXPORTS = frozenset({"/search/export"})  # stream for minutes, and whoever waits for one may go on reading


class Limits:
    """ASGI middleware. Counts live in this process: with several workers each has its own."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._body_limit = settings.body_limit_bytes
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._by_caller = RateLimitItemPerMinute(settings.requests_per_minute)
        self._by_address = RateLimitItemPerMinute(settings.requests_per_minute * CALLERS_PER_ADDRESS)
        self._by_sign_in = RateLimitItemPerMinute(SIGN_INS_PER_MINUTE)
        self._known: dict[str, float] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        caller = self._caller(request)
        try:
            cost = self._count(request, caller)
            body = await self._read(request, receive, caller)
        except MinshengError as error:
            if isinstance(error, TooManyRequests):
                await asyncio.sleep(REFUSAL_SECONDS)
            await problem_of(request, error)(scope, receive, send)
            return
        async with self._turn(request, caller):
            await self._app(scope, _once(body, receive), send)
        if "viewer" in scope.get("state", ()):
            self._remember(request, caller, cost)

    # --- who pays -----------------------------------------------------------------------------------------------------
    def _caller(self, request: Request) -> str:
        """A token or session that is somebody's; whoever is not known yet, or sends a made-up secret, is the address."""
        digest = _digest(request)
        return digest if self._known.get(digest, 0.0) > time.monotonic() else f"address {_address(request)}"

    def _remember(self, request: Request, caller: str, cost: int) -> None:
        now, digest = time.monotonic(), _digest(request)
        if caller != digest:  # it was a stranger until now
            self._known = {known: until for known, until in self._known.items() if until > now}
            self._limiter.hit(self._by_caller, digest, cost=cost)
        self._known[digest] = now + KNOWN_SECONDS

    def _turn(self, request: Request, caller: str) -> asyncio.Lock:
        """Held while a request of the caller is in work; its others wait for it in the order in which they came."""
        key = f"export {caller}" if request.url.path in EXPORTS else caller
        return self._turns.setdefault(key, asyncio.Lock())

    def _count(self, request: Request, caller: str) -> int:
        """What was paid. Raises TooManyRequests. The caller pays first: its refusals cost the others of its address nothing."""
        declared = _declared(request)
        paid = self._pay(caller, 1 + (declared // BODY_BYTES if declared <= self._body_limit else 0))
        self._hit(self._by_address, _address(request))
        if request.url.path == "/login" and request.method == "POST":
            self._hit(self._by_sign_in, f"login {_address(request)}")
        return paid

    def _pay(self, caller: str, requests: int) -> int:
        what = f"（请求体每 {BODY_BYTES // 1_000} kB 另计一次）" if requests > 1 else ""
        cost = min(requests, self._by_caller.amount)
        self._hit(self._by_caller, caller, cost, what)
        return cost

    def _hit(self, item: RateLimitItem, key: str, cost: int = 1, what: str = "") -> None:
        if not self._limiter.hit(item, key, cost=cost):
            wait = _wait_seconds(item, cost, *self._storage.get_sliding_window(item.key_for(key), item.get_expiry()))
            raise TooManyRequests(limit=f"每分钟 {item.amount} 次{what}", retry_after_seconds=wait)

    # --- bodies -------------------------------------------------------------------------------------------------------
    async def _read(self, request: Request, receive: Receive, caller: str) -> bytes:
        """The whole body. Raises TooLarge by what is declared and by what really arrives (a chunked body declares nothing)."""
        if (declared := _declared(request)) > self._body_limit:
            raise TooLarge(size_bytes=declared, limit_bytes=self._body_limit)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self._body_limit:
                raise TooLarge(size_bytes=len(body), limit_bytes=self._body_limit)
            if not message.get("more_body", False):
                break
        if not declared and len(body) >= BODY_BYTES:
            self._pay(caller, len(body) // BODY_BYTES)
        return bytes(body)


def _wait_seconds(item: RateLimitItem, cost: int, former: int, former_left: float, count: int, left: float) -> int:
    """When there is room for `cost`, if nothing else comes: a window's count fades evenly through the window that follows it."""
    room = item.amount - cost + 1  # only whole requests count, so there is room as soon as it is less than this
    fading, gone_in, staying = (former, former_left, count) if count < room else (count, left, 0)
    wait = gone_in - item.get_expiry() * (room - staying) / max(1, fading)
    return math.floor(wait + 0.01) + 1  # of so many seconds since 1970 the microseconds are lost


def _declared(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def _address(request: Request) -> str:
    return request.client.host if request.client else "-"


def _digest(request: Request) -> str:
    return hashlib.sha256(":".join(secret_of(request)).encode()).hexdigest()


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
