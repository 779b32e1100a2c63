"""S4: bounded consumption."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.wiring import House
from models.errors import InboxFull
from models.labels import Role
from models.settings import Settings


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    # The limiter counts by minutes of the clock: one that stands keeps a test from straddling two of them.
    instant = time.time() // 60 * 60 + 1
    monkeypatch.setattr(time, "time", lambda: instant)
    settings = Settings(home=tmp_path, store="memory", requests_per_minute=10, body_limit_bytes=5_000)
    with House(settings, read_only=True) as house:
        house.users.add("push", "open-sesame-2026", Role.OPERATOR)
        token = house.users.issue_token("push")
        headers = {"authorization": f"Bearer {token}"}
        with TestClient(create_app(house), headers=headers, follow_redirects=False) as browser:
            yield browser


def item(text: str = "路灯不亮") -> dict[str, object]:
    return {"source": "s", "native_id": "1", "payload": {"text": text}}


def test_more_than_the_limit_is_answered_with_429_and_when_to_come_back(browser: TestClient) -> None:
    answers = [browser.get("/books") for _ in range(12)]
    assert [a.status_code for a in answers] == [200] * 10 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["code"] == "MS104"
    assert answers[-1].headers["content-type"] == "application/problem+json"


def test_one_callers_limit_is_not_anothers(browser: TestClient) -> None:
    for _ in range(11):
        browser.get("/books")
    assert browser.get("/books", headers={"authorization": "Bearer other"}).status_code == 401


def test_made_up_tokens_pay_by_their_address(browser: TestClient) -> None:
    codes = [browser.get("/books", headers={"authorization": f"Bearer {n}"}).status_code for n in range(110)]
    assert codes[:100] == [401] * 100
    assert set(codes[100:]) == {429}


def test_static_files_are_not_counted(browser: TestClient) -> None:
    assert {browser.get("/static/app.css").status_code for _ in range(20)} == {200}


def test_signing_in_is_limited_by_address(browser: TestClient) -> None:
    codes = [browser.post("/login", data={"name": f"n{n}", "password": "x"}, headers={"authorization": f"Bearer {n}"}).status_code for n in range(25)]  # fmt: skip
    assert codes.count(429) == 5


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_by_what_it_declares_and_by_what_arrives(browser: TestClient, chunked: bool) -> None:
    body = b"x" * 6_000
    answer = browser.post("/items", content=iter([body[:3_000], body[3_000:]]) if chunked else body)
    assert answer.status_code == 413
    assert answer.json()["fields"]["limit_bytes"] == 5_000


def test_a_full_inbox_refuses_the_whole_batch_and_says_when(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    house: House = browser.app.state.house  # type: ignore[attr-defined]
    house.inbox.limit = 3
    assert browser.post("/items", json={"items": [item(f"路灯{n}") for n in range(2)]}).json() == {
        "accepted": 2,
        "waiting": 2,
    }
    answer = browser.post("/items", json={"items": [item(f"停水{n}") for n in range(2)]})
    assert (answer.status_code, answer.json()["code"]) == (429, InboxFull.code)
    assert int(answer.headers["retry-after"]) >= 1
    books = browser.get("/books").json()
    assert (books["received"], books["waiting"], books["refused"]) == (4, 2, 2)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/records", {"size": 101}),
        ("/records", {"offset": 10_001}),
        ("/records", {"q": "x" * 1_001}),
        ("/figures/hotspots", {"top": 51}),
    ],
)
def test_pages_and_words_are_bounded(browser: TestClient, path: str, params: dict[str, object]) -> None:
    assert browser.get(path, params=params).status_code == 422


def test_only_a_viewer_of_the_whole_city_may_push(browser: TestClient) -> None:
    house: House = browser.app.state.house  # type: ignore[attr-defined]
    house.users.add("east", "open-sesame-2026", Role.OPERATOR, ["河东区"])
    token = house.users.issue_token("east")
    answer = browser.post("/items", json={"items": [item()]}, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "MS404")
    assert house.inbox.books().received == 0
