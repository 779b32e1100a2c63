"""The level of many series in time: what a week of few ratings says is weighed against the weeks beside it.

Local level (Harvey 1989): y_t = α_t + ε_t, α_{t+1} = α_t + η_t, with the variance of ε_t known from the ratings of the week
and that of η_t, `q`, common to all series of a call and chosen by maximum likelihood. All series run through one filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
LEAST_Q: Final = 1e-6
MOST_Q: Final = 400.0
DROP_POINTS: Final = 3.0
DROP_WEEKS: Final = 4
_DIFFUSE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Levels:
    """(series, weeks) smoothed level and its standard deviation; `q` variance of a week's step; `gain` (series, weeks) how much of
    the variance of a week's filtered level passes on to the next."""

    value: Floats
    deviation: Floats
    q: float
    gain: Floats

    def drop(self, points: float = DROP_POINTS, weeks: int = DROP_WEEKS) -> Floats:
        """(series,) P(the level fell by more than `points` in the last `weeks`); 0 where there are not so many."""
        if self.value.shape[1] <= weeks:
            return np.zeros(len(self.value))
        now, then = self.deviation[:, -1] ** 2, self.deviation[:, -1 - weeks] ** 2
        shared = now * self.gain[:, -1 - weeks : -1].prod(axis=1)  # Cov(α_T−w, α_T | y)
        spread = np.sqrt(np.maximum(now + then - 2 * shared, 1e-12))
        fall = self.value[:, -1 - weeks] - self.value[:, -1]
        found: Floats = norm.cdf((fall - points) / spread)
        return found


def levels(values: Floats, variances: Floats) -> Levels:
    """Smoothed levels.

    Args:
        values: (series, weeks), NaN where a week has none.
        variances: (series, weeks) of the values, positive where there is one.
    """
    known = np.isfinite(values)
    y, noise = np.where(known, values, 0.0), np.where(known, variances, 1.0)
    best = minimize_scalar(
        lambda log_q: -_filter(y, noise, known, float(np.exp(log_q)))[0],
        bounds=(np.log(LEAST_Q), np.log(MOST_Q)), method="bounded", options={"xatol": 1e-3},
    )  # fmt: skip
    q = float(np.exp(best.x))
    _, mean, variance = _filter(y, noise, known, q)
    gain = variance / (variance + q)
    smooth, spread = mean.copy(), variance.copy()
    for t in range(values.shape[1] - 2, -1, -1):
        smooth[:, t] += gain[:, t] * (smooth[:, t + 1] - mean[:, t])
        spread[:, t] += gain[:, t] ** 2 * (spread[:, t + 1] - variance[:, t] - q)
    return Levels(smooth, np.sqrt(np.maximum(spread, 0.0)), q, gain)


def _filter(y: Floats, noise: Floats, known: npt.NDArray[np.bool_], q: float) -> tuple[float, Floats, Floats]:
    """Log likelihood, (series, weeks) filtered means and variances; the first value of a series only starts it."""
    series, weeks = y.shape
    mean, variance = np.zeros((series, weeks)), np.zeros((series, weeks))
    level, spread = np.zeros(series), np.full(series, _DIFFUSE)
    started = np.zeros(series, dtype=bool)
    likelihood = 0.0
    for t in range(weeks):
        here, total = known[:, t], spread + noise[:, t]
        surprise = y[:, t] - level
        counted = here & started
        likelihood -= 0.5 * float((np.log(total[counted]) + surprise[counted] ** 2 / total[counted]).sum())
        share = np.where(here, spread / total, 0.0)
        level, spread = level + share * surprise, spread * (1.0 - share)
        mean[:, t], variance[:, t] = level, spread
        spread = spread + q
        started |= here
    return likelihood, mean, variance
