from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadRequest


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp() / "evaluate-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_it_prints_the_heads_asked_for_class_by_class(labelled_folder: Path, cache: Path) -> None:
    arguments = ["evaluate", "--data", str(labelled_folder), "--heads", "topic,urgency"]
    result = CliRunner().invoke(load_commands(), arguments)
    assert result.exit_code == 0, result.output
    assert "topic · civic_by_reading" in result.stdout
    assert "城乡建设" in result.stdout
    assert "emotion" not in result.stdout
    assert [path.name.split("-")[0] for path in (cache / "minsheng").iterdir()] == ["judged"]


def test_json_goes_to_stdout_alone(labelled_folder: Path) -> None:
    result = CliRunner().invoke(load_commands(), ["evaluate", "--data", str(labelled_folder), "--json"])
    figures = json.loads(result.stdout)["figures"]
    assert {
        "head",
        "rows",
        "n",
        "accuracy",
        "macro_f1",
        "ece",
        "coverage",
        "answered_right",
        "intervals",
        "classes",
    } <= set(figures[0])


def test_an_unknown_head_is_named(labelled_folder: Path) -> None:
    result = CliRunner().invoke(load_commands(), ["evaluate", "--data", str(labelled_folder), "--heads", "topic,天气"])
    assert isinstance(result.exception, BadRequest)
    assert "天气" in str(result.exception)
