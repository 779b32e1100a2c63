"""The audit rows of a request: together, and on the disk before its answer leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from api.noting import Noting
from api.questions import FACETS
from api.wiring import House
from indices.audit import AuditLog
from models.errors import DatabaseBusy
from models.labels import Role

Client = Callable[..., TestClient]
EAST = "河东区"
ASGI = {"version": "3.0", "spec_version": "2.4"}


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each commit had."""
    counted: list[int] = []
    write = AuditLog.write

    def counting(log: AuditLog, notes: Any) -> None:
        counted.append(len(notes))
        write(log, notes)

    monkeypatch.setattr(AuditLog, "write", counting)
    return counted


def actions(house: House) -> list[str]:
    return [row.action for row in reversed(house.audit.rows())]


def test_a_search_with_its_facets_is_one_commit(client: Client, house: House, commits: list[int]) -> None:
    answer = client(Role.ANALYST).get("/records", params={"q": "路灯"})
    assert answer.status_code == 200
    assert commits == [1 + len(FACETS)]
    assert actions(house) == ["record.search"] + ["record.count"] * len(FACETS)
    assert house.audit.verify() is None


def test_what_was_denied_or_not_found_is_noted_too(client: Client, house: House, commits: list[int]) -> None:
    assert client(Role.RESEARCHER).get("/admin").status_code == 404
    assert client(Role.ANALYST, [EAST]).get(f"/records/{1:032x}").status_code == 404
    assert client().post("/login", data={"name": "x", "password": "y"}).status_code == 401
    assert [(row.action, row.success) for row in reversed(house.audit.rows())] == [
        ("route.denied", False),
        ("record.read", False),
        ("session.open", False),
    ]
    assert commits == [1, 1, 1]


def test_a_request_without_a_row_commits_nothing(client: Client, commits: list[int]) -> None:
    for path in ("/healthz", "/login", "/static/app.css", "/nowhere"):
        client().get(path)
    assert commits == []


@pytest.mark.parametrize("path", ["/records", "/search", "/search/export?format=csv", f"/records/{2:032x}", "/nowhere"])
def test_what_cannot_be_noted_is_not_shown(client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def busy(*_: object) -> None:
        raise DatabaseBusy(reason="locked")

    browser = client(Role.ANALYST)
    shown = browser.get(path)
    assert ("路灯不亮" in shown.text) == (path != "/nowhere")
    monkeypatch.setattr(AuditLog, "write", busy)
    answer = browser.get(path)
    if path == "/nowhere":
        assert answer.status_code == 404
        return
    assert (answer.status_code, answer.json()["code"]) == (503, DatabaseBusy.code)
    assert "路灯不亮" not in answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_was_seen_before_a_bug_is_noted(client: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(house.store, "aggregate", broken)
    assert client(Role.ANALYST).get("/records").status_code == 500
    assert actions(house) == ["record.search", "record.count"]


def test_the_rows_are_there_when_the_answer_begins_and_later_ones_at_once(house: House) -> None:
    def page(request: Request) -> Response:
        house.audit.note("w", "first", "")
        assert actions(house) == [], "they wait for the answer"
        return PlainTextResponse("x")

    async def streamed(request: Request) -> Response:
        async def parts() -> AsyncIterator[str]:
            house.audit.note("w", "second", "")
            assert actions(house) == ["first", "first", "second"]
            yield "x"

        house.audit.note("w", "first", "")
        return StreamingResponse(parts())

    app = Noting(Starlette(routes=[Route("/page", page), Route("/streamed", streamed)]), house)
    seen: list[list[str]] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.append(actions(house))

    async def run() -> None:
        for path in ("/page", "/streamed"):
            scope = {
                "type": "http",
                "method": "GET",
                "path": path,
                "headers": [],
                "query_string": b"",
                "root_path": "",
                "asgi": ASGI,
            }
            await app(scope, receive, send)
        house.audit.note("w", "third", "")  # outside of a request: at once

    asyncio.run(run())
    assert seen == [["first"], ["first", "first"]]
    assert actions(house) == ["first", "first", "second", "third"]


def test_requests_at_the_same_time_do_not_mix_their_rows(house: House, commits: list[int]) -> None:
    gate = asyncio.Event()

    async def page(request: Request) -> Response:
        name = request.query_params["name"]
        house.audit.note(name, "one", "")
        if name == "a":
            await gate.wait()
        else:
            gate.set()
        house.audit.note(name, "two", "")
        return PlainTextResponse("x")

    app = Noting(Starlette(routes=[Route("/", page)]), house)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    async def ask(name: str) -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": f"name={name}".encode(), "root_path": "",
                 "asgi": ASGI}  # fmt: skip
        await app(scope, receive, send)

    async def both() -> None:
        await asyncio.gather(ask("a"), ask("b"))

    asyncio.run(both())
    assert commits == [2, 2]
    rows = [(row.who, row.action) for row in reversed(house.audit.rows())]
    assert rows in (
        [("b", "one"), ("b", "two"), ("a", "one"), ("a", "two")],
        [("a", "one"), ("a", "two"), ("b", "one"), ("b", "two")],
    )
