"""Calls to Elasticsearch that end in time: deadlines, retries with jitter, and a breaker for a sick server.

attempt   one request; its failure is NoAnswer (it may have had its effect), TryLater (it had none) or the server's own error
read      a question: asked again while there is time, at most READ_ATTEMPTS times
Breaker   after FAILURES attempts in a row without a usable answer nobody asks for OPEN_SECONDS; then one caller probes
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from elastic_transport import ConnectionError, ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, UnsupportedProductError

from models.errors import StoreUnavailable

T = TypeVar("T")

ENGINE: Final = "elastic"
# Five in a row is no accident at the fault rates that we promise to survive (5 %: one in three million), and is reached
# in about a second where the connection is refused.
FAILURES: Final = 5
# Long enough that a restarting server is not asked by everyone at once, short against its start (7 s and more).
OPEN_SECONDS: Final = 5.0
READ_ATTEMPTS: Final = 3
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0
REASON_CHARACTERS: Final = 160
PRODUCT: Final = "x-elastic-product"  # a header of every answer of Elasticsearch
NOT_ELASTIC: Final = "此地址应答的不是 Elasticsearch，请检查 MINSHENG_ELASTIC_URL"
BUSY: Final = frozenset({429, 502, 503, 504})


class NoAnswer(Exception):
    """The request may have had its effect: the connection broke, or the time ran out."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class TryLater(Exception):
    """The server answered that it can not now."""


class IndexGone(Exception):
    """Somebody has removed the index or its alias."""


def unavailable(reason: object) -> StoreUnavailable:
    return StoreUnavailable(engine=ENGINE, reason=str(reason))


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        return self._end - time.monotonic()

    def pauses(self) -> Iterator[None]:
        """Yields before each attempt: at once, then after growing random pauses, for as long as a pause fits in.

        Full jitter (a random part of a doubling pause), so that clients that failed together do not return together.
        """
        longest = FIRST_PAUSE_SECONDS
        yield
        while (pause := random.uniform(longest / 4, longest)) < self.remaining:
            time.sleep(pause)
            longest = min(longest * 2, LONGEST_PAUSE_SECONDS)
            yield


class Breaker:
    """Keeps callers from waiting on a server that has just failed everyone. Safe to use from several threads."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        open_seconds: float = OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._open_seconds, self._clock = failures, open_seconds, clock
        self._failures, self._until, self._probing = 0, 0.0, False
        self._lock = Lock()

    @property
    def state(self) -> str:
        """closed, open, or half-open (the next caller is the probe)."""
        with self._lock:
            if self._failures < self._limit:
                return "closed"
            return "open" if self._probing or self._clock() < self._until else "half-open"

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Around one attempt. An escaping NoAnswer or TryLater is a failure, anything else is an answer.

        Raises StoreUnavailable at once while the breaker is open.
        """
        probe = self._enter()
        try:
            yield
        except (NoAnswer, TryLater):
            self._leave(probe, failed=True)
            raise
        except BaseException:
            self._leave(probe, failed=False)
            raise
        self._leave(probe, failed=False)

    def _enter(self) -> bool:
        with self._lock:
            if self._failures < self._limit:
                return False
            wait = self._until - self._clock()
            if self._probing or wait > 0:
                raise unavailable(f"连续 {self._failures} 次无应答，{max(wait, 0.1):.1f} 秒后再试")
            self._probing = True
            return True

    def _leave(self, probe: bool, *, failed: bool) -> None:
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            self._probing = self._probing and not probe
            if failed and self._failures >= self._limit:
                self._until = self._clock() + self._open_seconds


def attempt(call: Callable[[], T], breaker: Breaker) -> T:
    """One request through the breaker.

    Raises NoAnswer, TryLater, StoreUnavailable where waiting within the call cannot help (wrong credentials, wrong certificate,
    not an Elasticsearch), and the client's ApiError for every other answer.
    """
    with breaker.guarding():
        try:
            return call()
        except UnsupportedProductError as error:
            raise unavailable(NOT_ELASTIC) from error
        except ApiError as error:
            status = error.meta.status
            if status in (401, 403):
                raise unavailable(f"无权访问（{status}），请检查用户、密码或 API 密钥") from error
            if status in BUSY or status >= 500:
                raise TryLater(f"{status} {describe(error)}") from error
            if PRODUCT not in error.meta.headers:  # the client looks for it in good answers only
                raise unavailable(NOT_ELASTIC) from error
            raise
        except ConnectionTimeout as error:
            raise NoAnswer("超时无应答", timed_out=True) from error
        except TlsError as error:
            raise unavailable(f"证书不可信，请检查 MINSHENG_ELASTIC_CA：{error.message}") from error
        except ConnectionError as error:
            raise NoAnswer(f"连接失败：{error.message}") from error
        except TransportError as error:
            shown = error.message[:REASON_CHARACTERS]
            raise NoAnswer(f"应答无法读取（若总是如此，请检查 MINSHENG_ELASTIC_URL）：{shown}") from error


def read(call: Callable[[float], T], breaker: Breaker, deadline: Deadline) -> T:
    """Ask; ask again where the connection broke or the server is busy. `call` gets the seconds that it may take.

    Raises StoreUnavailable; the client's ApiError for answers such as 404.
    """
    reason: object = "时限已过"
    for number, _ in enumerate(deadline.pauses()):
        if number == READ_ATTEMPTS:
            break
        try:
            return attempt(lambda: call(deadline.remaining), breaker)
        except NoAnswer as error:
            reason = error
            if error.timed_out:
                break
        except TryLater as error:
            reason = error
    raise unavailable(reason)


def describe(error: ApiError) -> str:
    """The server's own reason, in one line."""
    body = error.body
    cause = body.get("error") if isinstance(body, dict) else None
    return reason_of(cause) if cause else str(error.message)[:REASON_CHARACTERS]


def reason_of(cause: object) -> str:
    """`type: reason` of an error object and of what caused it, each cut to length (the server quotes whole values)."""
    if not isinstance(cause, dict):
        return str(cause)[:REASON_CHARACTERS]
    text = f"{cause.get('type')}: {cause.get('reason')}"[:REASON_CHARACTERS]
    inner = cause.get("caused_by")
    return f"{text}（{reason_of(inner)}）" if isinstance(inner, dict) else text
