"""Did a policy do it? An interrupted time series against untouched places, with seasons, placebo dates and plain words.

The weekly difference between the places that a policy reached and the others is D_t = μ_t + season_t + β · [t ≥ start] + ε_t. μ is a
random walk, because places drift apart without any policy; the variance of ε is that of the ratings times a factor; both are
fitted by restricted likelihood, and β by generalised least squares. The same is done for every week before the policy as if it had
begun there: an effect is told only where its interval leaves out zero and hardly any placebo week shows as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]
LEAST_WEEKS: Final = 12
"""Before and after the start: fewer tell a policy from nothing."""
SEASON_POINTS: Final = 1.5
"""Standard deviation of each half of the yearly wave that is expected of a difference; a short series cannot tell it from a policy, and its
interval is wider for it."""
YEAR: Final = 52.18
EDGE: Final = 8
"""Weeks at either end of the time before that are no placebo dates."""
PLACEBO_SHARE: Final = 0.1
LEAST_PLACEBOS: Final = 10
LEAST_STEP: Final = 0.02
"""Standard deviation of the weekly drift in points, at least: nothing stands still."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Points on 0–100. `expected` (weeks,) the difference without the policy; `placebos` the effect and its t of each placebo week."""

    value: float
    deviation: float
    low: float
    high: float
    low90: float
    high90: float
    expected: Floats
    placebos: dict[int, tuple[float, float]]
    placebo_share: float

    @property
    def told(self) -> bool:
        """Whether it is told from chance."""
        few = len(self.placebos) < LEAST_PLACEBOS
        return (self.low > 0 or self.high < 0) and (few or self.placebo_share <= PLACEBO_SHARE)


def effect(values: Floats, variances: Floats, start: int) -> Effect:
    """The effect of what began in week `start`.

    Args:
        values: (weeks,) difference between the places reached and the others, or the former alone; NaN where a week has none.
        variances: (weeks,) of the values.
        start: place of the first week with the policy; at least LEAST_WEEKS known weeks on either side.
    """
    known = np.isfinite(values)
    weeks = np.flatnonzero(known)
    y, noise = values[known], variances[known]
    value, deviation, base, freedom = _fit(y, noise, weeks, start)
    reach, narrow = (float(student.ppf(p, freedom)) * deviation for p in (0.975, 0.95))
    placebos = {}
    before = weeks < start
    for week in weeks[before][EDGE : -EDGE if before.sum() > EDGE else None]:
        one, spread, _, _ = _fit(y[before], noise[before], weeks[before], int(week))
        placebos[int(week)] = (one, one / spread)
    ratio = abs(value / deviation)
    share = (1 + sum(abs(t) >= ratio for _, t in placebos.values())) / (1 + len(placebos))
    expected = np.full(len(values), np.nan)
    expected[known] = base
    return Effect(
        value, deviation, value - reach, value + reach, value - narrow, value + narrow, expected, placebos, share
    )


def _fit(y: Floats, noise: Floats, weeks: npt.NDArray[np.int64], start: int) -> tuple[float, float, Floats, float]:
    """Effect, its standard deviation, (weeks,) what was to be expected without it, degrees of freedom."""
    design = np.column_stack([np.ones(len(y)), weeks >= start]).astype(np.float64)
    waves = SEASON_POINTS * np.column_stack([np.sin(2 * np.pi * weeks / YEAR), np.cos(2 * np.pi * weeks / YEAR)])
    season = waves @ waves.T
    walk = np.minimum.outer(weeks - weeks[0], weeks - weeks[0]).astype(np.float64)

    def criterion(logs: Floats) -> float:
        cover = np.diag(noise * np.exp(logs[0])) + season + np.exp(2 * logs[1]) * walk
        lower = np.linalg.cholesky(cover)
        x, z = np.linalg.solve(lower, design), np.linalg.solve(lower, y)
        inner = x.T @ x
        rest = z - x @ np.linalg.solve(inner, x.T @ z)
        # A weak prior on the drift (0.1 points a week, a factor of e either way) keeps a short series from standing still or wandering off.
        prior = 0.5 * (logs[1] - np.log(0.1)) ** 2 + 0.5 * (logs[0] / 0.7) ** 2
        return float(np.log(np.diag(lower)).sum() + 0.5 * np.linalg.slogdet(inner)[1] + 0.5 * rest @ rest + prior)

    best = minimize(
        criterion, [0.1, np.log(0.1)], method="L-BFGS-B", bounds=[(-0.5, 3.0), (np.log(LEAST_STEP), np.log(5.0))]
    ).x
    moving = season + np.exp(2 * best[1]) * walk
    inverse = np.linalg.inv(np.diag(noise * np.exp(best[0])) + moving)
    inner = np.linalg.inv(design.T @ inverse @ design)
    coefficients = inner @ design.T @ inverse @ y
    without = coefficients.copy()
    without[1] = 0.0
    drift = moving @ inverse @ (y - design @ coefficients)  # season and walk are expected as well
    return float(coefficients[1]), float(np.sqrt(inner[1, 1])), design @ without + drift, max(4.0, len(y) / 4)
