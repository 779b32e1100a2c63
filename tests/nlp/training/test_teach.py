"""Texts without labels: which of them a teacher speaks for, and how its word moves the loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from nlp.classifier import HEADS
from nlp.heads import Head
from nlp.linear import LinearClassifier
from nlp.training import heads
from nlp.training.examples import UNLABELLED, Examples, batches, examples
from nlp.training.linear import Trained
from nlp.training.rows import HELD_FOLDS, NO_LABEL, Corpus, read_corpus
from nlp.training.teach import HEADS_TAUGHT, taught, texts_of, to_teach, unlabelled, with_texts, with_words

LINES = (
    "长堤桥头的公厕锁了半年，附近摆摊的人没有地方去，能不能开一开。",
    "网友：您好！您反映的公厕问题已收悉，经核实现回复如下，城管局将于近日开放。",
    "星河里的楼道灯全坏了，物业说没有维修基金，老人晚上上楼摔了一跤。",
    "星河里的楼道灯全坏了，物业说没有维修基金，老人晚上上楼摔了一跤！",
)


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    data = tmp_path_factory.mktemp("data")
    (data / "labelled").symlink_to(labelled_folder)
    (data / "pretrain").mkdir()
    known = read_corpus(labelled_folder).civic
    copy = next(f"{title}。{text}" for title, text in zip(known.titles, known.texts, strict=True) if title)
    (data / "pretrain" / "message_board.txt.zst").write_bytes(
        zstandard.ZstdCompressor().compress("\n".join((*LINES, copy)).encode())
    )
    return read_corpus(data / "labelled")


def test_answers_copies_and_repeats_are_left_out(corpus: Corpus) -> None:
    assert unlabelled(corpus) == [LINES[0], LINES[2]]


def test_without_texts_there_are_none(labelled_folder: Path, corpus: Corpus) -> None:
    assert unlabelled(replace(corpus, folder=labelled_folder / "elsewhere" / "labelled")) == []


@pytest.fixture(scope="module")
def found(corpus: Corpus, small: Any) -> Examples:
    return with_texts(examples(corpus, small.tokenizer), small.tokenizer, unlabelled(corpus))


def test_further_texts_stand_behind_the_labelled_ones(corpus: Corpus, small: Any, found: Examples) -> None:
    before = examples(corpus, small.tokenizer)
    assert len(found) == len(before) + 2
    assert list(found.kind[-2:]) == [UNLABELLED] * 2
    assert all(values[-1] == NO_LABEL for values in found.labels.values())
    rows = np.array([0, len(before), len(before) + 1])
    assert texts_of(corpus, list(unlabelled(corpus)), rows)[1] == [corpus.civic.texts[0], LINES[0], LINES[2]]
    for name in ("titles", "fold", "time", "span", "kind", "source"):
        assert len(getattr(found, name)) == len(found), name


def test_a_teacher_speaks_for_what_has_no_labels_of_ours(found: Examples) -> None:
    train = ~np.isin(found.fold, HELD_FOLDS)
    rows = to_teach(found, train)
    assert set(found.kind[rows]) == {"civic", UNLABELLED}
    assert (found.labels["demand_type"][rows] == NO_LABEL).all()
    assert train[rows].all()
    assert {len(found) - 2, len(found) - 1} <= set(rows.tolist())


def test_a_teacher_is_half_the_one_half_the_other(trained: Trained) -> None:
    linear: LinearClassifier = replace(trained.judged, settings={head: Head(labels) for head, labels in HEADS.items()})
    random = np.random.default_rng(3)
    own, read = (
        {head: random.normal(0, 2, (4, len(HEADS[head]))).astype(np.float32) for head in HEADS_TAUGHT} for _ in range(2)
    )
    for head, share in taught(linear, own, read).items():
        assert share.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
        both = (own[head] + read[head]) / 2  # logits of a mean of logarithms, up to what a softmax takes away
        expected = np.exp(both - both.max(axis=1, keepdims=True))
        assert share == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-5)


def test_its_word_moves_the_loss_where_there_is_no_label_and_nowhere_else(found: Examples) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    rows = to_teach(found, np.ones(len(found), dtype=bool))
    shares = {
        head: np.full((len(rows), len(HEADS[head])), 1 / len(HEADS[head]), dtype=np.float32) for head in HEADS_TAUGHT
    }
    told = with_words(found, rows, shares)
    under = heads.subtopics_under()
    size = heads.SIZES["demand_type"]
    place = heads.columns(heads.SIZES)["demand_type"]

    def loss(examples_: Examples, row: int, favourite: float) -> float:
        made = heads.tensors(examples_, batches(examples_, np.array([row]))[0], under)
        logits = torch.zeros(len(made["ids"]), sum(heads.SIZES.values()))
        logits[:, place.start] = favourite
        places = torch.zeros(*made["ids"].shape, 2)
        return float(heads.loss_of(logits, places, made, heads.SIZES))

    last = len(found) - 1
    assert loss(found, last, 5.0) == pytest.approx(loss(found, last, 0.0)), "nobody said anything"
    assert loss(told, last, 5.0) > loss(told, last, 0.0), "the teacher calls all of them alike"
    labelled = int(np.flatnonzero(found.labels["demand_type"] >= 0)[0])
    assert loss(told, labelled, 5.0) == pytest.approx(loss(found, labelled, 5.0))
    topic = np.flatnonzero(
        (found.labels["topic"] >= 0)
        & (found.labels["demand_type"] == NO_LABEL)
        & (found.labels["department"] == NO_LABEL)
    )[0]
    assert told.taught
    assert told.taught.row[topic] >= 0
    assert size == len(HEADS["demand_type"])
