"""`minsheng train heads` on made-up rows with a small random encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadFile, BadRequest
from nlp.classifier import load
from nlp.tokenizer import SPECIAL, Tokenizer
from nlp.training.vocabulary import usual_characters


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    from nlp.training.masked_model import Shape, new_encoder, save_encoder

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = Tokenizer([*SPECIAL, *usual_characters()[:3755], "路灯", "工资"])
    tokenizer.save(folder)
    save_encoder(new_encoder(Shape(layers=1, hidden=32, heads=2, inner=64, positions=128), len(tokenizer)), folder)
    return folder


def ask(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(load_commands(), ["train", "heads", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_writes_a_model_that_annotates(labelled_folder: Path, small_encoder: Path, tmp_path: Path) -> None:
    result = ask("--encoder", small_encoder, "--data", labelled_folder, "-o", tmp_path / "out", "--epochs", 1,
                 "--processes", 1, "--no-compile", "--work", tmp_path / "work")  # fmt: skip
    assert "地点 F1" in result.output
    names = {"linear.zst", "encoder.onnx.zst", "vocab.txt", "hybrid.json", "card.json", "model_card.md"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    model = load(tmp_path / "out")
    assert model.version.startswith("hybrid-")
    assert model.predict(["路灯"], ["坏了"])["topic"].shape == (1, len(model.heads["topic"]))


@pytest.mark.parametrize("rate", ["0", "1", "-1"])
def test_a_rate_out_of_range_is_refused(rate: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="--rate"):
        ask("--encoder", tmp_path, "--rate", rate)


@pytest.mark.slow
def test_a_folder_without_an_encoder_is_named(labelled_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    with pytest.raises(BadFile, match="config"):
        ask("--encoder", tmp_path, "--data", labelled_folder, "-o", tmp_path / "out")
