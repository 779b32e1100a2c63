"""`make run`'s city, very small: what is prepared, and that everybody can sign in."""

from __future__ import annotations

import csv
import os
import re
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import answers, demo
from api.app import create_app
from api.questions import today
from api.wiring import House
from crawlers.simulation.orders import SOURCE, simulate
from indices.access import ScopedStore
from indices.audit import AuditRow
from models.clock import city_day
from models.labels import ROLE_NAMES, Role
from models.query import Query
from models.settings import Settings
from models.viewer import Viewer

pytestmark = pytest.mark.slow
DAYS, PER_DAY = 30, 2


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(settings, first summary, second summary): the city made, and the same house started again."""
    patch = pytest.MonkeyPatch()
    patch.setenv("MINSHENG_CITY", "a place holder, so that the variable is given back")
    patch.delenv("MINSHENG_CITY")
    settings = Settings(home=tmp_path_factory.mktemp("demo"), store="embedded")
    first = demo.prepare(settings, days=DAYS, per_day=PER_DAY)
    named = os.environ.get("MINSHENG_CITY", "")
    yield settings, first, demo.prepare(settings, days=DAYS, per_day=PER_DAY), named
    patch.undo()


@pytest.fixture
def house(prepared: Any) -> Any:
    with House(prepared[0], read_only=True) as house:
        yield house


def lines(summary: str) -> dict[str, str]:
    return {
        line.split()[0]: line for line in summary.format(address="http://127.0.0.1:1/").splitlines() if line.strip()
    }


def password(summary: str) -> str:
    found = re.search(r"密码\s+(\S+?)（", summary)
    assert found
    return found[1]


def test_the_summary_says_in_ten_lines_what_to_open_and_as_whom(prepared: Any, house: House) -> None:
    said = lines(prepared[1])
    assert len(said) == 10
    assert "{" not in "".join(said.values())
    orders = house.store.search(Query(size=0)).total
    assert f"{orders:,} 件诉求，{DAYS} 天" in said["城市"]
    assert re.search(r"\d+ 个热点，满意度 (样本不足|\d+\.\d)", said["城市"])
    for name in demo.NAMES.values():
        assert re.search(rf"\b{name}\b", "\n".join(said.values())), name
    assert str(prepared[0].home) in said["数据"]


def test_the_city_came_in_like_any_other_source(prepared: Any, house: House) -> None:
    books = house.inbox.books(SOURCE)
    assert books.difference == 0
    assert books.stored == books.received == house.store.search(Query(size=0)).total > DAYS * PER_DAY
    days = {city_day(record.created_at) for record in house.store.scan(Query())}
    assert max(days) <= today() - timedelta(days=1)
    assert min(days) > today() - timedelta(days=DAYS + 3)
    assert prepared[3], "the city's name is given to the server and its children"
    assert prepared[3] in prepared[1]


def test_the_catalogue_is_one_that_the_house_reads(house: House) -> None:
    with (house.folder / "catalogue.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(house.catalogue.entries) == len(rows) > 10


def test_started_again_it_takes_nothing_in_twice_and_has_a_new_password(prepared: Any, house: House) -> None:
    _, first, second, _ = prepared
    assert lines(first)["城市"] == lines(second)["城市"]
    assert password(first) != password(second)
    assert house.inbox.books(SOURCE).duplicate == 0
    assert len(house.users.list()) == len(demo.NAMES) == len(Role)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_can_sign_in_and_open_a_page(prepared: Any, house: House, role: Role) -> None:
    browser = TestClient(create_app(house), follow_redirects=True, headers={"accept": "text/html"})
    answer = browser.post("/login", data={"name": demo.NAMES[role], "password": password(prepared[2])})
    assert answer.status_code == 200, answer.text[:500]
    assert "login" not in answer.url.path
    assert demo.NAMES[role] in answer.text
    old = TestClient(create_app(house)).post(
        "/login", data={"name": demo.NAMES[role], "password": password(prepared[1])}
    )
    assert old.status_code == 401


def test_the_accounts_are_in_the_audit_log_and_no_password_is(prepared: Any, house: House) -> None:
    rows: list[AuditRow] = house.audit.rows(limit=1_000)
    made = [row.object for row in rows if row.action == "user.demo"]
    assert set(made) == {f"{name} {ROLE_NAMES[role]}" for role, name in demo.NAMES.items()}
    assert not [row for row in rows if password(prepared[1]) in row.object or password(prepared[2]) in row.object]


def test_the_figures_of_the_newest_day_are_there_already(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page is quick: hotspots and index were computed while the city was prepared."""
    newest = city_day(house.store.search(Query(size=1)).hits[0].record.created_at)
    asked: list[Any] = []

    def never(*args: Any, **_: Any) -> Any:
        asked.append(args)
        raise AssertionError("computed again")

    monkeypatch.setattr("indices.civic.hotspots.find_hotspots", never)
    monkeypatch.setattr("indices.civic.satisfaction.satisfaction", never)
    reader = ScopedStore(house.store, Viewer(name="w", role=Role.LEADER), house.audit)
    end = newest + timedelta(days=1)
    answers.hotspots(house, reader, newest - timedelta(days=6), end, top=20)
    for by in ("department", "week", "district"):
        answers.index(house, reader, by, newest - timedelta(days=89), end)
    assert asked == []


def test_a_start_that_was_killed_half_way_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSHENG_CITY", "云溪市")
    settings = Settings(home=tmp_path)
    with House(settings) as house:
        plan = demo._plan(house, DAYS, PER_DAY)
        city = simulate(seed=demo.SEED, days=plan.days, per_day=plan.per_day, end=plan.end, events=demo.EVENTS)
        house.inbox.accept(list(islice(city.items(), 20)))  # and then the process was killed
    demo.prepare(settings, days=90, per_day=9)
    with House(settings, read_only=True) as house:
        books = house.inbox.books(SOURCE)
        assert books.stored == len(city) == house.store.search(Query(size=0)).total
        assert (books.duplicate, books.difference) == (20, 0)
