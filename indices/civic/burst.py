"""How unusual a count is: negative-binomial tails over 1, 3 and 7 days, and a slow channel that adds up small excesses.

Score = −log10 of a p-value that is corrected for having looked at three windows, so 2 means at most once in a hundred
cell-days when nothing happens. Methods.md §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from indices.civic.baseline import Expectation, Floats, expect

WINDOW_DAYS: Final = (1, 3, 7)
SLOW: Final = 0
"""The "window" of the slow channel in `Burst.window_days`."""
LOOKS: Final = len(WINDOW_DAYS)
SLOW_RATIO: Final = 2.0
"""The slow channel asks: does this cell run at twice its expectation, for weeks?"""
SLOW_EPISODE: Final = 300.0
"""Days and looks that the bound of the slow channel is multiplied by: it holds for a run of the sum, and a run lasts weeks.
30 let the channel raise twice too many alerts at p = 0.001 on the simulated city, 300 and 3,000 none."""
SLOW_CAP: Final = 14.0
"""The sum stops here (p = 2.5e-4), so that it comes down within days after a slow burn ends and does not hide the next event."""
SLOW_REST_DAYS: Final = 7
SLOW_REST_SHARE: Final = 0.5
"""Once the sum has reached its cap, it halves on every day that ends a week without excess: in a cell of one person a month it would take
months to come down, and the next event would find an alert still open. Forgetting only lowers the sum, so its bound holds; before
the cap nothing is forgotten, for a slow burn has weak weeks."""
MAX_SCORE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Burst:
    """Scores and what they were computed from, all (cells, days).

    Attributes:
        score: −log10 of the corrected p-value, ≥ 0.
        window_days: the window that was least likely, ending on that day; `SLOW` for the slow channel.
        expected: expected count of the day.
    """

    score: Floats
    window_days: NDArray[np.int64]
    expected: Floats


def score(people: ArrayLike, issue_of_cell: ArrayLike, start: date) -> Floats:
    """(cells, days) −log10 of the corrected p-value; arguments as in `analyse`."""
    return analyse(people, issue_of_cell, start).score


def expected(people: ArrayLike, issue_of_cell: ArrayLike, start: date) -> Floats:
    """(cells, days) expected people of each day, from the past; arguments as in `analyse`."""
    return expect(people, issue_of_cell, start).mean


def analyse(people: ArrayLike, issue_of_cell: ArrayLike, start: date, *,
            cells_of_issue: ArrayLike | None = None) -> Burst:  # fmt: skip
    """Score every cell and day against its expectation.

    Args:
        people: distinct people, int (cells, days).
        issue_of_cell: (cells,) 0, 1, …
        start: day 0.
        cells_of_issue: see `indices.civic.baseline.expect`.
    """
    return judge(people, expect(people, issue_of_cell, start, cells_of_issue=cells_of_issue))


def judge(people: ArrayLike, expectation: Expectation) -> Burst:
    """Score counts against an expectation that is there already: int (cells, days) both."""
    counts = np.asarray(people, dtype=np.float64)
    best = np.ones_like(counts)
    window = np.full(counts.shape, WINDOW_DAYS[0], dtype=np.int64)
    for days in WINDOW_DAYS:
        tail = window_tail(counts, expectation, days)
        less = tail < best
        best = np.where(less, tail, best)
        window[less] = days
    best = -np.expm1(LOOKS * np.log1p(-np.minimum(best, 1 - 1e-16)))  # Šidák; expm1 and log1p keep small ones exact
    slow = np.minimum(SLOW_EPISODE * slow_tail(counts, expectation), 1.0)
    window[slow < best] = SLOW
    with np.errstate(divide="ignore"):
        scores = np.clip(-np.log10(np.minimum(best, slow)), 0.0, MAX_SCORE)
    return Burst(scores, window, expectation.mean)


def window_tail(counts: Floats, expectation: Expectation, days: int) -> Floats:
    """(cells, days) P(at least as many people in the `days` days up to this one).

    The sum of a window is taken as negative binomial with its mean and variance: Poisson, the over-dispersion of each
    day, and the uncertainty of the share, which all days of the window have in common.
    """
    from scipy.special import betainc

    observed, mean = rolling(counts, days), rolling(expectation.mean, days)
    extra = rolling(expectation.overdispersion * expectation.mean**2, days) + mean**2 / expectation.shape
    successes = mean**2 / np.maximum(extra, 1e-12)
    tail = np.ones_like(mean)
    some = observed > 0
    tail[some] = betainc(observed[some], successes[some], (mean / (mean + successes))[some])
    return tail


def slow_tail(counts: Floats, expectation: Expectation) -> Floats:
    """(cells, days) bound on the tail of a CUSUM of log-likelihood ratios: twice the expectation against the expectation.

    One run of the sum reaches h with probability at most e^−h, whatever the distribution of the counts (Wald's inequality
    for a likelihood ratio). The reference is the expectation plus one standard error, so that a cell whose share
    is merely not known well does not drift upwards; over-dispersion enters by the negative binomial ratio.
    """
    reference = expectation.mean * (1.0 + 1.0 / np.sqrt(expectation.shape))
    size = 1.0 / expectation.overdispersion
    ratio = np.log(SLOW_RATIO * (reference + size) / (SLOW_RATIO * reference + size))
    loss = size * np.log((reference + size) / (SLOW_RATIO * reference + size))
    steps = counts * ratio + loss
    weekly = np.cumsum(steps, axis=1)
    weekly[:, SLOW_REST_DAYS:] -= weekly[:, :-SLOW_REST_DAYS].copy()
    total, tails = np.zeros(len(counts)), np.empty_like(steps)
    full = np.zeros(len(counts), dtype=bool)
    for day in range(steps.shape[1]):
        total = np.clip(total + steps[:, day], 0.0, SLOW_CAP)
        full = (full & (total > 0.0)) | (total >= SLOW_CAP)
        total = np.where(full & (weekly[:, day] <= 0), SLOW_REST_SHARE * total, total)
        tails[:, day] = np.exp(-total)
    return tails


def rolling(values: Floats, days: int) -> Floats:
    """(cells, days) sums over the `days` days that end with each day; shorter at the beginning."""
    sums = np.cumsum(values, axis=1)
    if days >= values.shape[1]:
        return sums
    later = np.empty_like(sums)
    later[:, :days] = sums[:, :days]
    later[:, days:] = sums[:, days:] - sums[:, :-days]
    return np.maximum(later, 0.0)
