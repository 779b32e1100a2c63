"""The local level against statsmodels' UnobservedComponents, and on series whose level is known."""

from __future__ import annotations

import numpy as np
import pytest

from crawlers.simulation.ratings import simulate_levels
from indices.civic.level import levels


def test_one_series_as_statsmodels_smooths_it() -> None:
    module = pytest.importorskip("statsmodels.tsa.statespace.structural", reason="statsmodels 没有安装（额外组件 dev）")
    random = np.random.default_rng(3)
    y = 60 + np.cumsum(random.normal(0, 2, 80)) + random.normal(0, 5, 80)
    y[[5, 6, 40]] = np.nan
    found = levels(y[None, :], np.full((1, 80), 25.0))
    model = module.UnobservedComponents(y, "local level")
    theirs = model.smooth([25.0, found.q])
    assert found.value[0] == pytest.approx(theirs.smoothed_state[0], abs=0.02)
    assert found.deviation[0] == pytest.approx(np.sqrt(theirs.smoothed_state_cov[0, 0]), rel=0.01)
    # Neither a smaller nor a larger q is more likely.
    model.loglikelihood_burn = 1
    best = model.loglike([25.0, found.q])
    assert best >= max(model.loglike([25.0, found.q * factor]) for factor in (0.7, 0.9, 1.1, 1.4)) - 1e-3


def test_intervals_cover_the_level_and_beat_the_week() -> None:
    values, variances, truth = simulate_levels(2, series=300, weeks=80)
    found = levels(values, variances)
    inside = np.abs(found.value - truth) <= 1.959964 * found.deviation
    assert 0.93 <= inside.mean() <= 0.97
    known = np.isfinite(values)
    assert ((found.value - truth)[known] ** 2).mean() < 0.2 * ((values - truth)[known] ** 2).mean()


def test_the_probability_of_a_drop_is_what_it_says() -> None:
    said, true = [], []
    for seed in range(6):
        values, variances, truth = simulate_levels(seed, series=400, weeks=60, step=2.0, ratings=200, fall=0.0)
        said += levels(values, variances).drop().tolist()
        true += (truth[:, -5] - truth[:, -1] > 3).tolist()
    said_, true_ = np.array(said), np.array(true)
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (said_ >= low) & (said_ < high + 1e-9)
        assert inside.sum() > 30
        assert abs(said_[inside].mean() - true_[inside].mean()) < 0.08


def test_a_certain_fall_is_certain_and_a_short_series_says_nothing() -> None:
    y = np.concatenate([np.full(20, 80.0), [75, 70, 65, 60]])[None, :]
    noise = np.full_like(y, 0.01)
    assert levels(y, noise).drop()[0] > 0.99
    assert levels(y[:, ::-1], noise).drop()[0] < 0.01
    assert levels(y[:, :4], noise[:, :4]).drop().tolist() == [0.0]


def test_weeks_without_ratings_are_wider_and_series_without_any_know_nothing() -> None:
    random = np.random.default_rng(1)
    y = 70 + np.cumsum(random.normal(0, 2, (2, 40)), axis=1) + random.normal(0, 3, (2, 40))
    y[0, 15:25] = np.nan
    y[1] = np.nan
    found = levels(y, np.full_like(y, 9.0))
    assert found.deviation[0, 20] > found.deviation[0, 5]
    assert found.deviation[1].min() > 100
    assert np.isfinite(found.value).all()
