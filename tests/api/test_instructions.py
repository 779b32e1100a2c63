"""批示 over pages and commands, and in the briefing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api import briefings, instructions
from api.cli import load_commands
from api.questions import today
from api.wiring import House
from models.errors import BadRequest, NotFound
from models.labels import Role

Client = Callable[..., TestClient]
EAST = "河东区"


def note(**changed: str) -> dict[str, str]:
    return {
        "about": f"briefing:{today()}",
        "text": "请住建局三日内核实",
        "owner": "住建局",
        "due": str(today() + timedelta(days=3)),
        **changed,
    }


def test_a_leader_asks_an_office_answers_the_leader_closes(client: Client, house: House) -> None:
    leader, office = client(Role.LEADER), client(Role.OPERATOR)
    assert leader.post("/instructions", data=note(), follow_redirects=False).headers["location"] == "/instructions"
    assert "请住建局三日内核实" in office.get("/instructions").text
    office.post("/instructions/1/answer", data={"text": "已到现场"})
    assert client(Role.ANALYST).post("/instructions/1/close").status_code == 404
    assert "已到现场" in leader.get("/instructions").text
    leader.post("/instructions/1/close")
    assert "已办结" in leader.get("/instructions").text
    actions = [row.action for row in house.audit.rows(limit=200)]
    assert {"instructions.add", "instructions.answer", "instructions.close", "instructions.list"} <= set(actions)


def test_only_leaders_ask_and_only_the_whole_city_sees(client: Client, house: House) -> None:
    assert client(Role.OPERATOR).post("/instructions", data=note()).status_code == 404
    assert client(Role.LEADER, [EAST]).post("/instructions", data=note()).status_code == 404
    client(Role.LEADER).post("/instructions", data=note())
    assert client(Role.LEADER, [EAST]).get("/instructions").status_code == 404
    assert client(Role.ANALYST, [EAST]).post("/instructions/1/answer", data={"text": "x"}).status_code == 404
    assert client(Role.RESEARCHER).get("/instructions").status_code == 404


@pytest.mark.parametrize(
    "changed",
    [{"text": " "}, {"due": "2020-01-01"}, {"due": "昨天"}, {"about": "x"}, {"about": "incident:SJ2020-00001"}],
)
def test_bad_notes_are_refused(client: Client, changed: dict[str, str]) -> None:
    assert client(Role.LEADER).post("/instructions", data=note(**changed)).status_code in (400, 404)
    assert "没有批示" in client(Role.LEADER).get("/instructions").text


def test_open_notes_stand_in_the_briefing_until_they_are_closed(client: Client, house: House) -> None:
    made = instructions.add(
        house, house.console, f"briefing:{today()}", "请核实路灯", "城管局", today() + timedelta(days=1)
    )

    def last_section() -> str:
        sections = briefings.make_briefing(house, house.console, today()).sections
        [section] = [one for one in sections if one.heading == "督办、批示落实"]
        return "".join(one.text for one in section.statements)

    assert "请核实路灯" in last_section()
    assert "尚未反馈" in client(Role.LEADER).get("/briefing").text
    instructions.answer(house, house.console, made.id, "已修好")
    assert "已修好" in last_section()
    instructions.close(house, house.console, made.id)
    assert last_section() == "没有未办结的批示。"
    with pytest.raises(NotFound):
        instructions.answer(house, house.console, 99, "x")


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))

    def minsheng(*arguments: str):  # type: ignore[no-untyped-def]
        return CliRunner().invoke(load_commands(), ["instructions", *arguments])

    assert "没有未办结的批示" in minsheng("list").output
    due = str(today() + timedelta(days=9))
    assert (
        f"批示 1：承办 城管局，期限 {due}"
        in minsheng("add", f"briefing:{today()}", "请核实路灯", "--owner", "城管局", "--due", due).output
    )
    assert "请核实路灯" in minsheng("list").output
    minsheng("answer", "1", "已修好")
    assert "反馈（console）：已修好" in minsheng("list").output
    assert "已办结" in minsheng("close", "1").output
    assert "没有未办结" in minsheng("list").output
    assert "请核实路灯" in minsheng("list", "--all").output
    assert isinstance(minsheng("add", "x", "y", "--owner", "o", "--due", due).exception, BadRequest)
