from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies

from nlp.classifier import HEADS
from nlp.linear import LinearClassifier
from nlp.training import card, figures
from nlp.training.figures import HeadFigure
from nlp.training.held import Held
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
        for part in (figure, *figure.classes, *figure.parts):
            for name, (low, high) in part.intervals.items():
                assert low <= high
                if name in ("accuracy", "precision", "recall"):
                    assert low - 1e-3 <= getattr(part, name) <= high + 1e-3


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


def one(
    answer: list[int], truth: list[int], confidence: list[float] | None = None, limits: tuple[float, ...] = ()
) -> Held:
    """Rows of a head with the labels 0 … 2, answered with these confidences."""
    n = len(answer)
    given = np.array(confidence or [1.0] * n)
    probabilities = np.repeat((1 - given)[:, None] / 2, 3, axis=1)
    probabilities[np.arange(n), answer] = given
    source = np.array(["board", "more"] * n)[:n]
    return Held("demand_type", "rows", ("甲", "乙", "丙"), probabilities, np.array(answer), np.array(truth), np.arange(3), limits,
                source, np.arange(n), {"source": source})  # fmt: skip


def test_confusions_are_counted_the_most_frequent_first() -> None:
    found = figures.confusions(one([1, 1, 1, 0, 0, 2, 0], [0, 0, 1, 1, 0, 2, 2]))
    assert [(pair.true, pair.said, pair.n) for pair in found] == [("甲", "乙", 2), ("乙", "甲", 1), ("丙", "甲", 1)]


@given(
    strategies.lists(strategies.tuples(strategies.integers(0, 2), strategies.integers(0, 2)), min_size=1, max_size=60)
)
def test_confusions_add_up_to_the_mistakes(rows: list[tuple[int, int]]) -> None:
    answer, truth = ([row[side] for row in rows] for side in (0, 1))
    found = figures.confusions(one(answer, truth))
    assert sum(pair.n for pair in found) == sum(mine != real for mine, real in rows)
    assert all(pair.true != pair.said for pair in found)


def test_the_best_threshold_in_hindsight_keeps_the_share_and_equal_rows_together() -> None:
    confidence = np.array([0.9, 0.8, 0.8, 0.7, 0.6])
    assert figures.oracle(confidence, np.array([True, True, False, True, True]), 0.75) == 1.0
    assert figures.oracle(confidence, np.array([True, True, False, False, False]), 0.9) == pytest.approx(0.2)
    assert figures.oracle(confidence, np.array([False, True, False, True, False]), 0.9) == 0.0


@given(
    strategies.lists(
        strategies.tuples(strategies.sampled_from([0.2, 0.4, 0.6, 0.8]), strategies.booleans()), min_size=1
    )
)
def test_no_threshold_does_better_in_hindsight(rows: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = figures.oracle(confidence, right, 0.8)
    best = max(
        (float((confidence >= cut).mean()) for cut in confidence if right[confidence >= cut].mean() >= 0.8), default=0.0
    )
    assert found == pytest.approx(best)


def test_parts_hold_all_rows_and_are_measured_on_their_own() -> None:
    figure = figures.figure_of(one([0, 1, 0, 1, 2, 0], [0, 0, 0, 0, 2, 0]))
    assert {(part.by, part.part): (part.n, part.accuracy) for part in figure.parts} == {
        ("source", "board"): (3, 1.0), ("source", "more"): (3, pytest.approx(1 / 3, abs=1e-4)),
    }  # fmt: skip


def test_what_is_never_answered_has_no_share_right() -> None:
    """And no nan, which JSON does not have."""
    figure = figures.figure_of(one([0, 1, 2], [0, 1, 1], limits=(2.0, 2.0, 2.0)))
    assert (figure.coverage, figure.answered_right) == (0.0, None)
    assert "answered_right" not in figure.intervals
    json.dumps(figures.as_card([figure]), allow_nan=False)


def test_a_label_that_is_never_given_has_a_recall_of_none() -> None:
    figure = figures.figure_of(one([0, 0, 0], [0, 1, 1]))
    missed = next(each for each in figure.classes if each.label == "乙")
    assert (missed.precision, missed.recall, missed.f1) == (0.0, 0.0, 0.0)
    assert missed.intervals["recall"] == (0.0, 0.0)
    assert "precision" not in missed.intervals


def test_figures_of_a_card_are_json(found: list[HeadFigure]) -> None:
    json.dumps(figures.as_card(found), allow_nan=False)
