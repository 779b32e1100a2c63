"""Who saw what is in the audit log, whichever way they came and whether the answer was computed or remembered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import load_commands
from api.wiring import House
from models.labels import Role
from models.settings import Settings

Client = Callable[..., TestClient]


@pytest.mark.parametrize("path", ["/figures/hotspots", "/figures/index"])
def test_a_remembered_figure_is_an_access_of_everybody_who_gets_it(client: Client, house: House, path: str) -> None:
    for role in (Role.LEADER, Role.ANALYST):
        assert client(role).get(path).status_code == 200
    noted = [row.who for row in house.audit.rows() if row.action == f"figure.{path.rpartition('/')[2]}"]
    assert noted == ["analyst-all", "leader-all"]


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (("search", "路灯", "--json"), "record.search"), (("export", "-o", "all.csv"), "record.scan"), (("hotspots", "--json"), "record.scan"),
        (("index", "--json"), "record.count"),
    ],
)  # fmt: skip
def test_a_command_leaves_its_rows_like_a_page(
    words: tuple[str, ...], action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(load_commands(), list(words))
    assert answer.exit_code == 0, answer.output
    with House(Settings(home=tmp_path), read_only=True) as house:
        rows = house.audit.rows()
    assert ("console", action) in {(row.who, row.action) for row in rows}


def test_a_refusal_and_a_bug_have_the_headers_of_every_answer(
    client: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    too_large = client().post("/items", content=b"x" * (house.settings.body_limit_bytes + 1))
    monkeypatch.setattr(type(house.inbox), "waiting", broken)
    bug = client().get("/readyz")
    assert (too_large.status_code, bug.status_code) == (413, 500)
    for answer in (too_large, bug):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
