"""Pushing: quotas of an account, signed hooks; the inbox itself is tested elsewhere."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.wiring import House
from crawlers.systems.webhook import OLDEST_SECONDS, signature
from models.clock import CITY_TIME
from models.errors import TooManyRequests
from models.labels import Role

DEFINITION = """
name = "bureau"
legal_basis = "共享协议"
system = "webhook"
secret = "${BUREAU_SECRET}"
items = "data.rows"
[columns]
number = "native_id"
title = "title"
answer = "reply"
"""


@pytest.fixture
def hooked(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("BUREAU_SECRET", "s3cret")
    house.sources_folder.mkdir(parents=True)
    (house.sources_folder / "bureau.toml").write_text(DEFINITION, encoding="utf-8")
    return house


def send(
    browser: Any, told: object, *, secret: str = "s3cret", at: float | None = None, name: str = "bureau", **headers: str
) -> Any:
    body, stamp = json.dumps(told).encode(), str(int(time.time() if at is None else at))
    signed = {"X-Minsheng-Timestamp": stamp, "X-Minsheng-Signature": signature(secret, stamp, body), **headers}
    return browser.post(f"/hooks/{name}", content=body, headers={"Content-Type": "application/json", **signed})


def rows(*numbers: int) -> dict[str, Any]:
    return {"data": {"rows": [{"number": f"B{n}", "title": "路灯不亮"} for n in numbers]}}


def test_a_signed_request_is_taken_in_archived_and_counts_once(client: Any, hooked: House) -> None:
    for _ in range(2):
        answer = send(client(), rows(1, 2))
        assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    items = [leased.item for leased in hooked.inbox.lease(10, "t")]
    assert {(item.source, item.native_id) for item in items} == {("bureau", "B1"), ("bureau", "B2")}
    assert sum(len(part) for _, _, part in hooked.archive.rows("bureau")) == 4


@pytest.mark.parametrize("changes", [
    {"secret": "other"}, {"at": time.time() - OLDEST_SECONDS - 5}, {"at": time.time() + 2 * OLDEST_SECONDS}, {"name": "nothing"},
    {"X-Minsheng-Signature": "sha256=00"}, {"X-Minsheng-Signature": "none"}, {"X-Minsheng-Timestamp": "yesterday"},
])  # fmt: skip
def test_all_else_is_nobodys(client: Any, hooked: House, changes: dict[str, Any]) -> None:
    answer = send(client(), rows(1), **changes)
    assert answer.status_code == 401
    assert hooked.inbox.books().received == 0


def test_a_hook_whose_secret_is_not_set_tells_nobody(
    client: Any, hooked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUREAU_SECRET")
    answer = send(client(), rows(1), secret="")
    assert answer.status_code == 401
    assert "BUREAU_SECRET" not in answer.text


@pytest.mark.parametrize("told", ["text", [], {"data": {}}, {"data": {"rows": [1]}}])
def test_a_body_of_no_rows_is_told(client: Any, hooked: House, told: object) -> None:
    answer = send(client(), told)
    assert (answer.status_code, answer.json()["code"]) == (400, "MS306")


def test_an_account_pushes_as_many_as_its_quota_says(client: Any, house: House) -> None:
    browser = client(Role.OPERATOR)
    name = next(account.name for account in house.users.list() if account.role is Role.OPERATOR)
    house.quotas.set(name, 3)
    batch = {"items": [{"source": "s", "native_id": str(n), "payload": {"text": "路灯不亮"}} for n in range(2)]}
    assert browser.post("/items", json=batch).status_code == 202
    refused = browser.post("/items", json=batch)
    assert (refused.status_code, refused.json()["code"]) == (429, "MS104")
    assert "每天 3 件（今天已收 2 件）" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert house.inbox.books().received == 2
    house.quotas.set(name, None)
    assert browser.post("/items", json=batch).status_code == 202


def test_a_new_day_is_a_new_quota(house: House) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=CITY_TIME)
    house.quotas.set("a", 10)
    house.quotas.take("a", 10, noon)
    with pytest.raises(TooManyRequests) as refused:
        house.quotas.take("a", 1, noon)
    assert refused.value.fields["retry_after_seconds"] == 12 * 3_600
    house.quotas.take("a", 10, noon + timedelta(days=1))
    house.quotas.take("b", 1_000_000, noon)
    assert (house.quotas.used("a", noon), house.quotas.used("b", noon)) == (10, 0)
