"""Shares and counts of many units, drawn towards their middle as far as each is small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """(units,) posterior mean and the ends of the 95 % and 90 % intervals, in the unit of the call."""

    value: Floats
    low: Floats
    high: Floats
    low90: Floats
    high90: Floats
    deviation: Floats


def shares(hits: Floats, n: Floats) -> Shrunk:
    """Per cent of each unit, beta-binomial by empirical Bayes (maximum marginal likelihood).

    Args:
        hits, n: (units,), 0 ≤ hits ≤ n; at least one n above 0.
    """
    from scipy.optimize import minimize
    from scipy.special import betaln
    from scipy.stats import beta

    total = min(max(float(hits.sum() / n.sum()), 1e-4), 1 - 1e-4)

    def negative(x: Floats) -> float:
        mean, size = 1 / (1 + np.exp(-x[0])), np.exp(x[1])
        a, b = mean * size, (1 - mean) * size
        # A weak prior on the size (log-normal about 50) keeps it finite where units do not differ at all.
        return float(-(betaln(hits + a, n - hits + b) - betaln(a, b)).sum() + 0.5 * ((x[1] - np.log(50)) / 2.5) ** 2)

    start = np.array([np.log(total / (1 - total)), np.log(50.0)])
    found = minimize(negative, start, method="L-BFGS-B", bounds=[(-12, 12), (-2, 12)]).x
    mean, size = 1 / (1 + np.exp(-found[0])), np.exp(found[1])
    law = beta(hits + mean * size, n - hits + (1 - mean) * size)
    return Shrunk(
        *(100 * np.asarray(end) for end in (law.mean(), *(law.ppf(q) for q in (0.025, 0.975, 0.05, 0.95)), law.std()))
    )


def rates(counts: Floats, exposure: Floats) -> Shrunk:
    """Counts per unit of exposure, gamma-Poisson (negative binomial with the exposure as offset) by empirical Bayes.

    Args:
        counts, exposure: (units,), exposure above 0; at least one count above 0.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln
    from scipy.stats import gamma

    mean = float(counts.sum() / exposure.sum())

    def negative(log_shape: float) -> float:
        shape = np.exp(log_shape)
        p = shape / (shape + mean * exposure)
        likelihood = gammaln(counts + shape) - gammaln(shape) + shape * np.log(p) + counts * np.log1p(-p)
        return float(-likelihood.sum() + 0.5 * ((log_shape - np.log(5)) / 2.5) ** 2)

    shape = float(np.exp(minimize_scalar(negative, bounds=(-4, 12), method="bounded").x))
    law = gamma(counts + shape, scale=1 / (exposure + shape / mean))
    return Shrunk(
        *(np.asarray(end) for end in (law.mean(), *(law.ppf(q) for q in (0.025, 0.975, 0.05, 0.95)), law.std()))
    )
