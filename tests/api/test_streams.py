"""Hot-search lists over commands, HTTP and pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import load_commands
from api.wiring import House
from indices.streams.events import build_events
from indices.streams.ranks import take_in
from models.errors import BadRequest, NotFound
from models.labels import Role

Client = Callable[..., TestClient]
ROWS = ("time,rank,title,heat\n2026-05-01 10:00:00,3,柳堤路水管爆裂,900\n2026-05-01 11:00:00,1,柳堤路水管爆裂 全街停水,990\n"
        "2026-05-01 11:00:00,9,夜市开张,100\n")  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ranks.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


@pytest.fixture
def filled(house: House, file: Path) -> House:
    take_in(house.folder / "streams", "weibo", file)
    build_events(house.folder / "streams", "weibo")
    return house


def test_pages_and_data(client: Client, filled: House) -> None:
    browser = client(Role.ANALYST)
    page = browser.get("/streams").text
    assert "柳堤路水管爆裂" in page
    [first, second] = browser.get("/figures/streams", params={"since": "2026-05-01", "until": "2026-05-01"}).json()[
        "events"
    ]
    assert (first["best_rank"], first["hours"], len(first["titles"])) == (1, 2, 2)
    assert second["title"] == "夜市开张"
    shown = browser.get(f"/streams/weibo/{first['id']}").text
    assert "全街停水" in shown
    assert "前后一周内没有词语相同的工单" in shown
    assert browser.get("/streams/weibo/absent").status_code == 404
    assert browser.get("/streams/other/absent").status_code == 404
    assert browser.get("/figures/streams", params={"source": "other"}).json() == {"events": []}
    assert browser.get("/figures/streams", params={"since": "2026-05-02", "until": "2026-05-01"}).status_code == 400
    assert "这段时间没有上榜的事件" in browser.get("/streams", params={"from": "2026-01-01", "to": "2026-01-02"}).text


def test_without_a_list_the_page_says_how_it_comes(client: Client, house: House) -> None:
    assert "minsheng streams import" in client(Role.LEADER).get("/streams").text


def minsheng(*arguments: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(load_commands(), ["streams", *arguments])


def test_commands(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path / "home"))
    assert "还没有" in minsheng("events").output or "没有上榜" in minsheng("events").output
    told = minsheng("import", str(file)).output
    assert "读 3 行，略去 0" in told
    assert "新增 3，共 3 行、2 个事件" in told
    assert "新增 0，共 3 行" in minsheng("import", str(file)).output
    assert "标题：收到 3 件 = 入库 3 + 重复 0 + 隔离 0" in minsheng("import", str(file), "--items").output
    assert "收到 3 件 = 入库 0 + 重复 3" in minsheng("import", str(file), "--items").output
    listed = minsheng("events").output
    assert "最好第 1 名，在榜 2 小时" in listed
    events = json.loads(minsheng("events", "--json").stdout)["events"]
    shown = minsheng("show", events[0]["id"]).output
    assert "又作" in shown
    assert "工单中没有同一件事" in shown
    assert isinstance(minsheng("show", "nothing").exception, NotFound)
    assert isinstance(minsheng("import", str(file), "--source", "../x").exception, BadRequest)
