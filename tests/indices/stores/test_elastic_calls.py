"""Deadlines, retries and the breaker."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest

pytest.importorskip("elasticsearch")
from elastic_transport import ApiResponseMeta, ConnectionError, ConnectionTimeout, HttpHeaders, NodeConfig, TlsError
from elasticsearch import ApiError, NotFoundError, UnsupportedProductError

from indices.stores.elastic_calls import Breaker, Deadline, NoAnswer, TryLater, attempt, describe, read, reason_of
from models.errors import StoreUnavailable


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def api_error(status: int, kind: type[ApiError] = ApiError, body: Any = None) -> ApiError:
    meta = ApiResponseMeta(
        status, "1.1", HttpHeaders({"x-elastic-product": "Elasticsearch"}), 0.0, NodeConfig("http", "h", 1)
    )
    return kind("message", meta, body if body is not None else {"error": {"type": "t", "reason": f"r{status}"}})


def raising(*errors: Exception | str) -> tuple[Callable[[], str], list[int]]:
    """A call that raises each error in turn and returns each string in turn, and how often it was made."""
    left, made = list(errors), [0]

    def call() -> str:
        made[0] += 1
        error = left.pop(0)
        if isinstance(error, Exception):
            raise error
        return error

    return call, made


# --- breaker ----------------------------------------------------------------------------------------------------
def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(NoAnswer):
            attempt(raising(ConnectionError("gone"))[0], breaker)


def test_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3, open_seconds=5, clock=Clock())
    fail(breaker, 2)
    assert attempt(lambda: "fine", breaker) == "fine"
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"


def test_an_open_breaker_asks_nobody_and_says_when_to_return() -> None:
    breaker = Breaker(failures=1, open_seconds=5, clock=Clock())
    fail(breaker, 1)
    call, made = raising("never")
    with pytest.raises(StoreUnavailable, match=r"5\.0 秒"):
        attempt(call, breaker)
    assert made == [0]


def test_one_probe_closes_it_or_opens_it_again() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, open_seconds=5, clock=clock)
    fail(breaker, 2)
    clock.now += 5
    assert breaker.state == "half-open"
    fail(breaker, 1)
    assert breaker.state == "open"
    clock.now += 5
    assert attempt(lambda: "back", breaker) == "back"
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "closed", "the count began anew"


def test_only_one_of_many_probes() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, open_seconds=1, clock=clock)
    fail(breaker, 1)
    clock.now += 1
    start, results = Barrier(8), list[str]()

    def probe() -> str:
        time.sleep(0.2)
        return "probed"

    def ask() -> None:
        start.wait()
        try:
            results.append(attempt(probe, breaker))
        except StoreUnavailable:
            results.append("refused")

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["probed"] + ["refused"] * 7


def test_a_probe_that_is_interrupted_frees_the_place() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, open_seconds=1, clock=clock)
    fail(breaker, 1)
    clock.now += 1
    with pytest.raises(KeyboardInterrupt), breaker.guarding():
        raise KeyboardInterrupt
    assert breaker.state == "closed"


def test_an_error_that_is_an_answer_is_no_failure() -> None:
    breaker = Breaker(failures=1, clock=Clock())
    with pytest.raises(NotFoundError):
        attempt(raising(api_error(404, NotFoundError))[0], breaker)
    assert breaker.state == "closed"


# --- one attempt ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "kind", "shown"),
    [
        (ConnectionError("refused"), NoAnswer, "refused"),
        (ConnectionTimeout("slow"), NoAnswer, "超时"),
        (TlsError("self-signed"), StoreUnavailable, "MINSHENG_ELASTIC_CA"),
        (api_error(401), StoreUnavailable, "401"),
        (api_error(403), StoreUnavailable, "密钥"),
        (api_error(200, UnsupportedProductError), StoreUnavailable, "MINSHENG_ELASTIC_URL"),
        (api_error(429), TryLater, "r429"),
        (api_error(500), TryLater, "r500"),
        (api_error(503), TryLater, "r503"),
        (api_error(404, NotFoundError), NotFoundError, "404"),
    ],
)
def test_what_each_error_means(error: Exception, kind: type[Exception], shown: str) -> None:
    with pytest.raises(kind, match=shown):
        attempt(raising(error)[0], Breaker())


# --- reading ----------------------------------------------------------------------------------------------------
def test_a_read_is_repeated_over_a_broken_connection_and_a_busy_server() -> None:
    call, made = raising(ConnectionError("x"), api_error(429), "found")
    assert read(lambda _: call(), Breaker(), Deadline(5)) == "found"
    assert made == [3]


def test_a_read_gives_up_after_three_attempts() -> None:
    call, made = raising(*[api_error(503)] * 4)
    with pytest.raises(StoreUnavailable, match="r503"):
        read(lambda _: call(), Breaker(), Deadline(5))
    assert made == [3]


def test_a_read_is_not_repeated_after_a_time_out() -> None:
    call, made = raising(ConnectionTimeout("x"), "never")
    with pytest.raises(StoreUnavailable, match="超时"):
        read(lambda _: call(), Breaker(), Deadline(5))
    assert made == [1]


def test_a_read_gets_the_seconds_that_are_left() -> None:
    given: list[float] = []

    def call(seconds: float) -> str:
        given.append(seconds)
        if len(given) < 3:
            raise ConnectionError("x")
        return "found"

    read(call, Breaker(), Deadline(1.5))
    assert 1.5 >= given[0] > given[1] > given[2] > 0.5


# --- pauses -----------------------------------------------------------------------------------------------------
def test_pauses_end_by_the_deadline_and_grow() -> None:
    deadline, begin = Deadline(0.6), time.monotonic()
    gaps: list[float] = []
    last = begin
    for _ in deadline.pauses():
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
    assert time.monotonic() - begin <= 0.65
    assert gaps[0] < 0.01, "the first attempt is made at once"
    assert 3 <= len(gaps) <= 30


def test_a_deadline_that_has_passed_still_gives_one_attempt() -> None:
    assert len(list(Deadline(-1).pauses())) == 1


# --- reasons ----------------------------------------------------------------------------------------------------
def test_reasons_name_type_and_innermost_cause() -> None:
    cause = {"type": "a", "reason": "b", "caused_by": {"type": "c", "reason": "d"}}
    assert reason_of(cause) == "a: b（c: d）"
    assert reason_of("plain") == "plain"
    assert len(reason_of({"type": "a", "reason": "x" * 9_000})) == 160
    assert reason_of({"type": "a", "reason": "x" * 9_000, "caused_by": cause}).endswith("（a: b（c: d））")
    assert describe(api_error(400, body={"error": cause})) == "a: b（c: d）"
    assert len(describe(api_error(502, body="<p>" * 999))) <= 160
    assert describe(api_error(502, body="<html>Bad gateway</html>")) == "message"
