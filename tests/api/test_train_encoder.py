from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from typer.testing import CliRunner, Result

from api import train_encoder
from api.cli import load_commands
from models.errors import BadFile, BadRequest, MissingPart
from nlp.training.encoder import Plan, State
from nlp.training.masked_model import Shape

ROOT = Path(__file__).parents[2]
SMALL = ("--layers", "1", "--hidden", "16", "--heads", "2", "--rows", "2")
STEP = 2 * 128  # tokens of a step of `SMALL` in one process


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    (data / "pretrain").mkdir()
    content = "\n".join(f"{place}的{thing}坏了，请派人来修。" for place in ("青松路", "石桥镇", "南湖新村") for thing in ("路灯", "电梯", "水管")
                        for _ in range(40))  # fmt: skip
    (data / "pretrain" / "message_board.txt.zst").write_bytes(zstandard.ZstdCompressor().compress(content.encode()))
    return data


@pytest.fixture
def run(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """run("--tokens", 512) -> what the command did with the made-up texts in one process, not compiled."""
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    monkeypatch.setattr("nlp.training.encoder.shutil.which", lambda _: None)

    def invoke(*words: object) -> Result:
        arguments = ["train", "encoder", "--data", texts, "-o", tmp_path / "out", "--processes", 1, *words]
        return CliRunner().invoke(load_commands(), [str(word) for word in arguments])

    return invoke


@pytest.mark.slow
def test_it_trains_says_how_far_it_is_and_what_came_out(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run(*SMALL, "--tokens", 3 * STEP)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[:3] == ["读取文本，选定词表", "把文本变成词元", "由词的共现算起始词向量"]
    assert "33.3%  损失 " in result.stderr
    assert "100.0%  损失 " in result.stderr
    assert "词元  还需 0:00:00" in result.stderr
    assert result.stdout.startswith(f"共读 {3 * STEP} 词元，损失 ")
    assert result.stdout.endswith(f"词元，写入 {tmp_path / 'out'}\n")
    assert {"config.json", "model.safetensors", "vocab.txt", "checkpoint.pt"} < {
        path.name for path in (tmp_path / "out").iterdir()
    }
    again = run("--tokens", 3 * STEP)
    assert (again.exit_code, "此前已经用完" in again.stdout) == (0, True), again.output
    more = run("--tokens", 5 * STEP, "--rows", 2)
    assert more.stdout.startswith("共读 1,280 词元")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["hidden_size"] == 16


@pytest.mark.slow
def test_another_shape_in_the_same_folder_is_refused(run: Callable[..., Result]) -> None:
    assert run(*SMALL, "--tokens", 1).exit_code == 0
    result = run("--layers", 2)
    assert isinstance(result.exception, BadFile)
    assert "1 层 × 16" in str(result.exception)
    assert "请换一个目录" in str(result.exception)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_ctrl_c_writes_a_checkpoint_from_which_it_goes_on(texts: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    command = [
        sys.executable,
        "-m",
        "api.cli",
        "train",
        "encoder",
        "--data",
        str(texts),
        "-o",
        str(tmp_path),
        *SMALL,
        "--processes",
        "2",
    ]
    environment = {
        **os.environ,
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }  # no compiler on an empty path
    with subprocess.Popen([*command, "--tokens", "1000000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
                          env=environment, start_new_session=True) as process:  # fmt: skip
        assert process.stderr
        while "损失" not in (line := process.stderr.readline()):
            assert line
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"检查点已写入 {tmp_path / 'checkpoint.pt'}。再次运行同一命令会接着训练。" in output
    assert errors == ""
    import torch

    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    done = subprocess.run([*command, "--tokens", str(kept["tokens"] + 1)], capture_output=True, text=True, cwd=ROOT, env=environment, check=True)  # fmt: skip
    assert done.stdout.startswith(f"共读 {kept['tokens'] + 2 * STEP:,} 词元")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--tokens", 0), ("--tokens", -5), ("--hours", 0), ("--hours", "nan"), ("--layers", 0), ("--layers", 99), ("--hidden", 4), ("--heads", 0),
     ("--heads", 3), ("--rows", 0), ("--rate", 0), ("--rate", 1), ("--rate", "nan"), ("--processes", 0), ("--seed", -1)],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_possible(texts: Path, tmp_path: Path, option: str, value: object) -> None:
    result = CliRunner().invoke(
        load_commands(), ["train", "encoder", "--data", str(texts), "-o", str(tmp_path / "out"), option, str(value)]
    )
    assert isinstance(result.exception, BadRequest)
    assert result.exception.fields["name"] == option
    assert float(result.exception.fields["value"]) == pytest.approx(float(str(value)), nan_ok=True)
    assert "应" in result.exception.fields["reason"]
    assert not (tmp_path / "out").exists()


def test_without_torch_it_says_how_to_install_it(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest))
    result = CliRunner().invoke(
        load_commands(), ["train", "encoder", "--data", str(texts), "-o", str(tmp_path / "out")]
    )
    assert isinstance(result.exception, MissingPart)
    assert str(result.exception) == "MS308 缺少组件 torch。安装：pip install 'minsheng[train]'。"


def test_without_texts_or_a_place_to_write_it_says_so(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_encoder, "_components", lambda: None)
    monkeypatch.delenv("MINSHENG_DATA", raising=False)
    result = CliRunner().invoke(load_commands(), ["train", "encoder", "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, BadFile)
    assert "--data" in str(result.exception)
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(
        load_commands(), ["train", "encoder", "--data", str(texts), "-o", str(tmp_path / "file")]
    )
    assert isinstance(result.exception, BadRequest)
    assert result.exception.fields["name"] == "--output"


def test_the_shape_is_what_was_asked_for_else_that_of_the_folder(tmp_path: Path) -> None:
    assert train_encoder._shape(tmp_path, None, None, None) == Shape()
    assert train_encoder._shape(tmp_path, 8, 512, None) == Shape(8, 512, 8, 2048)
    assert train_encoder._shape(tmp_path, None, 32, None) == Shape(4, 32, 1, 128)
    assert train_encoder._shape(tmp_path, None, None, 2) == Shape(heads=2)
    config = {"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 312, "num_attention_heads": 12,
              "intermediate_size": 1200, "max_position_embeddings": 512}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert train_encoder._shape(tmp_path, None, 312, None) == Shape(12, 312, 12, 1200)


def test_processes_are_the_cores_and_one_on_a_gpu() -> None:
    assert train_encoder._processes(None, gpu=False) == len(os.sched_getaffinity(0))
    assert train_encoder._processes(None, gpu=True) == train_encoder._processes(1, gpu=True) == 1
    assert train_encoder._processes(3, gpu=False) == 3
    with pytest.raises(BadRequest, match="显卡"):
        train_encoder._processes(2, gpu=True)


def test_interrupted_before_the_first_step_it_leaves_the_checkpoint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def train(*_: object, **__: object) -> State:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr("nlp.training.encoder.train", train)
    with pytest.raises(train_encoder.typer.Exit) as stopped:
        train_encoder._train(tmp_path, tmp_path, Plan())
    assert stopped.value.exit_code == 130
    assert "检查点没有动" in capsys.readouterr().err


@pytest.mark.slow
def test_a_new_folder_starts_from_the_shipped_encoder_and_goes_on_by_itself(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    first = run("--start", "shipped", "--tokens", 1, "--rows", 1)
    assert first.exit_code == 0, first.output
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"], config["vocab_size"]) == (4, 256, 16_000)
    with pytest.raises(BadRequest, match="--start"):
        raise run("--start", "shipped", "--tokens", 300).exception or AssertionError
    assert run("--tokens", 129, "--rows", 1).exit_code == 0


@pytest.mark.slow
def test_a_folder_without_an_encoder_is_no_start(run: Callable[..., Result], tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"encoder\.onnx\.zst"):
        raise run("--start", tmp_path / "nowhere").exception or AssertionError
