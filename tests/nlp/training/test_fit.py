from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlp.classifier import HEADS
from nlp.ngrams import BODY, TITLE
from nlp.training import fit
from nlp.training.fit import RECIPES, count_rows, fit_block, logits_of
from nlp.training.linear import Trained
from nlp.training.rows import Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def test_the_recipes_cover_every_head_once() -> None:
    assert sorted(head for recipe in RECIPES.values() for head in recipe.costs) == sorted(HEADS)


def test_rows_left_out_leave_no_trace(corpus: Corpus) -> None:
    """Whatever the labels of rows outside `train` are, the block is the same."""
    train = corpus.civic.fold != 0
    counted = count_rows(corpus.civic)
    fitted = fit_block(corpus.civic, counted, train, RECIPES["civic"], lambda _: None)
    spoiled = corpus.civic.take(np.arange(len(corpus.civic)))
    for values in spoiled.labels.values():
        values[~train] = 0
    again = fit_block(spoiled, counted, train, RECIPES["civic"], lambda _: None)
    assert np.array_equal(fitted.weights, again.weights)
    assert np.array_equal(fitted.buckets, again.buckets)


def test_logits_of_counted_rows_are_those_of_predict(corpus: Corpus, trained: Trained) -> None:
    some = corpus.civic.take(np.arange(20))
    expected = trained.model.logits(some.titles, some.texts)
    for block in ("civic", "subtopic"):
        for head, values in logits_of(trained.model, block, count_rows(some), some).items():
            assert np.array_equal(values, expected[head])


def test_pruning_keeps_the_weights_that_move_most() -> None:
    recipe = fit.Recipe({"topic": 1.0}, {TITLE: 1.0, BODY: 1.0}, least_texts=1, kept=0.5, mantissa=4)
    weights = np.array([[1.0], [-3.0], [0.5], [0.1]], dtype=np.float32)
    strength = np.array([1.0, 1.0, 1.0, 100.0])
    assert fit._pruned(weights, strength, recipe)[:, 0] == pytest.approx([0.0, -3.0, 0.0, 0.1], rel=0.04)


@pytest.mark.parametrize("mantissa", [3, 4, 10])
def test_a_short_mantissa_rounds_to_nearest(mantissa: int) -> None:
    recipe = fit.Recipe({"topic": 1.0}, {BODY: 1.0}, least_texts=1, kept=1.0, mantissa=mantissa)
    weights = np.random.default_rng(0).normal(0, 1, (500, 3)).astype(np.float32)
    short = fit._pruned(weights, np.ones(500), recipe)
    assert np.abs(short / weights - 1).max() <= 2.0 ** -(mantissa + 1) + 1e-3
    assert np.array_equal(short, short.astype(np.float16).astype(np.float32))
