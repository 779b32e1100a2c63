"""Shares and counts of small units: intervals that cover, and the middle of the peers for who has nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.intervals import wilson
from indices.civic.proportions import rates, shares


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels_and_the_narrower_lies_within(pair: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    hits, n = pair
    low, high = proportion_confint(hits, n, method="wilson")
    assert wilson(hits, n) == pytest.approx((100 * low, 100 * high), abs=0.0051)
    inner = wilson(hits, n, mass=0.9)
    assert wilson(hits, n)[0] <= inner[0] <= 100 * hits / n + 0.01
    assert 100 * hits / n - 0.01 <= inner[1] <= wilson(hits, n)[1]


def test_shares_cover_and_beat_the_raw_share() -> None:
    covered, ours, raw = [], [], []
    for seed in range(10):
        random = np.random.default_rng(seed)
        truth, n = random.beta(18, 2, 200), random.poisson(12, 200) + 1
        hits = random.binomial(n, truth).astype(float)
        found = shares(hits, n.astype(float))
        covered.append(((found.low <= 100 * truth) & (100 * truth <= found.high)).mean())
        ours.append(((found.value - 100 * truth) ** 2).mean())
        raw.append(((100 * hits / n - 100 * truth) ** 2).mean())
    assert 0.92 <= np.mean(covered) <= 0.97
    assert np.mean(ours) < 0.6 * np.mean(raw)


def test_rates_cover_and_beat_the_raw_rate() -> None:
    covered, ours, raw = [], [], []
    for seed in range(10):
        random = np.random.default_rng(seed)
        exposure = random.uniform(0.2, 6, 150)
        truth = random.gamma(6, 2, 150)
        counts = random.poisson(truth * exposure).astype(float)
        found = rates(counts, exposure)
        covered.append(((found.low <= truth) & (truth <= found.high)).mean())
        ours.append(((found.value - truth) ** 2).mean())
        raw.append(((counts / exposure - truth) ** 2).mean())
    assert 0.92 <= np.mean(covered) <= 0.97
    assert np.mean(ours) < 0.8 * np.mean(raw)


def test_who_has_nothing_is_in_the_middle_and_knows_least() -> None:
    found = shares(np.array([40.0, 45.0, 0.0]), np.array([50.0, 50.0, 0.0]))
    assert found.value[2] == pytest.approx(85, abs=4)
    assert found.high[2] - found.low[2] > (found.high - found.low)[:2].max()


@pytest.mark.parametrize(("hits", "n"), [([0.0], [9.0]), ([9.0], [9.0]), ([0.0, 0.0], [1.0, 5_000.0])])
def test_all_or_nothing_has_finite_ends(hits: list[float], n: list[float]) -> None:
    found = shares(np.array(hits), np.array(n))
    assert np.isfinite([found.low, found.value, found.high, found.low90, found.high90]).all()
    assert (found.low <= found.low90).all()
    assert (found.high90 <= found.high).all()
    assert (found.low >= 0).all()
    assert (found.high <= 100).all()
