from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.labels import OTHER
from nlp.calibrate import NEVER
from nlp.classifier import HEADS
from nlp.training.linear import OTHER_LIMIT, READ, TEST_FOLD, Answers, Trained, calibrated, parents, train
from nlp.training.rows import LATER, read_corpus


def test_the_same_data_gives_the_same_bytes(labelled_folder: Path, trained: Trained) -> None:
    again = train(read_corpus(labelled_folder), lambda _: None)
    assert again.model.to_bytes() == trained.model.to_bytes()
    assert again.judged.to_bytes() == trained.judged.to_bytes()


def test_held_out_answers_are_of_the_test_fold_only(labelled_folder: Path, trained: Trained) -> None:
    corpus = read_corpus(labelled_folder)
    for head in HEADS:
        rows = corpus.feeling if head in ("sentiment", "emotion") else corpus.civic
        assert (rows.fold[trained.held_out.row[head]] == TEST_FOLD).all()
        assert len(trained.held_out.logits[head]) == len(trained.held_out.truth[head]) > 0


def test_progress_names_every_fit(labelled_folder: Path) -> None:
    from nlp.training.linear import judge

    names: list[str] = []
    judge(read_corpus(labelled_folder), names.append)
    assert names[0] == "统计字串"
    assert {name.split()[0] for name in names[1:]} == {"调参", "留出检验"}
    assert {name.split()[1] for name in names[1:]} == set(HEADS)


def test_a_made_up_world_is_learned(trained: Trained) -> None:
    civic = trained.held_out.of(READ)
    for head in ("topic", "department", "demand_type"):
        right = civic.logits[head].argmax(axis=1) == civic.truth[head]
        assert right.mean() > 0.75, head


def test_answers_join_and_part() -> None:
    one = Answers(
        {"topic": np.zeros((2, 3))},
        {"topic": np.array([0, 1])},
        {"topic": np.array(["board", "none"])},
        {"topic": np.array([4, 7])},
    )  # type: ignore[dict-item]
    both = one.joined(one)
    assert both.truth["topic"].tolist() == [0, 1, 0, 1]
    assert both.of(("board",)).row["topic"].tolist() == [4, 4]
    assert both.of(()).logits["topic"].shape == (0, 3)


def test_later_rows_can_only_make_the_thresholds_stricter(trained: Trained) -> None:
    held_out = trained.held_out
    before = calibrated(held_out, None)
    wrong = held_out.of(READ)
    spoiled = Answers(wrong.logits, {head: (truth + 1) % len(HEADS[head]) for head, truth in wrong.truth.items()},
                      wrong.source, wrong.row)  # fmt: skip
    after = calibrated(held_out, spoiled)
    for head in ("topic", "demand_type", "department"):
        assert min(after[head].thresholds) == NEVER
        assert (np.array(after[head].thresholds) >= np.array(before[head].thresholds)).all()
        assert after[head].temperature == before[head].temperature


def test_ordinal_heads_have_cuts_and_others_thresholds(trained: Trained) -> None:
    for head, setting in trained.model.settings.items():
        assert len(setting.cuts) == (3 if head in ("urgency", "sentiment") else 0), head
        assert len(setting.thresholds) == (0 if head in ("urgency", "sentiment") else len(HEADS[head])), head
        assert setting.temperature > 0


def test_every_subtopic_has_its_parent() -> None:
    for path, parent in zip(HEADS["subtopic"], parents(), strict=True):
        assert HEADS["topic"][parent] == path.split("/")[0]


def test_some_dated_rows_are_later(labelled_folder: Path) -> None:
    time = read_corpus(labelled_folder).civic.time
    share = (time >= LATER).sum() / np.isfinite(time).sum()
    assert share == pytest.approx(0.3, abs=0.1)


def test_none_of_the_classes_is_answered_only_when_nearly_certain(trained: Trained) -> None:
    for head in ("topic", "subtopic", "demand_type", "department"):
        limit = trained.model.settings[head].thresholds[HEADS[head].index(OTHER)]
        assert limit >= OTHER_LIMIT, head
