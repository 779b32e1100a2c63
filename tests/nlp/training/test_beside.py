"""Ways side by side: the measures are those of a count, the difference is paired."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.training.beside import beside
from nlp.training.figures import figure_of
from nlp.training.held import Held
from nlp.training.peers import Said, said

LABELS = ("0", "1", "2")
ROWS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=40)


def held_of(answer: list[int], truth: list[int], head: str = "demand_type") -> Held:
    probabilities = np.full((len(answer), 3), 0.1)
    probabilities[np.arange(len(answer)), answer] = 0.8
    source = np.array(["board"] * len(answer))
    return Held(head, "rows", LABELS, probabilities, np.array(answer), np.array(truth), np.arange(3), (), source,
                np.arange(len(answer)), {})  # fmt: skip


def way(answer: list[int]) -> Said:
    return Said(np.array(answer), np.linspace(1, 0, len(answer)))


def test_measures_and_differences_by_hand() -> None:
    truth = [0] * 5 + [1] * 5
    ours, theirs = beside(held_of([0] * 5 + [1] * 5, truth), "ours", [("theirs", way([0] * 5 + [1] * 3 + [0] * 2))])
    assert (ours.way, ours.accuracy, ours.accuracy_against) == ("ours", 1.0, None)
    assert (theirs.way, theirs.accuracy, theirs.agreement) == ("theirs", 0.8, 0.8)
    assert theirs.accuracy_against is not None
    assert theirs.accuracy_against.difference == pytest.approx(0.2)
    low, high = theirs.accuracy_against.interval
    assert 0 <= low <= 0.2 <= high
    assert theirs.ece is None  # margins are no probabilities
    assert ours.ece == pytest.approx(0.2)
    assert theirs.oracle == 0.8  # the least confident rows are the wrong ones


def test_a_way_that_does_not_answer_the_question_is_left_out() -> None:
    assert [one.way for one in beside(held_of([0], [0]), "ours", [("snow", None), ("plain", way([1]))])] == [
        "ours",
        "plain",
    ]


@given(ROWS)
def test_the_same_answers_differ_in_nothing(rows: list[tuple[int, int, int]]) -> None:
    held = held_of([row[0] for row in rows], [row[1] for row in rows])
    ours, same = beside(held, "ours", [("same", said(held))])
    assert same.agreement == 1.0
    assert (same.accuracy, same.macro_f1, same.ece, same.oracle) == (
        ours.accuracy,
        ours.macro_f1,
        ours.ece,
        ours.oracle,
    )
    for measure in (same.accuracy_against, same.macro_f1_against):
        assert measure is not None
        assert (measure.difference, *measure.interval) == (0.0, 0.0, 0.0)


@settings(max_examples=20, deadline=None)  # each draws 400 samples
@given(ROWS)
def test_ours_has_the_figures_of_the_figure(rows: list[tuple[int, int, int]]) -> None:
    held = held_of([row[0] for row in rows], [row[1] for row in rows], "urgency")
    figure, (ours, other) = figure_of(held), beside(held, "ours", [("other", way([row[2] for row in rows]))])
    assert (ours.accuracy, ours.macro_f1, ours.kappa, ours.ece, ours.oracle) == (
        figure.accuracy, figure.macro_f1, figure.kappa, figure.ece, figure.oracle,
    )  # fmt: skip
    assert other.accuracy_against is not None
    assert other.accuracy_against.difference == pytest.approx(ours.accuracy - other.accuracy, abs=1e-3)
