"""Held-out rows set by set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.classifier import HEADS
from nlp.heads import Head, Heads
from nlp.training.held import (
    CIVIC,
    CONTENT,
    LENGTHS,
    MOODS,
    SEVEN,
    SIGN,
    Facts,
    Held,
    facts_of,
    held_sets,
    length_groups,
    order_of,
    part_of,
    time_groups,
    two_sided,
)
from nlp.training.linear import READ, TEST_FOLD, Answers, Trained
from nlp.training.rows import LATER, Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


@pytest.fixture(scope="module")
def sets(trained: Trained, corpus: Corpus) -> list[Held]:
    return held_sets(trained.judged, trained.held_out, facts=facts_of(corpus, trained.held_out))


def test_the_rows_of_a_set_are_those_of_the_held_out_fold_with_their_truth(sets: list[Held], corpus: Corpus) -> None:
    for held in sets:
        rows = part_of(corpus, held.head)
        assert (rows.fold[held.row] == TEST_FOLD).all()
        assert (held.columns[rows.labels[held.head][held.row]] == held.truth).all()
        assert (rows.source[held.row] == held.source).all()
        assert held.probabilities.shape == (len(held), len(held.labels))
        assert held.probabilities.sum(axis=1) == pytest.approx(np.ones(len(held)), abs=1e-5)


def test_every_held_out_row_of_a_reading_is_in_the_civic_set_and_no_other(sets: list[Held], corpus: Corpus) -> None:
    topic = next(held for held in sets if (held.head, held.rows) == ("topic", CIVIC))
    mine = (corpus.civic.fold == TEST_FOLD) & np.isin(corpus.civic.source, ("board", "topic"))
    assert sorted(topic.row.tolist()) == np.flatnonzero(mine).tolist()


def test_only_the_heads_asked_for(trained: Trained) -> None:
    assert {held.head for held in held_sets(trained.judged, trained.held_out, ["emotion"])} == {"emotion"}
    rows = {held.rows for held in held_sets(trained.judged, trained.held_out, ["topic", "sentiment"])}
    assert {CIVIC, SEVEN, "waimai_10k"} == rows


def test_emotions_are_judged_among_those_that_a_source_has(sets: list[Held]) -> None:
    usual = next(held for held in sets if held.rows == "smp_usual_eval")
    strange = [HEADS["emotion"].index(label) for label in ("like", "disgust")]
    assert (usual.probabilities[:, strange] == 0).all()
    whole = next(held for held in sets if held.rows == MOODS)
    assert "source" not in whole.groups


def test_rows_are_grouped_by_what_is_known_of_them(sets: list[Held], trained: Trained, corpus: Corpus) -> None:
    topic = next(held for held in sets if (held.head, held.rows) == ("topic", CIVIC))
    for row, group in zip(topic.row, topic.groups["time"], strict=True):
        time = corpus.civic.time[row]
        assert (group == "没有日期") == np.isnan(time)
        assert group.endswith("起") == bool(time >= LATER)
    lengths = facts_of(corpus, trained.held_out).length["topic"]
    civic = np.isin(trained.held_out.source["topic"], READ)
    assert lengths[civic].tolist() == [len(corpus.civic.titles[row] + corpus.civic.texts[row]) for row in topic.row]


def test_a_long_text_is_told_from_a_short_one(trained: Trained, corpus: Corpus) -> None:
    facts = facts_of(corpus, trained.held_out)
    rows = facts.length["topic"]
    some = Facts(facts.time, facts.length | {"topic": np.where(np.arange(len(rows)) % 2, 500, rows)})
    (topic,) = (held for held in held_sets(trained.judged, trained.held_out, ["topic"], some) if held.rows == CIVIC)
    assert "> 390 字" in topic.groups["length"]


def test_without_facts_there_is_nothing_by_time(trained: Trained) -> None:
    for held in held_sets(trained.judged, trained.held_out):
        assert set(held.groups) <= {"source"}


def test_a_grouping_of_one_part_is_left_out(sets: list[Held]) -> None:
    reviews = next(held for held in sets if held.rows == "waimai_10k")
    assert "source" not in reviews.groups
    assert "time" not in reviews.groups


@given(st.lists(st.integers(0, 3_000), min_size=1))
def test_lengths_are_grouped_in_order(lengths: list[int]) -> None:
    values = np.array(lengths)
    groups = length_groups(values)
    order = order_of("length", groups.tolist())
    assert sorted(order) == sorted(set(groups.tolist()))
    ranks = np.array([order.index(group) for group in groups])
    assert (np.diff(ranks[np.argsort(values, kind="stable")]) >= 0).all()
    for length, group in zip(lengths, groups, strict=True):
        assert (group == f"≤ {LENGTHS[0]} 字") == (length <= LENGTHS[0])


def test_the_later_day_stands_in_its_name() -> None:
    day = datetime.fromtimestamp(LATER, UTC).date().isoformat()
    assert time_groups(np.array([LATER - 1, LATER, np.nan])).tolist() == [f"{day} 前", f"{day} 起", "没有日期"]


def test_content_or_not_is_asked_of_the_levels(trained: Trained) -> None:
    reviews = next(
        held for held in held_sets(trained.judged, trained.held_out, ["sentiment"]) if held.rows == "waimai_10k"
    )
    assert reviews.labels == CONTENT
    assert set(reviews.columns.tolist()) == {0, 1}
    assert (reviews.answer == (reviews.probabilities[:, 1] > 0.5)).all()


def test_a_head_that_asks_whether_one_is_content_is_asked(trained: Trained, corpus: Corpus) -> None:
    """Where a model has one, the reviews are its; the civic rows keep their levels."""
    held_out = trained.held_out
    mine = held_out.source["sentiment"] == "waimai_10k"
    row = held_out.row["sentiment"][mine]
    truth = (corpus.feeling.labels["sentiment"][row] == 3).astype(np.int64)
    told = np.where(truth[:, None] == np.arange(2), 2.0, 0.0).astype(np.float32)
    told[0] = told[0, ::-1]
    asked = Answers(held_out.logits | {"polarity": told}, held_out.truth | {"polarity": truth},
                    held_out.source | {"polarity": held_out.source["sentiment"][mine]}, held_out.row | {"polarity": row})  # fmt: skip
    model = Heads(dict(trained.judged.settings) | {"polarity": Head(CONTENT)})
    sets = held_sets(model, asked, ["sentiment"], facts_of(corpus, asked))
    civic, reviews = sets
    assert [(held.head, held.rows) for held in sets] == [("sentiment", CIVIC), ("sentiment", "waimai_10k")]
    assert (reviews.answer != reviews.truth).tolist() == [True] + [False] * (len(truth) - 1)
    assert (reviews.columns[corpus.feeling.labels["sentiment"][reviews.row]] == reviews.truth).all()
    (levels, _) = held_sets(trained.judged, held_out, ["sentiment"])
    assert (civic.answer == levels.answer).all()


def test_the_sign_is_that_of_the_level_that_is_shown(sets: list[Held]) -> None:
    levels = next(held for held in sets if (held.head, held.rows) == ("sentiment", CIVIC))
    sign = two_sided(levels, SIGN, ("不满", "其余"), (0, 0, 1, 1))
    assert (sign.answer == (levels.answer >= 2)).all()
    assert (sign.truth == (levels.truth >= 2)).all()
    assert sign.probabilities[:, 0] == pytest.approx(levels.probabilities[:, :2].sum(axis=1))
