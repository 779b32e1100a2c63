"""Ordered logit with a random intercept for each unit, fitted by empirical Bayes.

logit P(rating ≤ j | u) = θ_j − u, u ~ N(0, τ²). θ and τ maximise the marginal likelihood, integrated on a 41-point grid; each unit's
posterior is then taken on a grid of its own, since a unit with 3,000 ratings is narrower than the spacing of the common one.
Measured (design, methods §4): RMSE 6.5 against 14.8 of the raw mean, coverage of the 95 % interval 0.950.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

Floats = npt.NDArray[np.float64]
GRID_POINTS = 41
_SPAN = 4.5  # half width of a grid in standard deviations: leaves 7e-6 outside
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted thresholds (levels − 1,) rising, and the spread τ of the units (logits)."""

    thresholds: Floats
    tau: float

    def level_probabilities(self, intercepts: Floats) -> Floats:
        """(…, levels) probabilities at the intercepts (…)."""
        below = expit(self.thresholds - intercepts[..., None])
        edges = np.concatenate([np.zeros((*intercepts.shape, 1)), below, np.ones((*intercepts.shape, 1))], axis=-1)
        probabilities: Floats = np.clip(np.diff(edges, axis=-1), _TINY, None)
        return probabilities

    def scores(self, intercepts: Floats) -> Floats:
        """Expected rating on 0–100 at the intercepts."""
        scores: Floats = 100.0 * expit(intercepts[..., None] - self.thresholds).mean(axis=-1)
        return scores


@dataclass(frozen=True, slots=True)
class Posterior:
    """Per unit, on 0–100: mean and equal-tailed interval of the expected rating."""

    value: Floats
    low: Floats
    high: Floats


def fit(counts: npt.NDArray[np.int64]) -> Fit:
    """Fit to counts (units, levels) of ratings, lowest level first. Needs at least one rating in all.

    Levels that nobody chose get half a rating, spread over the units, so that every threshold is finite.
    """
    levels = counts.shape[1]
    smoothed = counts + 0.5 / len(counts)
    shares = np.cumsum(smoothed.sum(axis=0) / smoothed.sum())[:-1]
    start = np.log(shares) - np.log1p(-shares)
    # Thresholds as a first one and logs of steps: rising by construction.
    x0 = np.concatenate([start[:1], np.log(np.maximum(np.diff(start), 1e-3)), [np.log(0.5)]])
    unit = np.linspace(-_SPAN, _SPAN, GRID_POINTS)
    prior = -0.5 * unit**2
    prior -= logsumexp(prior)

    def negative(x: Floats) -> float:
        model = _unpack(x, levels)
        likelihood = smoothed @ np.log(model.level_probabilities(unit * model.tau)).T
        # A weak half-normal prior on τ (scale 2 logits) keeps it off the boundary when there are few units.
        return float(-logsumexp(likelihood + prior, axis=1).sum() + 0.5 * (model.tau / 2.0) ** 2)

    bounds = [(-15.0, 15.0), *[(-9.0, 3.0)] * (levels - 2), (np.log(0.01), np.log(5.0))]
    best = minimize(negative, x0, method="L-BFGS-B", bounds=bounds)
    return _unpack(best.x, levels)


def _unpack(x: Floats, levels: int) -> Fit:
    return Fit(np.cumsum(np.concatenate([x[:1], np.exp(x[1 : levels - 1])])), float(np.exp(x[-1])))


def posterior(model: Fit, counts: npt.NDArray[np.int64], *, mass: float = 0.95) -> Posterior:
    """Posterior of each unit's expected rating given its counts (units, levels)."""
    grid = np.broadcast_to(np.linspace(-_SPAN, _SPAN, GRID_POINTS) * model.tau, (len(counts), GRID_POINTS))
    for _ in range(3):  # each pass narrows the grid to where the unit's mass lies
        weights = _weights(model, counts, grid)
        mean = (weights * grid).sum(axis=1)
        spread = np.sqrt((weights * (grid - mean[:, None]) ** 2).sum(axis=1))
        step = grid[:, 1] - grid[:, 0]
        reach = np.maximum(spread, step / 2)
        grid = mean[:, None] + np.linspace(-_SPAN, _SPAN, GRID_POINTS) * reach[:, None]
    weights = _weights(model, counts, grid)
    scores = model.scores(grid)
    tail = (1.0 - mass) / 2
    return Posterior(
        (weights * scores).sum(axis=1), _quantile(scores, weights, tail), _quantile(scores, weights, 1 - tail)
    )


def _weights(model: Fit, counts: npt.NDArray[np.int64], grid: Floats) -> Floats:
    log_weights = (counts[:, None, :] * np.log(model.level_probabilities(grid))).sum(axis=2) - 0.5 * (
        grid / model.tau
    ) ** 2
    weights: Floats = np.exp(log_weights - logsumexp(log_weights, axis=1, keepdims=True))
    return weights


def _quantile(scores: Floats, weights: Floats, level: float) -> Floats:
    """Row-wise quantile by linear interpolation of the cumulated mass at the midpoints of the grid cells."""
    cumulated = np.cumsum(weights, axis=1) - weights / 2
    return np.array([np.interp(level, c, s) for c, s in zip(cumulated, scores, strict=True)])
