"""A state database that is away, or locked by another: whoever keeps something in it says "busy, try again", never "a bug"."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.app import create_app
from api.auth import SESSION_COOKIE
from api.wiring import House
from indices.audit import AuditLog, Note
from indices.civic.decisions import Decisions
from indices.database import connect, create_tables, reading, writing
from indices.figures import FigureCache
from indices.users import Users, csrf_token
from indices.users import users as users_table
from models.errors import DatabaseBusy
from models.figures import Hotspots, Source
from models.labels import Role
from models.query import Query
from models.settings import Settings

PASSWORD = "open-sesame-2026"


class State:
    """A house whose state database can be taken away and locked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.elsewhere = folder / "home", folder / "elsewhere"
        settings = Settings(home=self.folder, store="memory", requests_per_minute=10_000)
        self.house = House(settings, read_only=True)
        self.engine = connect(settings.database, timeout_seconds=0.05)
        create_tables(self.engine)
        self.house.__dict__["database"] = self.engine
        self.other = connect(settings.database)
        self.house.users.add("wang", PASSWORD, Role.OPERATOR)
        self.session = self.house.users.sign_in("wang", PASSWORD)[1]
        self.token = self.house.users.issue_token("wang")

    def away(self) -> None:
        self.engine.dispose()
        self.other.dispose()
        self.folder.rename(self.elsewhere)

    def back(self) -> None:
        self.elsewhere.rename(self.folder)

    def close(self) -> None:
        self.house.close()
        self.engine.dispose()
        self.other.dispose()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path)
    yield state
    state.close()


FIGURE = Hotspots(
    hotspots=(), source=Source(query=Query(), n=0, computed_at=datetime(2026, 3, 1, tzinfo=UTC), versions={})
)
READS: dict[str, Callable[[State], Any]] = {
    "AuditLog.rows": lambda s: s.house.audit.rows(),
    "AuditLog.verify": lambda s: s.house.audit.verify(),
    "Decisions.labels": lambda s: s.house.decisions.labels(),
    "Decisions.last": lambda s: s.house.decisions.last("wang"),
    "Decisions.standing": lambda s: s.house.decisions.standing(["a"]),
    "Decisions.tally": lambda s: s.house.decisions.tally("wang", 0.0),
    "Users.count": lambda s: s.house.users.count(),
    "Users.list": lambda s: s.house.users.list(),
    "Users.viewer": lambda s: s.house.users.viewer(s.session, "session"),
}
WRITES: dict[str, Callable[[State], Any]] = {
    "AuditLog.expire": lambda s: s.house.audit.expire(1),
    "AuditLog.note": lambda s: s.house.audit.note("wang", "a", "b"),
    "AuditLog.write": lambda s: s.house.audit.write([Note(1.0, "wang", "a", "b", True)]),
    "Decisions.decide": lambda s: s.house.decisions.decide("a", "wang", "person"),
    "Decisions.undo": lambda s: s.house.decisions.undo("wang"),
    "FigureCache.expire": lambda s: s.house.figures.expire(1),
    "FigureCache.get": lambda s: s.house.figures.get(Hotspots, "n", "q", mark=1, max_age_seconds=1, compute=lambda: FIGURE),
    "Users.add": lambda s: s.house.users.add("li", PASSWORD, Role.LEADER),
    "Users.expire": lambda s: s.house.users.expire(),
    "Users.issue_token": lambda s: s.house.users.issue_token("wang"),
    "Users.remove": lambda s: s.house.users.remove("li"),
    "Users.set_password": lambda s: s.house.users.set_password("wang", PASSWORD),
    "Users.sign_in": lambda s: s.house.users.sign_in("wang", PASSWORD),
    "Users.sign_out": lambda s: s.house.users.sign_out(s.session),
    "Users.unlock": lambda s: s.house.users.unlock("wang"),
}  # fmt: skip


def test_every_call_is_listed() -> None:
    found = {f"{kind.__name__}.{name}" for kind in (AuditLog, Decisions, FigureCache, Users)
             for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}  # fmt: skip
    assert found == set(READS) | set(WRITES)


@pytest.mark.parametrize("call", [*READS, *WRITES])
def test_a_database_that_is_away_is_busy(state: State, call: str) -> None:
    ask = (READS | WRITES)[call]
    state.house.users, state.house.audit, state.house.decisions, state.house.figures  # noqa: B018 - made before
    state.away()
    with pytest.raises(DatabaseBusy, match="unable to open"):
        ask(state)
    state.back()


