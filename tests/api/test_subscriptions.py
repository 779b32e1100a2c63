"""订阅 over the page and the command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import load_commands
from api.wiring import House
from indices.access import ScopedStore
from indices.subscriptions import match_all
from models.clock import now
from models.labels import Role
from models.record import Annotation, Record

Client = Callable[..., TestClient]


def test_the_page(client: Client, house: House) -> None:
    browser = client(Role.RESEARCHER)
    assert "还没有订阅" in browser.get("/subscriptions").text
    assert browser.post("/subscriptions", data={"query": "无人机"}, follow_redirects=False).status_code == 303
    note = Annotation(model="m", title_tokens=("无人机", "扰民"), text_tokens=("无人机",))
    house.store.upsert([Record.model_validate({
        "id": f"{900:032x}", "revision": 1, "intake": "1", "source": "热线", "title": "无人机扰民", "text": "无人机", "annotation": note,
        "created_at": now() + timedelta(minutes=1), "district": "河东区"})])  # fmt: skip
    assert match_all(house.database, lambda viewer: ScopedStore(house.store, viewer, house.audit)) == 1
    page = browser.get("/subscriptions").text
    assert "无人机扰民" in page
    assert "近 7 日新提示 1 件" in page
    assert browser.post("/subscriptions", data={"query": "(x AND"}).status_code == 400
    assert client(Role.LEADER).post("/subscriptions/1/remove").status_code == 404  # another's
    browser.post("/subscriptions/1/remove")
    assert "还没有订阅" in browser.get("/subscriptions").text
    assert client(Role.SYSTEM_ADMIN).get("/subscriptions").status_code == 404


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    assert "新提示 0 件" in CliRunner().invoke(load_commands(), ["subscriptions", "match"]).output
