"""What a cell would count on a day if nothing special happened there, from the past alone.

A cell is a place × issue (or a group of records). Expectation = share of the cell in its issue × what the whole city
counts of that issue on that day. The share is learned from the past by gamma–Poisson shrinkage; the city's total of the
day itself (without the cell) is the "city factor", so that seasons, holidays and city-wide shocks divide out (methods.md §3).

The mean of day d uses: the counts of all cells up to d − 1 for the level of the issue, the cell's own counts up to
d − `GUARD_DAYS`, and of day d only the counts of the other cells.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALF_LIFE_DAYS: Final = 150.0
"""A cell's own past fades by half in five months; 80 and 300 days were measured within a point of recall."""
GUARD_DAYS: Final = 7
"""The latest days do not enter the share: an event must not become its own expectation (the longest window is 7 days)."""
LEVEL_HALF_LIFE_DAYS: Final = 5.0
"""The level of an issue over the city follows its season within a week; 10 days were measured alike."""
CITY_PRIOR: Final = 12.0
"""Orders that the city factor is shrunk by: a rare issue has no city-wide shock because of two orders. 5–30 measured alike."""
SHARE_PRIOR: Final = 2.0
"""Shape of the gamma prior of a cell's share: cells of one issue differ by a factor of two (coefficient of variation 0.7)."""
START_DAYS: Final = 14
"""So long the level also counts the day itself, for want of a past."""
CUT: Final = 3.0
"""Standard deviations above the mean beyond which a count does not teach."""
OVERDISPERSION: Final = 0.1
"""Prior of the extra variance of a day's count, in units of its squared mean; the data move it (`_overdispersion`)."""
FLOOR: Final = 1e-3
"""No expectation is smaller: one order in three years of days."""
_KINDS: Final = 3  # working day, free day, public holiday
_KIND_PRIOR: Final = np.array([1.0, 0.75, 0.6])


@dataclass(frozen=True, slots=True)
class Expectation:
    """Gamma–Poisson expectation of every cell and day.

    Attributes:
        mean: (cells, days) expected count; at least `FLOOR`.
        shape: (cells, days) orders that the share was learned from; the mean's squared coefficient of variation is 1/shape.
        overdispersion: (days,) extra variance of one day's count in units of its squared mean.
    """

    mean: Floats
    shape: Floats
    overdispersion: Floats


def expect(people: ArrayLike, issue_of_cell: ArrayLike, start: date, *,
           cells_of_issue: ArrayLike | None = None, learn_until: int | None = None) -> Expectation:  # fmt: skip
    """The expectation of each cell and day from the past.

    Args:
        people: distinct people, int (cells, days).
        issue_of_cell: (cells,) 0, 1, …
        start: day 0.
        cells_of_issue: (issues,) cells among which an issue divides, where `people` holds only some of them and the rest
            as one row; the prior share of a cell is 1 / cells.
        learn_until: day number; the share of a cell is not learned from that day on, so that what goes on for months can be
            held against what was usual before it.
    """
    counts = np.asarray(people, dtype=np.float64)
    issue = np.asarray(issue_of_cell, dtype=np.int64)
    cells, days = counts.shape
    issues = int(issue.max()) + 1 if cells else 0
    number = np.bincount(issue, minlength=issues) if cells_of_issue is None else np.asarray(cells_of_issue)
    learner = _Learner(issue, 1.0 / np.maximum(number, 1))
    mean, shape, exposure = np.empty((cells, days)), np.empty((cells, days)), np.empty((issues, days))
    plain, kinds = np.empty((cells, days)), day_kinds(start, days)
    for day in range(days):
        if 0 <= (past := day - GUARD_DAYS) < (days if learn_until is None else learn_until):
            learner.learn(plain[:, past], exposure[:, past])
        mean[:, day], shape[:, day] = learner.expect(counts[:, day], day, kinds[day])
        # An event must neither hide the next one nor lift the level of its issue: what is far above is cut.
        plain[:, day] = np.minimum(counts[:, day], mean[:, day] + CUT * np.sqrt(mean[:, day] + 0.3) + 1)
        exposure[:, day] = learner.close_day(plain[:, day], kinds[day])
    return Expectation(mean, shape, _overdispersion(counts, mean, shape))


