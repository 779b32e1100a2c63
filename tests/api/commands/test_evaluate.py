from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadFile, BadRequest
from nlp.classifier import HEADS


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
    assert "混淆" in result.stdout
    assert "2019-09-15 起" in result.stdout
    assert "model_card.md" in result.stderr
    assert "--work" in result.stderr


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
        "oracle",
        "confusions",
        "parts",
    } <= set(figures[0])


def test_no_text_is_printed(labelled_folder: Path) -> None:
    import pyarrow.parquet

    arguments = ["evaluate", "--data", str(labelled_folder), "--heads", "sentiment", "--compare", "linear", "--json"]
    result = CliRunner().invoke(load_commands(), arguments)
    assert result.exit_code == 0, result.output
    for name in ("civic_by_reading", "polarity_train"):
        rows = pyarrow.parquet.read_table(labelled_folder / f"{name}.parquet").to_pylist()
        assert not [row["text"] for row in rows if row["text"] in result.output]


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    from nlp.tokenizer import SPECIAL, Tokenizer
    from nlp.training.masked_model import Shape, new_encoder, save_encoder
    from nlp.training.vocabulary import usual_characters

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = Tokenizer([*SPECIAL, *usual_characters()[:3755], "路灯", "工资"])
    tokenizer.save(folder)
    save_encoder(new_encoder(Shape(layers=1, hidden=32, heads=2, inner=64, positions=128), len(tokenizer)), folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_mixture_is_judged_with_a_twin_that_is_made_once(labelled_folder: Path, small_encoder: Path) -> None:
    """Then the work folder that it left is enough, and its encoder stands beside the pipeline."""
    asked = ["evaluate", "--data", str(labelled_folder), "--heads", "topic,sentiment", "--json"]
    options = ["--train", "--encoder", str(small_encoder), "--epochs", "1", "--processes", "1", "--no-compile"]
    made = CliRunner().invoke(load_commands(), [*asked, *options], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    assert "约需半小时" in made.stderr
    first = json.loads(made.stdout)
    assert first["judged"] == "mixture"
    assert 0 <= first["places"]["exact"] <= first["places"]["overlap"] <= 1
    assert set(first["seconds"]) == {"second_topic", "second_department"}
    options = ["--work", str(small_encoder / "heads"), "--compare", "pipeline"]
    again = CliRunner().invoke(load_commands(), [*asked, *options], catch_exceptions=False)
    assert "约需半小时" not in again.stderr
    second = json.loads(again.stdout)
    assert second["figures"] == first["figures"]
    assert {one["way"] for one in second["graph"]} == {"编码器 int8（onnxruntime）", "编码器 float32（transformers）"}
    assert {one["way"] for one in second["beside"]} >= {"混合", "线性部分"}
    for one in second["graph"]:
        assert one["agreement"] is None or one["agreement"] > 0.8
    shown = CliRunner().invoke(load_commands(), [*asked[:-1], *options[:2], "--compare", "linear"])
    assert "并列比较" in shown.stdout
    assert "TF-IDF + SVM" in shown.stdout
    assert "地点：n" in shown.stdout
    assert "second_topic：n" in shown.stdout
    assert "model_card.md" not in shown.stderr


def test_a_work_folder_of_other_rows_is_refused(labelled_folder: Path, tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "held_out.npz", topic=np.zeros((3, len(HEADS["topic"])), dtype=np.float32))
    result = CliRunner().invoke(load_commands(), ["evaluate", "--data", str(labelled_folder), "--work", str(tmp_path)])
    assert isinstance(result.exception, BadFile)
    assert "有 3 行" in str(result.exception)


def test_an_unknown_head_is_named(labelled_folder: Path) -> None:
    result = CliRunner().invoke(load_commands(), ["evaluate", "--data", str(labelled_folder), "--heads", "topic,天气"])
    assert isinstance(result.exception, BadRequest)
    assert "天气" in str(result.exception)
