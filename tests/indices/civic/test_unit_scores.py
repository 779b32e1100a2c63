"""Scores of units: intervals that cover, unanswered orders that count, and a comparison with everybody's mix."""

from __future__ import annotations

import numpy as np
import pytest

from api.benchmarks.estimators import full_model, raw_mean
from crawlers.simulation.ratings import simulate_plain, simulate_ratings
from indices.civic.crossed import fit_crossed
from indices.civic.unit_scores import UnitScores, unit_scores


def alone(counts: np.ndarray) -> UnitScores:
    """Units that differ by their effect alone, everybody having answered."""
    units = np.arange(len(counts))
    return unit_scores(fit_crossed(counts, [units], [len(units)]), 0, counts, counts.sum(axis=1), [units])


def test_intervals_cover_and_beat_the_raw_mean() -> None:
    covered, narrow, ours, raw = [], [], [], []
    for seed in range(5):
        counts, truth = simulate_plain(seed)
        found = alone(counts)
        covered.append(((found.low <= truth) & (truth <= found.high)).mean())
        narrow.append(((found.low90 <= truth) & (truth <= found.high90)).mean())
        ours.append(((found.value - truth) ** 2).mean())
        raw.append(((raw_mean(counts)[0] - truth) ** 2).mean())
    assert 0.93 <= np.mean(covered) <= 0.97
    assert 0.87 <= np.mean(narrow) <= 0.93
    assert np.sqrt(np.mean(ours)) <= 0.65 * np.sqrt(np.mean(raw))


def test_what_is_known_of_every_order_takes_the_bias_of_those_who_answer_out_of_every_area() -> None:
    off, covered, error, usual = [], [], [], []
    for seed in range(20, 24):
        city = simulate_ratings(seed)
        value, low, high = full_model(city)
        counts = city.counts()
        here = counts.sum(axis=1) > 0
        off.append((value - city.truth)[here].mean())
        covered.append(((low <= city.truth) & (city.truth <= high))[here].mean())
        error.append(((value - city.truth)[here] ** 2).mean())
        usual.append(((raw_mean(counts[here])[0] - city.truth[here]) ** 2).mean())
    assert abs(np.mean(off)) < 0.5
    assert 0.925 <= np.mean(covered) <= 0.97
    assert np.sqrt(np.mean(error) / np.mean(usual)) <= 0.42


def test_a_unit_with_many_ratings_is_as_narrow_as_its_sample() -> None:
    counts, truth = simulate_plain(3, areas=50, mean_ratings=20_000)
    found = alone(counts)
    assert ((found.low <= truth) & (truth <= found.high)).mean() >= 0.85
    assert np.median(found.high - found.low) < 1.5


def test_two_units_that_differ_by_their_mix_only_are_alike() -> None:
    """Half of all orders are of a hard matter; one unit has nine in ten of these."""
    random = np.random.default_rng(2)
    unit, hard = np.repeat([0, 1], 4_000), np.concatenate([random.random(4_000) < 0.9, random.random(4_000) < 0.1])
    rating = np.where(
        hard,
        random.choice(5, 8_000, p=[0.4, 0.2, 0.2, 0.1, 0.1]),
        random.choice(5, 8_000, p=[0.02, 0.03, 0.1, 0.25, 0.6]),
    )
    counts, codes = np.eye(5, dtype=np.int64)[rating], [unit, hard.astype(np.int64)]
    found = unit_scores(fit_crossed(counts, codes, [2, 2]), 0, counts, np.ones(8_000, dtype=np.int64), codes)
    assert found.value[1] - found.value[0] > 30
    assert abs(found.alike[1] - found.alike[0]) < 4


def test_a_unit_without_a_rating_is_what_its_peers_are_and_knows_little() -> None:
    counts = np.array([[1, 2, 5, 20, 30], [2, 1, 6, 22, 29], [1, 1, 4, 25, 28], [0, 0, 0, 0, 0]])
    units = np.arange(4)
    found = unit_scores(fit_crossed(counts, [units], [4]), 0, counts, np.array([90, 90, 90, 10]), [units])
    assert found.value[3] == pytest.approx(found.value[:3].mean(), abs=4)
    assert found.high[3] - found.low[3] >= (found.high - found.low)[:3].max()


@pytest.mark.parametrize("rows", [[[0, 0, 0, 0, 7]], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]], [[0, 0, 50, 0, 0]] * 3])
def test_degenerate_tables_have_finite_answers(rows: list[list[int]]) -> None:
    found = alone(np.array(rows))
    for low, high in ((found.low, found.high), (found.low90, found.high90)):
        assert np.isfinite([low, found.value, high]).all()
        assert ((low >= 0) & (low <= found.value) & (found.value <= high) & (high <= 100)).all()


def test_order_of_units_does_not_matter() -> None:
    counts, _ = simulate_plain(4, areas=60, mean_ratings=20)
    assert alone(counts).value == pytest.approx(alone(counts[::-1]).value[::-1], abs=0.01)
