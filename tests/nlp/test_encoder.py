"""The encoder at run time, with a small graph of random weights made in the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import BadFile
from nlp.encoder import GRAPH, Encoder
from nlp.training.heads import SIZES

TITLES = ["路灯不亮", "", "噪音扰民", "工资", ""]
TEXTS = ["小区的路灯坏了半个月", "老板拖欠工资", "夜里施工噪音" * 60, "", "！" * 4000]


@pytest.fixture(scope="module")
def encoder(small: Any) -> Encoder:
    return Encoder.load(small.folder, SIZES)


def test_every_head_has_its_columns(encoder: Encoder) -> None:
    found = encoder.logits(TITLES, TEXTS)
    assert {head: values.shape for head, values in found.items()} == {head: (5, size) for head, size in SIZES.items()}
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_text_is_read_the_same_in_any_company(encoder: Encoder) -> None:
    together = encoder.logits(TITLES, TEXTS)
    backwards = encoder.logits(TITLES[::-1], TEXTS[::-1])
    for row, (title, text) in enumerate(zip(TITLES, TEXTS, strict=True)):
        alone = encoder.logits([title], [text])
        for head in SIZES:
            assert (alone[head][0] == together[head][row]).all()
            assert (backwards[head][-1 - row] == together[head][row]).all()


def test_two_threads_read_what_one_reads(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"第{number}栋楼下路灯不亮，晚上看不清路。" * (1 + number % 3) for number in range(40)]
    found = {}
    for cores in (1, 2):
        monkeypatch.setattr("nlp.encoder.cores", lambda cores=cores: cores)
        found[cores] = encoder.read(["路灯"] * 40, texts)
    assert all((found[1][0][head] == found[2][0][head]).all() for head in found[1][0])
    assert found[1][1] == found[2][1]


def test_nothing_gives_no_rows(encoder: Encoder) -> None:
    assert encoder.logits([], [])["topic"].shape == (0, SIZES["topic"])


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\x00\ud800", "好" * 1_000_000, "😀" * 5_000, "plain English", "1" * 100_000]
)
def test_any_text_is_read(encoder: Encoder, text: str) -> None:
    assert np.isfinite(encoder.logits([text], [text])["topic"]).all()


def test_it_answers_nearly_as_the_model_it_was_made_from(small: Any, encoder: Encoder) -> None:
    import torch

    found = encoder.logits(TITLES, TEXTS)
    for row, (title, text) in enumerate(zip(TITLES, TEXTS, strict=True)):
        ids, head = small.tokenizer.pair(title, text)
        types = [0] * head + [1] * (len(ids) - head)
        with torch.inference_mode():
            exact = small.reader(torch.tensor([ids]), torch.tensor([types]))[0][0].numpy()
        read = np.concatenate([found[name][row] for name in SIZES])
        assert np.corrcoef(exact, read)[0, 1] > 0.98


def test_what_is_no_encoder_is_named(small: Any, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"encoder\.onnx\.zst"):
        Encoder.load(tmp_path, SIZES)
    for data in (b"", b"no graph at all", (small.folder / GRAPH).read_bytes()[:5_000]):
        (tmp_path / GRAPH).write_bytes(data)
        with pytest.raises(BadFile, match=r"encoder\.onnx\.zst"):
            Encoder.load(tmp_path, SIZES)
    with pytest.raises(BadFile, match="不相符"):
        Encoder.load(small.folder, {"topic": 3})


def test_torch_is_not_needed(small: Any) -> None:
    code = (
        "import sys; from pathlib import Path; from nlp.encoder import Encoder\n"
        f"Encoder.load(Path({str(small.folder)!r}), {SIZES}).logits(['a'], ['路灯'])\n"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
