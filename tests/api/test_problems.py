from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from api.wiring import House
from models.errors import StoreUnavailable
from models.labels import Role

Client = Callable[..., TestClient]
SHAPE = {"type", "title", "status", "detail", "code", "fields"}


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "status", "code"),
    [
        ("GET", "/records?q=(路灯", {}, 400, "MS301"), ("GET", "/records?filter=colour:red", {}, 400, "MS306"),
        ("GET", "/records?since=2026-03-02&until=2026-03-01", {}, 400, "MS306"), ("GET", "/records?size=x", {}, 422, "MS300"),
        ("GET", "/records/none", {}, 404, "MS404"), ("GET", "/nowhere", {}, 404, "HTTP404"), ("DELETE", "/records", {}, 405, "HTTP405"),
        ("POST", "/items", {"content": b"{"}, 422, "MS300"), ("POST", "/items", {"json": {"items": []}}, 422, "MS300"),
        ("POST", "/items", {"json": {"items": [{"source": "s", "payload": {"text": "x", "admin": True}}]}}, 422, "MS300"),
        ("POST", "/route", {"json": {"text": "  "}}, 422, "MS201"),
        ("GET", "/figures/index?by=moon", {}, 422, "MS300"), ("GET", "/figures/hotspots?since=2026-02-01&until=2026-01-01", {}, 400, "MS306"),
    ],
)  # fmt: skip
def test_every_error_has_the_one_shape(
    client: Client, method: str, path: str, kwargs: dict[str, object], status: int, code: str
) -> None:
    answer = client(Role.OPERATOR).request(method, path, **kwargs)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == SHAPE
    assert answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(("。", "。）"))


def test_the_value_seen_is_named(client: Client) -> None:
    assert "'colour:red'" in client(Role.ANALYST).get("/records", params={"filter": "colour:red"}).json()["detail"]


def test_a_sick_store_is_a_503_with_a_code_and_when_to_come_back(
    client: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable(engine="elastic", reason="no route")

    monkeypatch.setattr(house.store, "search", away)
    answer = client(Role.ANALYST).get("/records")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "MS101", "5")
    assert client().get("/readyz").status_code == 503
    assert client().get("/healthz").status_code == 200


def test_a_bug_shows_nothing_of_the_inside(client: Client, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret-detail")

    monkeypatch.setattr(house.store, "search", broken)
    answer = client(Role.ANALYST).get("/records")
    assert (answer.status_code, answer.json()["code"]) == (500, "MS000")
    assert "secret-detail" not in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/records/none", "/admin"])
def test_a_browser_gets_a_page_and_htmx_a_part(client: Client, path: str) -> None:
    page = client(Role.ANALYST, headers={"accept": "text/html"}).get(path)
    assert page.status_code == 404
    assert page.text.lstrip().startswith("<!")
    part = client(Role.ANALYST, headers={"hx-request": "true"}).get(path)
    assert part.status_code == 404
    assert "<html" not in part.text


def test_the_headers_of_every_answer(client: Client) -> None:
    for path in ("/login", "/records", "/nowhere", "/static/app.css"):
        headers = client(Role.ANALYST).get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        if not path.startswith("/static"):
            assert "unsafe-inline" not in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"
