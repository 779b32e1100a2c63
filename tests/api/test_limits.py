"""S4: bounded consumption."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.limits import Limits
from api.wiring import House
from models.errors import InboxFull
from models.labels import Role
from models.settings import Settings


class Clock:
    """The limiter counts by minutes of the clock: one that stands keeps a test from straddling two of them."""

    def __init__(self) -> None:
        self.now = time.time() // 60 * 60 + 1

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr("api.limits.REFUSAL_SECONDS", 0.0)
    return clock


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    settings = Settings(home=tmp_path, store="memory", requests_per_minute=10, body_limit_bytes=5_000)
    with House(settings, read_only=True) as house:
        house.users.add("push", "open-sesame-2026", Role.OPERATOR)
        yield house


def token(house: House) -> dict[str, str]:
    return {"authorization": f"Bearer {house.users.issue_token('push')}"}


@pytest.fixture
def browser(house: House, clock: Clock) -> Iterator[TestClient]:
    """With a token that became known two minutes ago."""
    with TestClient(create_app(house), headers=token(house), follow_redirects=False) as browser:
        assert browser.get("/books").status_code == 200
        clock.now += 120
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


def test_made_up_tokens_and_no_token_share_the_limit_of_their_address(browser: TestClient, house: House) -> None:
    made_up = [{"authorization": f"Bearer {n}"} for n in range(5)]
    cookies = [{"authorization": f"Basic {n}", "cookie": f"minsheng_session={n}"} for n in range(6)]
    codes = [browser.get("/books", headers=headers).status_code for headers in (*made_up, *cookies)]
    assert codes == [401] * 10 + [429]
    assert browser.get("/healthz", headers={"authorization": "Bearer 99"}).status_code == 429
    assert browser.get("/books").status_code == 200, "who is known has a limit of its own"
    assert browser.get("/books", headers=token(house)).status_code == 429, "who is not known yet has not"


def test_a_made_up_token_does_not_become_known_where_everybody_may_ask(browser: TestClient) -> None:
    codes = [browser.get("/healthz", headers={"authorization": f"Bearer {n % 2}"}).status_code for n in range(12)]
    assert codes == [200] * 10 + [429] * 2


def test_a_session_is_known_whatever_else_is_sent(browser: TestClient, house: House) -> None:
    """Else each new `Authorization` beside a good cookie would bring a limit of its own."""
    cookie = f"minsheng_session={house.users.sign_in('push', 'open-sesame-2026')[1]}"
    sent = [{"authorization": f"Basic {n}", "cookie": cookie} for n in range(14)]
    codes = [browser.get("/books", headers=headers).status_code for headers in sent]
    assert codes == [200] * 10 + [429] * 4


def test_the_request_by_which_a_token_becomes_known_counts_for_both(browser: TestClient, house: House) -> None:
    own = token(house)
    assert [browser.get("/books", headers=own).status_code for _ in range(11)] == [200] * 10 + [429]
    strangers = [browser.get("/books", headers={"authorization": f"Bearer {n}"}).status_code for n in range(10)]
    assert strangers == [401] * 9 + [429]


def test_what_one_caller_is_refused_costs_the_others_of_its_address_nothing(browser: TestClient, house: House) -> None:
    other = token(house)
    assert browser.get("/books", headers=other).status_code == 200
    codes = [browser.get("/books").status_code for _ in range(150)]
    assert codes.count(200) == 10
    assert browser.get("/books", headers=other).status_code == 200


def test_an_address_has_a_limit_for_all_its_callers_together(browser: TestClient, house: House, clock: Clock) -> None:
    callers = [token(house) for _ in range(12)]
    for caller in callers:
        browser.get("/books", headers=caller)
    clock.now += 120
    for caller in callers:
        while browser.get("/books", headers=caller).status_code == 200:
            pass
    clock.now += 59 - clock.now % 60
    answer = browser.get("/books")
    assert (answer.status_code, answer.json()["fields"]["limit"]) == (429, "每分钟 100 次")


@pytest.mark.parametrize("after", [0.0, 7.5, 58.0])
@pytest.mark.parametrize("former", [0, 4, 10])
def test_who_comes_back_when_told_is_admitted(browser: TestClient, clock: Clock, former: int, after: float) -> None:
    for _ in range(former):
        browser.get("/books")
    clock.now += 60 + after
    while (answer := browser.get("/books")).status_code == 200:
        pass
    clock.now += int(answer.headers["retry-after"])
    assert browser.get("/books").status_code == 200


def test_static_files_are_not_counted(browser: TestClient) -> None:
    assert {browser.get("/static/app.css").status_code for _ in range(20)} == {200}


def test_signing_in_is_limited_by_address(house: House) -> None:
    settings = house.settings.model_copy(update={"requests_per_minute": 100})
    object.__setattr__(house, "settings", settings)
    with TestClient(create_app(house)) as browser:
        codes = [browser.post("/login", data={"name": f"n{n}", "password": "x"}, headers={"authorization": f"Bearer {n}"}).status_code for n in range(25)]  # fmt: skip
    assert codes == [401] * 20 + [429] * 5


# --- bodies -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_by_what_it_declares_and_by_what_arrives(browser: TestClient, chunked: bool) -> None:
    body = b"x" * 6_000
    answer = browser.post("/items", content=iter([body[:3_000], body[3_000:]]) if chunked else body)
    assert answer.status_code == 413
    assert answer.json()["fields"]["limit_bytes"] == 5_000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_counts_for_more(
    browser: TestClient, clock: Clock, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    """4,500 bytes at 1,000 a request: five of ten."""
    monkeypatch.setattr("api.limits.BODY_BYTES", 1_000)

    def push() -> httpx.Response:
        body = b"x" * 4_500
        return browser.post("/items", content=iter([body[:3_000], body[3_000:]]) if chunked else body)

    answers = [push() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert "每分钟 10 次" in answers[-1].json()["detail"]
    if not chunked:  # that one has paid for its first part
        assert browser.get("/books").status_code == 429
        clock.now += int(answers[-1].headers["retry-after"])
        assert push().status_code == 422, "all or nothing: a refused batch has used up nothing"


def test_a_body_that_alone_is_more_than_the_limit_takes_all_of_it(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.limits.BODY_BYTES", 100)
    assert [browser.post("/items", content=b"x" * 4_500).status_code for _ in range(2)] == [422, 429]


def test_a_full_inbox_refuses_the_whole_batch_and_says_when(browser: TestClient, house: House) -> None:
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


def test_only_a_viewer_of_the_whole_city_may_push(browser: TestClient, house: House) -> None:
    house.users.add("east", "open-sesame-2026", Role.OPERATOR, ["河东区"])
    token = house.users.issue_token("east")
    answer = browser.post("/items", json={"items": [item()]}, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "MS404")
    assert house.inbox.books().received == 0


# --- one at a time, and refusals that wait ----------------------------------------------------------------------------
class Works:
    """An application that notes what is in work at the same time."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.most: list[list[str]] = []
        self.done: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        what = scope["query_string"].decode()
        self.now.append(what)
        self.most.append(sorted(self.now))
        await asyncio.sleep(0.01)
        self.now.remove(what)
        self.done.append(what)
        if "authorization" in dict(Headers(scope=scope)):
            scope.setdefault("state", {})["viewer"] = "somebody"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(limits: Limits, caller: str, what: str, path: str = "/records") -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {caller}".encode())] if caller else []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": what.encode(), "headers": headers,
             "client": ("192.0.2.1", 1), "server": ("test", 80), "scheme": "http"}  # fmt: skip
    await limits(scope, receive, send)
    return int(sent[0]["status"])