class _Learner:
    """Shares of the cells and levels of the issues, day by day.

    Attributes:
        seen: (cells,) own counts, fading; `exposed`: (issues,) the level of the issue over the same days.
        height, weight: fading sums whose ratio is the level of an issue on a working day.
        observed, usual: (issues, kinds) counts by kind of day, and what the level alone would have given.
    """

    def __init__(self, issue: Ints, prior_share: Floats) -> None:
        issues = len(prior_share)
        self.issue, self.prior = issue, SHARE_PRIOR / prior_share[issue]
        self.seen, self.exposed = np.zeros(len(issue)), np.zeros(issues)
        self.height, self.weight = np.zeros(issues), 0.0
        self.observed, self.usual = np.zeros((issues, _KINDS)), np.zeros((issues, _KINDS))
        self.level = self.factor = self.base = np.zeros(issues)

    def learn(self, counts: Floats, exposure: Floats) -> None:
        """A day's counts for the shares."""
        fade = 0.5 ** (1.0 / HALF_LIFE_DAYS)
        self.seen = self.seen * fade + counts
        self.exposed = self.exposed * fade + exposure

    def expect(self, counts: Floats, day: int, kind: int) -> tuple[Floats, Floats]:
        """Mean and shape of every cell; of the day's own counts only those of the other cells are used."""
        totals = self._totals(counts)
        pooled = (self.observed.sum(axis=0) + 5.0) / (self.usual.sum(axis=0) + 5.0 / _KIND_PRIOR)
        self.factor = ((self.observed + 20.0 * pooled) / (self.usual + 20.0))[:, kind]
        own = 1.0 / (day + 1) if day < START_DAYS else 0.0
        self.base = np.maximum((self.height + own * totals / self.factor) / (self.weight + own), 0.01)
        self.level = self.base * self.factor
        share = (SHARE_PRIOR + self.seen) / (self.prior + self.exposed[self.issue])
        usual = self.level[self.issue]
        others = np.maximum(totals[self.issue] - counts, 0.0)
        city = (CITY_PRIOR + others) / (CITY_PRIOR + usual * np.maximum(1.0 - share, 0.1))
        return np.maximum(share * usual * city, FLOOR), SHARE_PRIOR + self.seen

    def close_day(self, counts: Floats, kind: int) -> Floats:
        """(issues,) the exposure of the day; its counts move the levels."""
        totals = self._totals(counts)
        fade = 0.5 ** (1.0 / LEVEL_HALF_LIFE_DAYS)
        self.observed[:, kind] += totals
        self.usual[:, kind] += self.base
        self.height = self.height * fade + totals / self.factor
        self.weight = self.weight * fade + 1.0
        return np.asarray(self.level * (CITY_PRIOR + totals) / (CITY_PRIOR + self.level))

    def _totals(self, counts: Floats) -> Floats:
        return np.bincount(self.issue, counts, minlength=len(self.exposed)).astype(np.float64)


def _overdispersion(counts: Floats, mean: Floats, shape: Floats) -> Floats:
    """(days,) moment estimate over all cells up to the day before, shrunk to the prior by 2,000 squared expected orders.

    Squared residuals are cut at 25 times their variance, so that the events that are looked for do not enter.
    """
    poisson = mean + mean**2 / shape
    squared = np.minimum((counts - mean) ** 2, 25.0 * poisson)
    excess = np.cumsum((squared - poisson).sum(axis=0))
    weight = np.cumsum((mean**2).sum(axis=0))
    estimate = (np.maximum(excess, 0.0) + 2_000.0 * OVERDISPERSION) / (weight + 2_000.0)
    return np.concatenate([[OVERDISPERSION], np.clip(estimate, 0.02, 0.5)])[: counts.shape[1]]


def day_kinds(start: date, days: int) -> Ints:
    """(days,) 0 working day, 1 free day, 2 public holiday, by the Chinese calendar."""
    return np.fromiter((day_kind(start + timedelta(days=i)) for i in range(days)), dtype=np.int64, count=days)


@lru_cache(maxsize=4_096)
def day_kind(day: date) -> int:
    """0 working day, 1 free day, 2 public holiday; years that the calendar does not know yet count by weekday."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import chinese_calendar

    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return int(day.weekday() >= 5)
    return 2 if off and name else int(off)
