from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nlp.classifier import HEADS
from nlp.linear import LinearClassifier
from nlp.training import card, figures
from nlp.training.figures import HeadFigure
from nlp.training.judged import digest_of, judged
from nlp.training.linear import Trained


@pytest.fixture(scope="module")
def found(trained: Trained) -> list[HeadFigure]:
    return figures.figures(trained.judged, trained.held_out)


def test_every_head_and_every_set_has_a_figure(found: list[HeadFigure]) -> None:
    rows = {(figure.head, figure.rows) for figure in found}
    assert {(head, "civic_by_reading") for head in HEADS if head != "emotion"} <= rows
    assert {("topic", "topic_train（七类）"), ("sentiment", "waimai_10k"), ("emotion", "weibo_8moods"),
            ("emotion", "emotion_train 全部")} <= rows  # fmt: skip


def test_figures_are_shares_with_their_intervals_around_them(found: list[HeadFigure]) -> None:
    for figure in found:
        assert 0 <= figure.accuracy <= 1
        assert figure.n == sum(each.n for each in figure.classes)
        for name, (low, high) in figure.intervals.items():
            assert low <= high
            if name in ("accuracy", "macro_f1"):
                assert low - 1e-3 <= getattr(figure, name) <= high + 1e-3


def test_figures_count_what_they_say(trained: Trained, found: list[HeadFigure]) -> None:
    topic = next(figure for figure in found if (figure.head, figure.rows) == ("topic", "civic_by_reading"))
    civic = trained.held_out.of(("board", "topic"))
    right = civic.logits["topic"].argmax(axis=1) == civic.truth["topic"]
    assert topic.accuracy == pytest.approx(right.mean(), abs=1e-4)
    assert topic.n == len(right)
    assert topic.top3 is not None
    assert topic.top3 >= topic.accuracy


def test_only_the_heads_asked_for(trained: Trained) -> None:
    assert {figure.head for figure in figures.figures(trained.judged, trained.held_out, ["urgency"])} == {"urgency"}


def test_macro_f1_leaves_out_labels_with_few_rows() -> None:
    truth = np.repeat([0, 1, 2], [10, 10, 2])
    answer = truth.copy()
    answer[-2:] = 0
    assert figures.macro_f1(answer, truth, 4) == pytest.approx((20 / 22 + 1) / 2)
    assert figures.macro_f1(np.array([0, 1]), np.array([0, 1]), 4) == 1.0


def test_the_card_tells_what_was_measured(trained: Trained, found: list[HeadFigure], tmp_path: Path) -> None:
    sizes = {"civic_by_reading": 480}
    written = card.write(tmp_path / "new", trained.model, found, sizes)
    assert [path.name for path in written] == ["linear.zst", "card.json", "model_card.md"]
    assert LinearClassifier.load(tmp_path / "new").version == trained.model.version
    told = json.loads((tmp_path / "new" / "card.json").read_text(encoding="utf-8"))
    assert told["model"] == trained.model.version
    assert told["rows"] == sizes
    assert len(told["figures"]) == len(found)
    text = (tmp_path / "new" / "model_card.md").read_text(encoding="utf-8")
    for part in ("全部", "许可", "局限", *(f"### {figure.head} · {figure.rows}" for figure in found)):
        assert part in text


def test_the_judged_model_is_fitted_once_per_data(labelled_folder: Path, trained: Trained, tmp_path: Path) -> None:
    steps: list[str] = []
    model, held_out = judged(labelled_folder, steps.append, tmp_path)
    assert steps
    assert model.to_bytes() == trained.judged.to_bytes()
    steps.clear()
    again, same = judged(labelled_folder, steps.append, tmp_path)
    assert not steps
    assert again.to_bytes() == model.to_bytes()
    for head in HEADS:
        assert np.array_equal(same.logits[head], held_out.logits[head])
        assert np.array_equal(same.source[head], held_out.source[head])


def test_other_data_is_another_digest(labelled_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "civic_by_reading.parquet").write_bytes(b"other")
    assert digest_of(tmp_path) != digest_of(labelled_folder) == digest_of(labelled_folder)
