"""Pre-training of a tiny encoder on made-up texts: slow, since torch is loaded and something is learnt."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadFile, BadRequest, MinshengError, TrainingStopped
from nlp.tokenizer import LENGTH, SPECIAL, Tokenizer
from nlp.training.encoder import CHECKPOINT, WARM_UP, Plan, State, Work, about, rate_at, train
from nlp.training.masked_model import Shape, load_encoder
from nlp.training.streams import Batch, Streams, kept_streams

ROOT = Path(__file__).parents[3]
STEP = 4 * LENGTH  # tokens of a step of `PLAN`
PLAN = Plan(shape=Shape(layers=1, hidden=16, heads=2, inner=32, positions=128), tokens=12 * STEP, rows=4, rate=5e-3,
            compiled=False)  # fmt: skip
SCRIPT = """
import pathlib, pickle, sys
from nlp.training.encoder import train
if __name__ == "__main__":
    data, folder, plan = sys.argv[1:4]
    train(pathlib.Path(data), pathlib.Path(folder), pickle.loads(bytes.fromhex(plan)), lambda state, _: print(state.step, flush=True))
"""


def silent(*_: object) -> None:
    return None


@pytest.fixture(scope="module")
def torch() -> Iterator[Any]:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    pytest.importorskip("transformers", reason="the extra `train` is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # nothing to share among several here, and others may be at work
    yield torch
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def prepared(torch: Any, texts: Path, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with vocabulary, streams and start vectors, and the checkpoint of one step."""
    folder = tmp_path_factory.mktemp("prepared")
    train(texts, folder, replace(PLAN, tokens=STEP), silent, tokenizer)
    return folder


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Path:
    """`prepared` without encoder and checkpoint."""
    folder = tmp_path / "fresh"
    shutil.copytree(prepared, folder)
    for name in (CHECKPOINT, "model.safetensors", "config.json"):
        (folder / name).unlink()
    return folder


def weights(folder: Path) -> dict[str, Any]:
    return {name: value.numpy() for name, value in load_encoder(folder).state_dict().items()}


def equal(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(value, right[name]) for name, value in left.items())


def distance(left: dict[str, Any], right: dict[str, Any]) -> float:
    return float(np.mean([np.abs(value - right[name]).mean() for name, value in left.items()]))


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_rate_rises_then_falls_to_nothing(first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0 <= rate_at(low) <= 1
    if high <= WARM_UP:
        assert rate_at(low) <= rate_at(high)
    if low >= WARM_UP:
        assert rate_at(low) >= rate_at(high)
    assert rate_at(WARM_UP) == pytest.approx(1)
    assert rate_at(1) == rate_at(0) == 0


def test_the_budget_is_used_by_tokens_or_by_time() -> None:
    plan = Plan(tokens=1_000, seconds=50)
    assert plan.used(State()) == 0
    assert plan.used(State(tokens=250, seconds=5)) == 0.25
    assert plan.used(State(tokens=250, seconds=40)) == 0.8
    assert plan.used(State(tokens=2_000, seconds=1)) == 1
    assert Plan(tokens=1_000).used(State(tokens=10, seconds=1e9)) == 0.01


@pytest.mark.slow
def test_it_learns_more_than_how_frequent_words_are(texts: Path, tokenizer: Tokenizer, fresh: Path) -> None:
    seen: list[tuple[int, float, float]] = []
    plan = replace(PLAN, shape=Shape(1, 32, 2, 64, 128), rows=8, tokens=200 * 8 * LENGTH)
    state = train(texts, fresh, plan, lambda state, used: seen.append((state.step, used, state.tokens_per_second)))
    streams = kept_streams(fresh / "streams", len(tokenizer))
    assert streams
    counts = np.bincount(np.concatenate(list(streams.tokens.values())))[len(SPECIAL) :]
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * np.log(shares)).sum()
    assert state.loss < 0.8 * entropy
    assert (state.step, state.tokens) == (200, 200 * 8 * LENGTH)
    assert state.tokens_per_second > 0 < state.seconds
    steps, used, speeds = zip(*seen, strict=True)
    assert (steps, used, used[-1]) == (tuple(range(1, 201)), tuple(sorted(used)), 1)
    assert speeds[0] == 0 < speeds[1], "the first step tells nothing of the speed"


