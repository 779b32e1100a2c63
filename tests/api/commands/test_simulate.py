from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.commands import simulate as command
from api.questions import today
from models.errors import BadRequest
from models.item import Item


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    app.command("other")(lambda: None)  # with one command alone typer drops its name
    return app


def _small(*more: str) -> list[str]:
    return ["simulate", "--days", "25", "--per-day", "8", "--events", "3", "--seed", "2", *more]


def test_files(app: typer.Typer, tmp_path: Path) -> None:
    orders, truth = tmp_path / "city.jsonl", tmp_path / "truth.json"
    arguments = _small("--end", "2026-03-31", "-o", str(orders), "--truth", str(truth))
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    items = [Item.model_validate_json(text) for text in orders.read_text("utf-8").splitlines()]
    facts = json.loads(truth.read_text("utf-8"))
    assert facts["orders"] == len(items) > 100
    assert facts["end"] == "2026-03-31"
    assert {i for event in facts["events"] for i in event["native_ids"]} <= {item.native_id for item in items}
    assert "渠道" in done.stderr
    assert done.stdout == ""
    first = orders.read_bytes()
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert orders.read_bytes() == first


def test_without_a_file_lines_go_to_stdout(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, _small("--events", "0"), catch_exceptions=False)
    items = [Item.model_validate_json(text) for text in done.stdout.splitlines()]
    days = {item.payload.created_at.date() for item in items if item.payload.created_at}
    assert max(days) == today() - timedelta(days=1)
    assert min(days) >= today() - timedelta(days=25)


def test_states_are_more_than_orders(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, _small("--events", "0", "--states", "--end", "2026-03-31"), catch_exceptions=False)
    items = [Item.model_validate_json(text) for text in done.stdout.splitlines()]
    assert len(items) > 4 * len({item.native_id for item in items})
    assert all(item.revision for item in items)


def test_compare_prints_a_table(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"工单编号":"1","受理时间":"2026-01-02 08:00:00","标题":"路灯","内容":"路灯不亮三天了没有人管"}\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(
        app,
        _small("-o", str(tmp_path / "o"), "--compare", str(tmp_path)),
        catch_exceptions=False,
        env={"COLUMNS": "160"},
    )
    assert "近重复" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".jsonl"] == ["a.jsonl"], "nothing is stored"


@pytest.mark.parametrize("wrong", [("--end", "昨天"), ("--days", "5")])
def test_wrong_wishes_are_refused(app: typer.Typer, wrong: tuple[str, str]) -> None:
    with pytest.raises(BadRequest):
        CliRunner().invoke(app, _small(*wrong), catch_exceptions=False)


def test_default_end_is_a_day(app: typer.Typer) -> None:
    assert isinstance(today(), date)
