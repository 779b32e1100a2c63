"""New topics over pages and commands. The register is filled directly: finding them has tests of its own."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert
from typer.testing import CliRunner

from api.cli import load_commands
from api.questions import today
from api.wiring import House
from indices.database import writing
from indices.topics.register import runs, topics
from models.errors import NotFound
from models.labels import Role

Client = Callable[..., TestClient]
WEST = f"{1:032x}"


def fill(house: House) -> None:
    day = str(today())
    row = {
        "words": "无人机 航拍 扰民",
        "centroid": "{}",
        "state": "new",
        "adopted_as": "",
        "who": "",
        "first_seen": day,
        "last_seen": day,
        "at": 0.0,
    }
    with writing(house.database) as connection:
        connection.execute(insert(topics).values(row))
        connection.execute(insert(runs).values(topic=1, week=day, count=30, recent=20, before=10, examples=WEST))


def test_the_page_and_what_an_analyst_decides(client: Client, house: House) -> None:
    assert "没有新话题" in client(Role.ANALYST).get("/topics").text
    fill(house)
    analyst = client(Role.ANALYST)
    page = analyst.get("/topics").text
    assert "无人机、航拍、扰民" in page
    assert "最近一周 20 件，此前每周 3.3 件" in page
    assert "设为类" not in client(Role.LEADER).get("/topics").text
    assert client(Role.LEADER).post("/topics/1/adopt", data={"name": "x"}).status_code == 404
    assert analyst.post("/topics/1/adopt", data={"name": "a/b/c"}).status_code == 400
    assert analyst.post("/topics/1/explode").status_code == 404
    assert analyst.post("/topics/9/drop").status_code == 404
    assert (
        analyst.post("/topics/1/adopt", data={"name": "交通运输/低空飞行"}, follow_redirects=False).status_code == 303
    )
    assert "没有新话题" in analyst.get("/topics").text
    with (house.folder / "taxonomy.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1][:3] == ["低空飞行", "交通运输", "1"]
    with (house.folder / "topic-1.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["title", "text", "topic"]
    assert [row[2] for row in rows] == ["交通运输"]
    assert {"topics.adopt", "topics.list"} <= {row.action for row in house.audit.rows(limit=50)}


def test_who_sees_some_districts_sees_no_topics(client: Client, house: House) -> None:
    fill(house)
    assert client(Role.ANALYST, ["河东区"]).get("/topics").status_code == 404
    assert client(Role.ANALYST, ["河东区"]).post("/topics/1/drop").status_code == 404


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))

    def minsheng(*arguments: str):  # type: ignore[no-untyped-def]
        return CliRunner().invoke(load_commands(), ["topics", *arguments])

    assert "没有新话题" in minsheng("list").output
    assert isinstance(minsheng("run").exception, NotFound)  # nothing was taken in yet
    assert "数据不足" in minsheng("run", "--day", str(today() - timedelta(days=1))).output
    with House(read_only=True) as house:
        fill(house)
    assert "1  无人机、航拍、扰民  30 件，最近一周 20，此前每周 3.3，新话题" in minsheng("list").output
    assert "无人机" in minsheng("show", "1").output
    assert "设为类 低空飞行" in minsheng("adopt", "1", "低空飞行").output
    assert "→ 低空飞行" in minsheng("list", "--all").output
    assert "不再列出" in minsheng("drop", "1").output
    assert isinstance(minsheng("drop", "7").exception, NotFound)
