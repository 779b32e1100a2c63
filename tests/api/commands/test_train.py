from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadFile
from nlp.linear import FILE, LinearClassifier
from nlp.training.linear import Trained


def test_it_writes_weights_and_card_and_prints_figures(labelled_folder: Path, trained: Trained, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        load_commands(), ["train", "linear", "--data", str(labelled_folder), "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    model = LinearClassifier.load(tmp_path / "out")
    assert (tmp_path / "out" / FILE).read_bytes() == trained.model.to_bytes(), "same data, same bytes"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {FILE, "card.json", "model_card.md"}
    assert model.version in result.stdout
    assert "department" in result.stdout
    assert "留出检验 topic" in result.stderr


def test_without_data_it_says_where_to_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINSHENG_DATA", raising=False)
    result = CliRunner().invoke(load_commands(), ["train", "linear"])
    assert isinstance(result.exception, BadFile)
    assert "--data" in str(result.exception)
