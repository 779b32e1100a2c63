"""Correction for those who do not answer, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.simulation.ratings import CHANNELS, simulate_ratings
from indices.civic.non_response import UNLIKE_POINTS, correct
from models.errors import BadRequest


def test_the_bias_of_those_who_answer_is_taken_out() -> None:
    off, covered = [], []
    for seed in range(12):
        city = simulate_ratings(seed)
        found = correct(city.rating.astype(float) * 25, city.answered, [city.channel.tolist(), city.solved.tolist()])
        assert found.naive - city.score > 3
        off.append((found.value - city.score, found.weighted - city.score))
        covered.append(found.low <= city.score <= found.high)
    assert np.abs(np.mean(off, axis=0)).max() < 0.5
    assert np.mean(covered) >= 0.8


def test_the_value_is_right_where_one_of_the_two_models_is() -> None:
    """A constant instead of the chances, and a constant instead of the expected score: each alone is put right by the other."""
    city = simulate_ratings(3, areas=800)
    facts = [city.channel.tolist(), city.solved.tolist()]
    whole = correct(city.rating.astype(float) * 25, city.answered, facts)
    half = correct(city.rating.astype(float) * 25, city.answered, facts[:1])
    assert abs(whole.value - city.score) < 1.0
    assert half.value - city.score > 2.0  # what is not known cannot be put right


def test_everybody_answers_and_nobody_differs() -> None:
    scores = np.array([0.0, 50.0, 100.0, 100.0])
    found = correct(scores, np.ones(4, dtype=bool), [])
    assert (found.value, found.naive, found.weighted, found.pessimistic) == pytest.approx((62.5,) * 4, abs=0.01)
    assert found.n_effective == pytest.approx(4, abs=0.01)


def test_the_pessimistic_bound_counts_the_silent() -> None:
    random = np.random.default_rng(1)
    answered = random.random(4_000) < 0.25
    found = correct(np.full(4_000, 80.0), answered, [])
    assert found.value == pytest.approx(80, abs=0.1)
    assert found.value - found.pessimistic == pytest.approx(UNLIKE_POINTS * 0.75, abs=0.3)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_is_known_the_figures_stay_on_the_scale(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 60))
    scores = np.array(
        data.draw(st.lists(st.sampled_from([0.0, 25.0, 50.0, 75.0, 100.0, float("nan")]), min_size=n, max_size=n))
    )
    answered = np.isfinite(scores) & np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    fact = data.draw(st.lists(st.sampled_from([*CHANNELS, ""]), min_size=n, max_size=n))
    if not answered.any():
        with pytest.raises(BadRequest, match="没有一件有评价"):
            correct(scores, answered, [fact])
        return
    found = correct(scores, answered, [fact])
    for value in (found.value, found.low, found.high, found.naive, found.weighted, found.pessimistic):
        assert 0 <= value <= 100
    assert found.low <= found.value <= found.high
    assert 0 < found.n_effective <= found.answered + 1e-6


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(BadRequest, match="应与评分同为 3 行"):
        correct(np.zeros(3), np.ones(3, dtype=bool), [["甲"]])
