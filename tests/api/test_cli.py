"""The command line as a process: how it ends, and what it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import api.cli
from api.cli import load_commands, main
from models.errors import BadSetting

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "annotate", "briefing", "crawl", "doctor", "evaluate", "export", "hotspots", "index", "ingest", "route", "run", "schedule", "search",
    "simulate", "work",
}  # fmt: skip


def minsheng(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "api.cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=100,
                          env=os.environ | {"MINSHENG_HOME": str(tmp_path), "PYTHONUTF8": "1"})  # fmt: skip


@pytest.mark.slow
def test_an_error_of_ours_is_a_sentence_and_status_2(tmp_path: Path) -> None:
    """The house: first a file that is none, then one that would burst."""
    done = minsheng(tmp_path, "ingest", str(tmp_path / "gone.csv"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "MS302 文件 gone.csv 无法读取：文件不存在或不是普通文件。"
    (tmp_path / "orders.exe").write_bytes(b"MZ")
    done = minsheng(tmp_path, "ingest", str(tmp_path / "orders.exe"))
    assert done.returncode == 2
    assert "MS302" in done.stderr
    assert "Traceback" not in done.stderr


def test_main_ends_with_2_for_an_error_of_ours_and_shows_others_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command("refuse")
    def refuse() -> None:
        raise BadSetting(name="MINSHENG_PORT", value=99_999, reason="应小于 65536")

    @app.command("break")
    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(api.cli, "load_commands", lambda: app)
    monkeypatch.setattr(sys, "argv", ["minsheng", "refuse"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "MS305 设置 MINSHENG_PORT 的值 99999 不可用" in printed.err
    monkeypatch.setattr(sys, "argv", ["minsheng", "break"])
    app.pretty_exceptions_enable = False
    with pytest.raises(RuntimeError):
        main()


def test_every_command_is_there_once_and_has_a_sentence_of_help() -> None:
    app = load_commands()
    names = [command.name for command in app.registered_commands]
    assert len(names) == len(set(names))
    assert set(names) >= COMMANDS
    assert {group.name for group in app.registered_groups} >= {"user", "audit", "feed", "quarantine", "train", "bench"}
    assert load_commands() is app
    assert [command.name for command in app.registered_commands] == names, "asking twice registers nothing twice"
    for command in app.registered_commands:
        assert command.callback is not None
        assert (command.callback.__doc__ or "").strip(), command.name


def test_help_names_the_commands_and_an_unknown_one_is_refused() -> None:
    output = CliRunner().invoke(load_commands(), ["--help"]).output
    assert all(name in output for name in COMMANDS)
    unknown = CliRunner().invoke(load_commands(), ["moon"])
    assert unknown.exit_code == 2
    assert "moon" in unknown.output


@pytest.mark.slow
def test_the_help_loads_no_heavy_library(tmp_path: Path) -> None:
    """`minsheng --help` must answer at once: commands load what they need inside."""
    code = ("import sys; from api.cli import load_commands; load_commands(); "
            "print([m for m in ('numpy', 'pydantic', 'sqlalchemy', 'fastapi', 'jieba', 'rich.table') if m in sys.modules])")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    )
    heavy = done.stdout.strip()
    assert heavy == "[]", heavy
