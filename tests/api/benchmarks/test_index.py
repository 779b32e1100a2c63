"""The benchmark of the index in small: the order of the estimators is known, and the output says what is kept."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from api.benchmarks.estimators import ESTIMATORS, OURS, RAW, dirichlet, fay_herriot, raw_mean
from api.benchmarks.index import areas, in_time, non_response
from api.cli import load_commands
from crawlers.simulation.ratings import LEVELS, simulate_plain, simulate_ratings


def test_drawn_to_the_middle_is_nearer_than_the_raw_mean() -> None:
    found = areas([1, 2, 3], areas=200)
    assert set(found) == set(ESTIMATORS)
    assert found[OURS]["rmse"] < 0.7 * found[RAW]["rmse"]
    assert found[RAW]["coverage"] < 0.9 < found[OURS]["coverage"]


@pytest.mark.parametrize("estimate", [raw_mean, dirichlet, fay_herriot])
def test_with_many_ratings_every_estimator_finds_the_truth(estimate: object) -> None:
    counts, truth = simulate_plain(4, areas=60, mean_ratings=4_000)
    value, low, high = estimate(counts)  # type: ignore[operator]
    assert np.sqrt(((value - truth) ** 2).mean()) < 1.5
    assert (low <= value).all()
    assert (value <= high).all()


def test_fay_herriot_by_hand() -> None:
    """Four units of the same size: the share kept of each is A / (A + D), with A by maximum likelihood."""
    counts = np.array([[10, 0, 0, 0, 30], [15, 0, 0, 0, 25], [20, 0, 0, 0, 20], [35, 0, 0, 0, 5]])
    value, _, _ = fay_herriot(counts)
    mean = counts @ np.linspace(0, 100, LEVELS) / 40
    noise = (counts * (np.linspace(0, 100, LEVELS) - mean[:, None]) ** 2).sum() / (4 * 39) / 40
    kept = (mean.var() - noise) / mean.var()
    assert value == pytest.approx(mean.mean() + kept * (mean - mean.mean()), abs=0.2)


def test_the_cities_are_as_they_say() -> None:
    city = simulate_ratings(1)
    sizes = np.bincount(city.area)
    assert sizes.min() >= 3
    assert sizes.max() <= 3_000
    assert np.median(sizes) < sizes.mean()
    assert city.counts(answered=False).sum() == len(city.area)
    assert city.counts().sum() == city.answered.sum()
    assert city.answered[city.solved].mean() > city.answered[~city.solved].mean() + 0.2
    assert (simulate_ratings(1).rating == city.rating).all()
    assert (city.rating * 25).mean() == pytest.approx(city.score, abs=1)


def test_parts_in_small() -> None:
    assert non_response([1, 2])["naive"] > 3
    found = in_time([1])
    assert found["rmse"] < found["week_rmse"]
    assert found["true"] <= found["told"]


def test_the_command_says_what_is_kept() -> None:
    result = CliRunner().invoke(load_commands(), ["bench", "index", "--runs", "1"])
    assert result.exit_code == 0, result.output
    assert result.output.count("达到") >= 6
    assert '"areas"' in CliRunner().invoke(load_commands(), ["bench", "index", "--runs", "1", "--json"]).output