@pytest.mark.slow
def test_it_leaves_a_folder_that_transformers_reads(prepared: Path, tokenizer: Tokenizer) -> None:
    from transformers import AutoTokenizer, BertModel

    assert {path.name for path in prepared.iterdir()} == {
        "config.json", "model.safetensors", "vocab.txt", "tokenizer.json", "tokenizer_config.json", "training.json",
        CHECKPOINT, "streams", ".lock",
    }  # fmt: skip
    found = BertModel.from_pretrained(prepared, add_pooling_layer=False)
    hidden = found(**AutoTokenizer.from_pretrained(prepared)("物业 电梯", return_tensors="pt")).last_hidden_state
    assert hidden.shape == (1, 4, PLAN.shape.hidden)
    assert len(tokenizer) == found.config.vocab_size


@pytest.mark.slow
def test_without_a_vocabulary_one_is_chosen_and_every_step_named(torch: Any, texts: Path, tmp_path: Path) -> None:
    names: list[str] = []
    train(texts, tmp_path / "new", replace(PLAN, tokens=1), silent, say=names.append)
    assert names == ["读取文本，选定词表", "把文本变成词元", "由词的共现算起始词向量"]
    assert {"物业", "垃圾", "，"} < set(Tokenizer.load(tmp_path / "new").tokens)
    names.clear()
    train(texts / "pretrain", tmp_path / "new", replace(PLAN, tokens=1), silent, say=names.append)
    assert names == ["把文本变成词元"]


@pytest.mark.slow
def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(texts: Path, fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh, tmp_path / "whole")
    whole = train(texts, tmp_path / "whole", PLAN, silent)
    steps: list[int] = []
    for stop in (3, 7, 99):
        state = train(
            texts, fresh, PLAN, lambda state, _: steps.append(state.step), stopped=lambda stop=stop: len(steps) >= stop
        )
        assert (fresh / "model.safetensors").exists() == (PLAN.used(state) == 1)
    assert steps == list(range(1, 13))
    assert (state.step, state.tokens, state.loss) == (whole.step, whole.tokens, whole.loss)
    assert equal(weights(fresh), weights(tmp_path / "whole"))


@pytest.mark.slow
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(texts: Path, fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh, tmp_path / "whole")
    plan = replace(PLAN, checkpoint_seconds=0.0)
    finish(start(texts, tmp_path / "whole", plan))
    least = 1
    for limit in (4, 8):
        with start(texts, fresh, plan) as process:
            assert process.stdout
            first = step = int(process.stdout.readline())
            while step < limit:
                step = int(process.stdout.readline())
            process.kill()
        assert first >= least, "it goes on from its last checkpoint"
        assert not (fresh / "model.safetensors").exists()
        least = limit
    steps = [int(line) for line in finish(start(texts, fresh, plan)).split()]
    assert least <= steps[0] <= steps[-1] == 12
    assert equal(weights(fresh), weights(tmp_path / "whole"))


@pytest.mark.slow
def test_a_finished_run_goes_on_with_a_larger_budget(texts: Path, prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "more")
    before = weights(tmp_path / "more")
    steps: list[int] = []
    same = train(texts, tmp_path / "more", replace(PLAN, tokens=STEP), lambda state, _: steps.append(state.step))
    assert (same.step, steps) == (1, []), "its budget is used already"
    assert equal(weights(tmp_path / "more"), before)
    more = train(texts, tmp_path / "more", replace(PLAN, tokens=3 * STEP), lambda state, _: steps.append(state.step))
    assert (more.tokens, steps) == (3 * STEP, [2, 3])
    told = about(tmp_path / "more")
    assert f"1 层 × {PLAN.shape.hidden}" in told
    assert f"损失 {more.loss:.2f}" in told
    assert not equal(weights(tmp_path / "more"), before)


