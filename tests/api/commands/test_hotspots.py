import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from models.record import Record

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
WORDS = (
    "夜里打桩吵得睡不着",
    "凌晨三点还在浇筑混凝土",
    "塔吊灯光直射卧室",
    "施工噪音已经连续一周",
    "孩子上学没有精神",
    "投诉几次没人来管",
)


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[CliRunner, typer.Typer]:
    """The command over an embedded store with one event of twelve people."""
    from api.commands import bench, hotspots
    from indices.stores.embedded import EmbeddedStore

    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    monkeypatch.setenv("MINSHENG_STORE", "embedded")
    records = [
        Record(id=f"{i:032x}", revision=1, intake="1", source="board", native_id=f"N{i}", channel="board", title=f"云栖苑工地夜间施工{WORDS[i % 6][:4]}",
               text=f"云栖苑南侧工地{WORDS[i % 6]}，{WORDS[(i + 1) % 6]}，我住{i}栋。", created_at=AT + timedelta(hours=7 * i), speaker=f"s{i}", community="云栖苑")
        for i in range(12)
    ]  # fmt: skip
    store = EmbeddedStore(tmp_path / "index")
    store.upsert(records)
    store.close()
    app = typer.Typer()
    hotspots.register(app)
    bench.register(app)
    return CliRunner(), app


FIELDS = {
    "rank",
    "title",
    "heat",
    "parts",
    "count",
    "people",
    "first",
    "last",
    "places",
    "topic",
    "level",
    "members",
    "sentences",
}


def test_json_is_the_public_format_and_alone_on_stdout(runner: tuple[CliRunner, typer.Typer]) -> None:
    cli, app = runner
    result = cli.invoke(
        app, ["hotspots", "--from", "2026-03-01", "--to", "2026-03-07", "--top", "10", "--json", "--record"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == ["hotspots"]
    assert found["hotspots"][0].keys() >= FIELDS
    assert set(found["hotspots"][0]["members"]) == {f"N{i}" for i in range(12)}
    assert datetime.fromisoformat(found["hotspots"][0]["first"]) == AT
    assert set(found["hotspots"][0]["sentences"][0]) == {"text", "id"}
    assert "云栖苑" in result.stderr  # the alert that was raised


def test_the_last_day_counts_and_the_next_does_not(runner: tuple[CliRunner, typer.Typer]) -> None:
    cli, app = runner
    whole = json.loads(cli.invoke(app, ["hotspots", "--from", "2026-03-02", "--to", "2026-03-03", "--json"]).stdout)
    assert sorted(whole["hotspots"][0]["members"]) == sorted(f"N{i}" for i in range(6))


def test_the_table_says_what_it_found_and_an_empty_period_says_so(runner: tuple[CliRunner, typer.Typer]) -> None:
    cli, app = runner
    shown = cli.invoke(app, ["hotspots", "--from", "20260301", "--to", "20260307", "--record"])
    assert "云栖苑" in shown.output
    assert "没有新的预警" not in shown.output
    again = cli.invoke(app, ["hotspots", "--from", "20260301", "--to", "20260307", "--record"])
    assert "没有新的预警" in again.output
    empty = cli.invoke(app, ["hotspots", "--from", "2026-01-01", "--to", "2026-01-07"])
    assert empty.exit_code == 0
    assert "没有达到阈值的热点" in empty.output


@pytest.mark.parametrize(
    "options", [["--from", "soon"], ["--from", "2026-03-09", "--to", "2026-03-01"], ["--filter", "colour:red"]]
)
def test_bad_options_are_refused(runner: tuple[CliRunner, typer.Typer], options: list[str]) -> None:
    cli, app = runner
    assert cli.invoke(app, ["hotspots", *options]).exception.code.startswith("MS3")  # type: ignore[union-attr]


def test_the_group_of_benchmarks_lists_them(runner: tuple[CliRunner, typer.Typer]) -> None:
    cli, app = runner
    shown = cli.invoke(app, ["bench", "--help"]).output
    assert "hotspots" in shown
    assert "all" in shown