@pytest.mark.parametrize("call", WRITES)
def test_a_locked_database_is_busy_to_writers(state: State, call: str) -> None:
    with state.other.begin(), pytest.raises(DatabaseBusy, match="locked"):
        WRITES[call](state)


@pytest.mark.parametrize("call", READS)
def test_a_locked_database_is_read(state: State, call: str) -> None:
    with state.other.begin():
        READS[call](state)


def test_no_free_connection_is_busy(state: State) -> None:
    def full() -> Any:
        raise PoolTimeout("QueuePool limit of size 5 overflow 10 reached")

    state.engine.raw_connection, state.engine.connect = full, full  # type: ignore[method-assign]
    for way in (reading, writing):
        with pytest.raises(DatabaseBusy, match="QueuePool"), way(state.engine):
            pass


# --- over HTTP ---------------------------------------------------------------------------------------------------------------
ROUTES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/records", {}), ("GET", "/figures/hotspots", {}), ("GET", "/figures/index", {"params": {"by": "district"}}),
    ("GET", "/books", {}), ("POST", "/items", {"json": {"items": [{"source": "s", "payload": {"text": "路灯"}}]}}),
    ("GET", "/", {}), ("GET", "/desk", {}), ("GET", "/search/results", {"params": {"q": "路灯"}}), ("GET", "/briefing", {}),
    ("POST", "/logout", {}), ("POST", "/login", {"data": {"name": "wang", "password": PASSWORD}}),
)  # fmt: skip
READ_ONLY = {"/books"}


@pytest.fixture
def browser(state: State) -> Iterator[TestClient]:
    with TestClient(create_app(state.house), follow_redirects=False, raise_server_exceptions=False) as browser:
        browser.cookies.set(SESSION_COOKIE, state.session)
        browser.headers["X-CSRF-Token"] = csrf_token(state.session)
        yield browser


def is_busy(answer: Any, what: str) -> None:
    assert answer.status_code == 503, (what, answer.text[:300])
    assert int(answer.headers["retry-after"]) >= 1, what


@pytest.mark.parametrize(("method", "path", "request_"), ROUTES, ids=[path for _, path, _ in ROUTES])
def test_a_route_answers_503_and_when_to_come_back(
    browser: TestClient, state: State, method: str, path: str, request_: dict[str, Any]
) -> None:
    assert browser.request(method, path, **request_).status_code < 500
    if path == "/logout":
        state.session = state.house.users.sign_in("wang", PASSWORD)[1]
        browser.cookies.set(SESSION_COOKIE, state.session)
        browser.headers["X-CSRF-Token"] = csrf_token(state.session)
    state.away()
    answer = browser.request(method, path, **request_)
    is_busy(answer, path)
    assert (answer.json()["code"], answer.headers["content-type"]) == ("MS102", "application/problem+json")
    is_busy(browser.request(method, path, **request_, headers={"accept": "text/html"}), path)
    state.back()
    with state.other.begin():
        answer = browser.request(method, path, **request_)
        if path not in READ_ONLY:
            is_busy(answer, path)
    assert browser.request(method, path, **request_).status_code < 500, "it is back"


def test_a_program_with_its_token_too(browser: TestClient, state: State) -> None:
    browser.cookies.clear()
    headers = {"authorization": f"Bearer {state.token}"}
    assert browser.get("/books", headers=headers).status_code == 200
    state.away()
    is_busy(browser.get("/books", headers=headers), "/books")
    is_busy(browser.get("/readyz"), "/readyz")
    assert browser.get("/healthz").status_code == 200
    state.back()
    assert browser.get("/books", headers=headers).status_code == 200


def test_nothing_is_half_written(state: State) -> None:
    """A password that could not be changed is the old one, and its sessions go on."""
    with state.other.begin(), pytest.raises(DatabaseBusy):
        state.house.users.set_password("wang", "another-word-2027")
    assert state.house.users.viewer(state.session, "session").name == "wang"
    assert state.house.users.sign_in("wang", PASSWORD)[0].name == "wang"
    with state.engine.connect() as connection:
        assert connection.execute(select(users_table.c.failures)).scalar_one() == 0