@pytest.mark.slow
def test_an_encoder_without_a_checkpoint_is_where_training_starts(texts: Path, prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "warm")
    (tmp_path / "warm" / CHECKPOINT).unlink()
    before = weights(tmp_path / "warm")
    state = train(texts, tmp_path / "warm", replace(PLAN, tokens=1, rate=1e-6), silent)
    assert state.step == 1
    after = weights(tmp_path / "warm")
    assert not equal(after, before)
    assert distance(after, before) < 1e-5


@pytest.mark.slow
def test_a_foreign_encoder_keeps_its_kind_when_it_is_resumed(texts: Path, prepared: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    shutil.copytree(prepared, tmp_path / "warm")
    (tmp_path / "warm" / CHECKPOINT).unlink()
    size = len(Tokenizer.load(prepared))
    config = BertConfig(vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
                        max_position_embeddings=128, hidden_act="gelu")  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "warm")
    for tokens in (STEP, 2 * STEP):
        train(texts, tmp_path / "warm", replace(PLAN, tokens=tokens), silent)
    assert load_encoder(tmp_path / "warm").config.hidden_act == "gelu"


DAMAGES: dict[str, Callable[[bytes, dict[str, Any]], Any]] = {
    "empty": lambda _, __: b"",
    "cut": lambda content, __: content[: len(content) // 2],
    "text": lambda _, __: b"not a checkpoint",
    "zeros": lambda content, __: b"\x00" * 64 + content[64:],
    "list": lambda _, __: [1, 2],
    "no state": lambda _, kept: {name: kept[name] for name in ("model", "optimizer")},
    "other state": lambda _, kept: kept | {"state": {"steps": 1}},
    "no groups": lambda _, kept: kept | {"optimizer": kept["optimizer"] | {"param_groups": []}},
    "no weight": lambda _, kept: kept | {"model": {}},
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_left(
    torch: Any, texts: Path, prepared: Path, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(prepared, folder)
    path = folder / CHECKPOINT
    made = DAMAGES[damage](path.read_bytes(), torch.load(path, weights_only=True))
    path.write_bytes(made) if isinstance(made, bytes) else torch.save(made, path)
    before = path.read_bytes()
    with pytest.raises(BadFile, match="检查点读不出或与词表、形状不符") as error:
        train(texts, folder, PLAN, silent)
    assert error.value.fields["file"] == str(path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_what_does_not_fit_together_is_refused(torch: Any, texts: Path, prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(prepared, folder)
    with pytest.raises(BadFile, match=r"1 层 × 16.*2 层 × 16"):
        train(texts, folder, replace(PLAN, shape=replace(PLAN.shape, layers=2)), silent)
    fewer = Tokenizer(Tokenizer.load(folder).tokens[:-1])
    with pytest.raises(BadFile, match="不是它的词表"):
        train(texts, folder, PLAN, silent, fewer)
    (folder / CHECKPOINT).unlink()
    with pytest.raises(BadFile, match="不是它的词表"):
        train(texts, folder, PLAN, silent, fewer)
    (folder / "vocab.txt").unlink()
    with pytest.raises(BadFile, match=r"vocab\.txt"):
        train(texts, folder, PLAN, silent)


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="--data"):
        train(tmp_path, tmp_path / "out", PLAN, silent)


@pytest.mark.slow
def test_two_runs_do_not_write_one_folder(texts: Path, fresh: Path) -> None:
    errors: list[MinshengError] = []

    def again(state: State, _: float) -> None:
        try:
            train(texts, fresh, PLAN, silent)
        except BadRequest as error:
            errors.append(error)

    train(texts, fresh, replace(PLAN, tokens=1), again)
    assert [error.fields["value"] for error in errors] == [str(fresh)]


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(
    torch: Any, texts: Path, prepared: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "wild"
    shutil.copytree(prepared, folder)
    before = torch.load(folder / CHECKPOINT, weights_only=True)["model"]
    with pytest.raises(TrainingStopped, match="--rate"):
        train(texts, folder, replace(PLAN, rate=1e30, tokens=40 * STEP), silent)
    after = torch.load(folder / CHECKPOINT, weights_only=True)["model"]
    assert all(torch.equal(value, after[name]) for name, value in before.items())


class Joined(Streams):
    """What two processes draw for half as many rows each, as one batch."""

    def batch(self, seed: tuple[int, ...], rows: int, length: int, passes: Any) -> Batch:
        first, second = (super(Joined, self).batch((*seed[:-1], rank), rows // 2, length, passes) for rank in (0, 1))
        return Batch(np.concatenate([first.ids, second.ids]), np.concatenate([first.positions, second.positions + first.ids.size]),
                     np.concatenate([first.truth, second.truth]))  # fmt: skip


def final(folder: Path, plan: Plan, streams: Streams, size: int) -> dict[str, Any]:
    work = Work(0, plan, folder, streams, size)
    while (used := plan.used(work.state)) < 1:
        work.advance(used)
    return {name: value.numpy() for name, value in work.model.state_dict().items()}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_processes_do_what_one_does_with_both_batches(
    torch: Any, texts: Path, fresh: Path, tokenizer: Tokenizer
) -> None:
    streams = kept_streams(fresh / "streams", len(tokenizer))
    assert streams
    plan = replace(PLAN, rate=1e-3)
    joined = final(
        fresh, replace(plan, rows=8, tokens=2 * PLAN.tokens), Joined(streams.tokens, len(tokenizer)), len(tokenizer)
    )
    alone = final(fresh, plan, streams, len(tokenizer))
    steps: list[int] = []
    state = train(
        texts, fresh, replace(plan, processes=2, tokens=2 * PLAN.tokens), lambda state, _: steps.append(state.step)
    )
    assert (state.step, state.tokens, steps) == (12, 24 * STEP, list(range(1, 13)))
    both = {name: value.numpy() for name, value in torch.load(fresh / CHECKPOINT, weights_only=True)["model"].items()}
    assert distance(both, joined) < 0.05 * distance(both, alone)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_processes_stop_at_the_same_step_and_resume(texts: Path, fresh: Path) -> None:
    plan = replace(PLAN, processes=2, tokens=40 * 2 * STEP)
    steps: list[int] = []
    state = train(texts, fresh, plan, lambda state, _: steps.append(state.step), stopped=lambda: len(steps) >= 2)
    assert 2 <= state.step < 40
    assert not (fresh / "model.safetensors").exists()
    again = train(
        texts, fresh, replace(plan, tokens=state.tokens + 2 * STEP), lambda state, _: steps.append(state.step)
    )
    assert again.step == state.step + 1
    assert steps == list(range(1, again.step + 1))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("victim", ["parent", "member"])
def test_killed_processes_leave_none_behind(texts: Path, fresh: Path, victim: str) -> None:
    with start(texts, fresh, replace(PLAN, processes=2, tokens=10**9)) as process:
        assert process.stdout
        assert process.stdout.readline()
        members = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        assert len(members) >= 2
        os.kill(process.pid if victim == "parent" else members[-1], signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    if victim == "member":
        assert "TrainingStopped" in errors
        assert "信号 9" in errors
    end = time.monotonic() + 60
    while any(Path(f"/proc/{member}").exists() for member in members):
        assert time.monotonic() < end, "a process lives on"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++")
def test_compiled_it_computes_the_same(torch: Any, fresh: Path, tokenizer: Tokenizer) -> None:
    streams = kept_streams(fresh / "streams", len(tokenizer))
    assert streams
    losses = []
    for compiled in (False, True):
        work = Work(0, replace(PLAN, compiled=compiled), fresh, streams, len(tokenizer))
        for _ in range(3):
            work.advance(0.05)
        losses.append(work.state.loss)
    assert losses[0] == pytest.approx(losses[1], rel=5e-3)


def start(data: Path, folder: Path, plan: Plan) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(data), str(folder), pickle.dumps(plan).hex()], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
                            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)})  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=110)
    assert process.returncode == 0, errors
    return output
