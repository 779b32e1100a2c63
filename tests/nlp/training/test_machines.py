from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from nlp.calibrate import softmax
from nlp.classifier import HEADS
from nlp.training import machines
from nlp.training.linear import Trained
from nlp.training.rows import Corpus, Rows, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def scale_rows(levels: list[int], head: str, sources: list[str] | None = None) -> Rows:
    n = len(levels)
    labels = {name: np.full(n, -1, dtype=np.int64) for name in HEADS} | {head: np.array(levels)}
    return Rows([""] * n, [""] * n, [None] * n, np.array(sources or ["board"] * n), np.zeros(n, dtype=np.int64), np.full(n, np.nan),
                np.ones(n), labels, [""] * n)  # fmt: skip


def test_labels_without_rows_are_never_the_answer(trained: Trained) -> None:
    unseen = HEADS["topic"].index("党务政务")
    block = trained.model.blocks["civic"]
    assert not block.weights[:, unseen].any()
    assert block.intercepts[unseen] == machines.UNSEEN


def test_a_source_that_does_not_know_a_label_says_nothing_against_it(corpus: Corpus) -> None:
    rows = corpus.feeling
    usable = rows.has("emotion")
    happy, like = (
        machines.teachers(rows, usable, "emotion", HEADS["emotion"].index(label)) for label in ("happy", "like")
    )
    assert set(rows.source[happy]) == {"weibo_8moods", "smp_usual_eval"}
    assert set(rows.source[like]) == {"weibo_8moods", "covid19_labelled"}


def test_a_second_level_learns_from_its_own_topic_only(corpus: Corpus) -> None:
    path = HEADS["subtopic"].index("城乡建设/住房保障与房地产")
    mine = machines.teachers(corpus.civic, corpus.civic.has("subtopic"), "subtopic", path)
    assert {HEADS["subtopic"][label].split("/")[0] for label in corpus.civic.labels["subtopic"][mine]} == {"城乡建设"}


def test_every_label_counts_alike() -> None:
    truth = np.repeat([0, 1, 4], [50, 10, 2])
    weights = machines.balanced(truth, np.where(np.arange(62) % 2, 1.0, 0.5))
    sums = np.bincount(truth, weights=weights)
    assert sums[[0, 1, 4]] == pytest.approx([sums[0]] * 3)
    assert sums.sum() == pytest.approx(np.where(np.arange(62) % 2, 1.0, 0.5).sum())


def test_a_rare_label_is_learned_against_a_frequent_one() -> None:
    """Label 1 has 6 rows of 300; its word also stands in every tenth row of label 0."""
    truth = np.repeat([0, 1], [300, 6])
    word = np.concatenate([np.arange(300) % 10 == 0, np.ones(6)]).astype(np.float32)
    rows = scale_rows(truth.tolist(), "topic")
    features = csr_matrix(np.stack([np.ones(306, dtype=np.float32), word], axis=1))
    weights, intercepts = machines.fit_head(features, rows, np.ones(306, dtype=bool), "topic", 1.0)
    logits = np.array([1.0, 1.0]) @ weights + intercepts
    assert logits[1] > logits[0]
    assert (logits[2:] < logits[1]).all()


def test_a_scale_rises_with_its_feature() -> None:
    levels = np.repeat([0, 1, 2, 3], 40)
    features = csr_matrix(levels[:, None].astype(np.float32) / 3)
    weights, intercepts = machines.fit_head(
        features, scale_rows(levels.tolist(), "urgency"), np.ones(160, dtype=bool), "urgency", 10.0
    )
    points = np.linspace(0, 1, 4)[:, None]
    probabilities = softmax((points @ weights + intercepts) / 0.2)
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert (np.diff(probabilities @ np.arange(4)) > 0).all()
    assert not weights[:, 0].any()


def test_a_level_that_nobody_reached_is_not_expected() -> None:
    levels = np.repeat([0, 1], 20)
    features = csr_matrix(levels[:, None].astype(np.float32))
    weights, intercepts = machines.fit_head(
        features, scale_rows(levels.tolist(), "urgency"), np.ones(40, dtype=bool), "urgency", 1.0
    )
    assert intercepts[3] < intercepts[2] < intercepts[1]
    assert np.array_equal(weights[:, 3], weights[:, 1])


def test_reviews_teach_pleasure_but_not_anger() -> None:
    """Reviews say nothing at the step from angry to dissatisfied; there the civic rows stand alone."""
    sources = ["board"] * 40 + ["waimai_10k"] * 40
    levels = [0] * 20 + [1] * 20 + [1] * 20 + [3] * 20
    features = np.zeros((80, 3), dtype=np.float32)
    features[:20, 0] = features[20:60, 1] = features[60:, 2] = 1
    rows = scale_rows(levels, "sentiment", sources)
    assert machines._step_weights(rows, "sentiment", 1).tolist() == [1.0] * 40 + [0.0] * 40
    assert machines._step_weights(rows, "sentiment", 3).tolist() == [1.0] * 80
    weights, intercepts = machines.fit_head(csr_matrix(features), rows, np.ones(80, dtype=bool), "sentiment", 10.0)
    expected = softmax((np.eye(3) @ weights + intercepts) / 0.3) @ np.arange(4)
    assert expected[0] < expected[1] < expected[2]


def test_pleased_citizens_are_not_drowned() -> None:
    rows = scale_rows([3, 1, 3], "sentiment", ["board", "board", "weibo2018"])
    assert machines._step_weights(rows, "sentiment", 3).tolist() == [machines.PLEASED_WEIGHT, 1.0, 1.0]