async def known(works: Works, *callers: str, per_minute: int = 100) -> Limits:
    limits = Limits(works, Settings(requests_per_minute=per_minute))
    for caller in callers:
        await ask(limits, caller, "first")
    works.most.clear()
    works.done.clear()
    return limits


def test_of_each_caller_one_request_is_in_work_and_the_others_follow_in_order() -> None:
    works = Works()

    async def run() -> None:
        limits = await known(works, "a", "b")
        await asyncio.gather(*(ask(limits, caller, f"{caller}{n}") for n in range(4) for caller in "ab"))

    asyncio.run(run())
    assert max(map(len, works.most)) == 2
    assert all(len({what[0] for what in together}) == len(together) for together in works.most)
    assert [what for what in works.done if what[0] == "a"] == ["a0", "a1", "a2", "a3"]


def test_strangers_of_one_address_are_one_caller() -> None:
    works = Works()

    async def run() -> None:
        limits = await known(works)
        await asyncio.gather(*(ask(limits, "", f"{n}") for n in range(3)), *(ask(limits, f"x{n}", "x") for n in "12"))

    asyncio.run(run())
    assert max(map(len, works.most)) == 1


def test_who_waits_for_an_export_may_read_on_but_has_one_export_at_a_time() -> None:
    works = Works()

    async def run() -> None:
        limits = await known(works, "a")
        exports = [ask(limits, "a", f"export{n}", "/search/export") for n in range(3)]
        await asyncio.gather(*exports, *(ask(limits, "a", f"page{n}") for n in range(3)))

    asyncio.run(run())
    assert max(map(len, works.most)) == 2
    assert all(
        ["".join(filter(str.isalpha, w)) for w in both] in (["export"], ["page"], ["export", "page"])
        for both in works.most
    )


def test_a_caller_that_failed_lets_its_next_request_in() -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError

    async def run() -> None:
        limits = Limits(fails, Settings(requests_per_minute=100))
        answers = await asyncio.gather(*(ask(limits, "a", "x") for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [RuntimeError] * 3

    asyncio.run(asyncio.wait_for(run(), 5))


def test_a_refusal_waits_and_holds_nobody_else_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.limits.REFUSAL_SECONDS", 0.3)
    monkeypatch.setattr(time, "time", Clock())

    async def timed(limits: Limits, caller: str) -> tuple[int, float]:
        begun = time.monotonic()
        return await ask(limits, caller, "x"), time.monotonic() - begun

    async def run() -> list[tuple[int, float]]:
        limits = await known(Works(), "a", "b", per_minute=2)
        for _ in range(2):
            await ask(limits, "a", "x")
        return await asyncio.gather(*(timed(limits, "a") for _ in range(5)), timed(limits, "b"))

    *refused, (status, seconds) = asyncio.run(run())
    assert {code for code, _ in refused} == {429}
    assert all(0.3 <= waited < 1.5 for _, waited in refused), "each for itself, not one after the other"
    assert (status, seconds < 0.3) == (200, True)
