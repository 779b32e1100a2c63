import numpy as np
import pytest

from indices.civic.ordered_logit import Fit, Floats, fit, posterior

TRUE = Fit(np.array([-3.2, -2.4, -1.2, 0.3]), 0.7)


def simulate(seed: int, units: int, mean: float) -> tuple[np.ndarray, Floats]:
    """Counts (units, 5) with very uneven sizes, and each unit's true score."""
    random = np.random.default_rng(seed)
    intercepts = random.normal(0, TRUE.tau, units)
    sizes = random.poisson(random.gamma(1.2, mean / 1.2, units)) + 1
    probabilities = TRUE.level_probabilities(intercepts)
    counts = np.array([random.multinomial(n, p / p.sum()) for n, p in zip(sizes, probabilities, strict=True)])
    return counts, TRUE.scores(intercepts)


def test_probabilities_sum_to_one_and_scores_rise_with_the_intercept() -> None:
    grid = np.linspace(-6, 6, 50)
    assert TRUE.level_probabilities(grid).sum(axis=1) == pytest.approx(1)
    assert (np.diff(TRUE.scores(grid)) > 0).all()
    assert 0 < TRUE.scores(grid)[0] < TRUE.scores(grid)[-1] < 100


def test_scores_are_the_mean_of_the_levels() -> None:
    grid = np.linspace(-3, 3, 9)
    assert TRUE.scores(grid) == pytest.approx(TRUE.level_probabilities(grid) @ np.linspace(0, 100, 5))


def test_the_fit_finds_what_made_the_data() -> None:
    counts, _ = simulate(1, 2_000, 30)
    found = fit(counts)
    assert found.thresholds == pytest.approx(TRUE.thresholds, abs=0.1)
    assert found.tau == pytest.approx(TRUE.tau, abs=0.06)


def test_intervals_cover_and_beat_the_raw_mean() -> None:
    covered, ours, raw = [], [], []
    for seed in range(5):
        counts, truth = simulate(seed, 400, 13)
        estimate = posterior(fit(counts), counts)
        covered.append(((estimate.low <= truth) & (truth <= estimate.high)).mean())
        ours.append(((estimate.value - truth) ** 2).mean())
        raw.append(((counts @ np.linspace(0, 100, 5) / counts.sum(axis=1) - truth) ** 2).mean())
    assert 0.93 <= np.mean(covered) <= 0.97
    assert np.sqrt(np.mean(ours)) <= 0.65 * np.sqrt(np.mean(raw))


def test_a_unit_with_many_ratings_is_as_narrow_as_its_sample() -> None:
    counts, truth = simulate(3, 50, 20_000)
    estimate = posterior(fit(counts), counts)
    inside = (estimate.low <= truth) & (truth <= estimate.high)
    assert inside.mean() >= 0.85
    assert np.median(estimate.high - estimate.low) < 1.5


@pytest.mark.parametrize("counts", [[[0, 0, 0, 0, 7]], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]], [[0, 0, 50, 0, 0]] * 3])
def test_degenerate_tables_have_finite_answers(counts: list[list[int]]) -> None:
    table = np.array(counts)
    estimate = posterior(fit(table), table)
    assert np.isfinite([estimate.value, estimate.low, estimate.high]).all()
    assert ((estimate.low <= estimate.value) & (estimate.value <= estimate.high)).all()
    assert (estimate.low >= 0).all()
    assert (estimate.high <= 100).all()


def test_order_of_units_does_not_matter() -> None:
    counts, _ = simulate(4, 60, 20)
    straight, turned = posterior(fit(counts), counts), posterior(fit(counts[::-1]), counts[::-1])
    assert straight.value == pytest.approx(turned.value[::-1], abs=0.01)
