"""Which of two models is better, and where that cannot be told."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from nlp.compare import DRAWS, LEAST_TOLD, Verdict, compare

LABELS = ("环境保护", "政法", "其他")


def answers(truth: Sequence[str], right: float, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [
        label if draw.random() < right else draw.choice([other for other in LABELS if other != label])
        for label in truth
    ]


@pytest.fixture
def truth() -> list[str]:
    return ["环境保护"] * 300 + ["政法"] * 60 + ["其他"] * 12


def test_the_measures_are_those_of_a_count_by_hand() -> None:
    truth = ["x"] * 4 + ["y"] * 6
    a = ["x", "x", "x", "y"] + ["y"] * 5 + ["x"]
    b = ["x"] * 4 + ["y"] * 6
    found = compare("topic", truth, a, b)
    assert (found.head, found.n) == ("topic", 10)
    assert (found.accuracy.a, found.accuracy.b, found.accuracy.difference) == (0.8, 1.0, 0.2)
    y, x = found.classes
    assert ((x.label, x.n), (y.label, y.n)) == (("x", 4), ("y", 6))
    assert (x.accuracy.a, x.accuracy.b) == (0.75, 1.0)
    assert x.f1.a == pytest.approx(2 * 3 / (4 + 4))
    assert y.f1.a == pytest.approx(2 * 5 / (6 + 6), abs=1e-4)
    assert found.macro_f1.a == y.f1.a, "x has fewer than five rows"


def test_a_much_better_model_is_called_better_and_the_other_way_round_worse(truth: list[str]) -> None:
    weak, strong = answers(truth, 0.5, 1), answers(truth, 0.95, 2)
    found, turned = compare("topic", truth, weak, strong), compare("topic", truth, strong, weak)
    assert (found.verdict, turned.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert [each.verdict for each in found.classes[:2]] == [Verdict.BETTER] * 2
    assert [each.verdict for each in turned.classes[:2]] == [Verdict.WORSE] * 2
    assert found.accuracy.difference == -turned.accuracy.difference


def test_few_rows_are_never_enough(truth: list[str]) -> None:
    """Twelve rows, all wrong with one and all right with the other: the interval leaves zero out, the words do not."""
    others = ["环境保护" if label == "其他" else label for label in truth]
    found = compare("topic", truth, others, truth)
    few = found.classes[-1]
    assert (few.label, few.n, few.accuracy.difference) == ("其他", 12, 1.0)
    assert few.n < LEAST_TOLD
    assert few.verdict is Verdict.FEW


def test_the_same_answers_differ_by_nothing(truth: list[str]) -> None:
    some = answers(truth, 0.7, 3)
    found = compare("topic", truth, some, some)
    assert found.accuracy.interval == (0.0, 0.0)
    assert found.verdict is Verdict.UNCLEAR
    assert {each.verdict for each in found.classes} == {Verdict.UNCLEAR, Verdict.FEW}


def test_two_models_alike_are_seldom_told_apart() -> None:
    """Of 200 pairs that are equally good, 95 % intervals leave zero out in about ten."""
    told = 0
    for seed in range(200):
        truth = [random.Random(seed).choice(LABELS) for _ in range(120)]
        found = compare("topic", truth, answers(truth, 0.8, 2 * seed + 1_000), answers(truth, 0.8, 2 * seed + 1_001))
        told += found.verdict is not Verdict.UNCLEAR
    assert 2 <= told <= 22


def test_the_interval_is_that_of_drawing_rows(truth: list[str]) -> None:
    """The same as the plain bootstrap, which draws row by row."""
    a, b = answers(truth, 0.6, 4), answers(truth, 0.75, 5)
    found = compare("topic", truth, a, b)
    right = np.array([[x == t, y == t] for t, x, y in zip(truth, a, b, strict=True)], dtype=float)
    generator = np.random.default_rng(9)
    drawn = [right[generator.integers(0, len(right), len(right))].mean(axis=0) for _ in range(DRAWS)]
    low, high = np.quantile([y - x for x, y in drawn], (0.025, 0.975))
    assert found.accuracy.interval == pytest.approx((low, high), abs=0.012)


def test_answers_that_are_no_label_of_the_table_are_wrong_and_no_class() -> None:
    found = compare("topic", ["x"] * 30, ["z"] * 30, ["x"] * 30)
    assert [each.label for each in found.classes] == ["x"]
    assert (found.accuracy.a, found.accuracy.b) == (0.0, 1.0)
    assert found.verdict is Verdict.BETTER


def test_many_kinds_of_rows_take_little_memory_and_the_same_draws_give_the_same_interval() -> None:
    labels = [f"类{number}" for number in range(90)]
    draw = random.Random(1)
    truth, a, b = ([draw.choice(labels) for _ in range(8_000)] for _ in range(3))
    found = compare("subtopic", truth, a, b)
    assert len(found.classes) == 90
    assert found.accuracy == compare("subtopic", truth, a, b).accuracy


@pytest.mark.parametrize(("a", "b"), [([], []), (["x"], [])])
def test_no_row_or_lists_of_different_length(a: list[str], b: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no row|shorter"):
        compare("topic", ["x"] * len(a), a, b)
