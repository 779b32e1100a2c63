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
           cells_of_issue: ArrayLike | None = None) -> Expectation:  # fmt: skip
    """The expectation of each cell and day from the past.

    Args:
        people: distinct people, int (cells, days).
        issue_of_cell: (cells,) 0, 1, …
        start: day 0.
        cells_of_issue: (issues,) cells among which an issue divides, where `people` holds only some of them and the rest
            as one row; the prior share of a cell is 1 / cells.
    """
    counts = np.asarray(people, dtype=np.float64)
    issue = np.asarray(issue_of_cell, dtype=np.int64)
    cells, days = counts.shape
    issues = int(issue.max()) + 1 if cells else 0
    totals = np.zeros((issues, days))
    np.add.at(totals, issue, counts)
    level = _levels(totals, day_kinds(start, days))
    number = np.bincount(issue, minlength=issues) if cells_of_issue is None else np.asarray(cells_of_issue)
    return _expect_cells(counts, issue, totals, level, np.maximum(number, 1).astype(np.float64))


def _expect_cells(counts: Floats, issue: Ints, totals: Floats, level: Floats, number: Floats) -> Expectation:
    cells, days = counts.shape
    exposure = level * (CITY_PRIOR + totals) / (CITY_PRIOR + level)
    fade = 0.5 ** (1.0 / HALF_LIFE_DAYS)
    seen, exposed = np.zeros(cells), np.zeros(len(totals))
    mean, shape = np.empty((cells, days)), np.empty((cells, days))
    prior_share = 1.0 / number[issue]
    for day in range(days):
        if (past := day - GUARD_DAYS) >= 0:
            limit = np.inf if past < START_DAYS else mean[:, past] + 3 * np.sqrt(mean[:, past] + 0.3) + 1
            seen = seen * fade + np.minimum(counts[:, past], limit)  # an old event must not hide the next one
            exposed = exposed * fade + exposure[:, past]
        share = (SHARE_PRIOR + seen) / (SHARE_PRIOR / prior_share + exposed[issue])
        usual = level[issue, day]
        others = np.maximum(totals[issue, day] - counts[:, day], 0.0)
        factor = (CITY_PRIOR + others) / (CITY_PRIOR + usual * np.maximum(1.0 - share, 0.1))
        mean[:, day] = np.maximum(share * usual * factor, FLOOR)
        shape[:, day] = SHARE_PRIOR + seen
    return Expectation(mean, shape, _overdispersion(counts, mean, shape))


def _levels(totals: Floats, kinds: Ints) -> Floats:
    """(issues, days) what the city would count of each issue: recent level × factor of the kind of day, both from the past."""
    issues, days = totals.shape
    fade = 0.5 ** (1.0 / LEVEL_HALF_LIFE_DAYS)
    levels = np.empty((issues, days))
    height, weight = np.zeros(issues), 0.0
    observed, usual = np.zeros((issues, _KINDS)), np.zeros((issues, _KINDS))
    for day in range(days):
        kind = kinds[day]
        pooled = (observed.sum(axis=0) + 5.0) / (usual.sum(axis=0) + 5.0 / _KIND_PRIOR)
        factor = ((observed + 20.0 * pooled) / (usual + 20.0))[:, kind]
        own = (1.0 / (day + 1)) if day < START_DAYS else 0.0
        base = (height + own * totals[:, day] / factor) / (weight + own)
        base = np.maximum(base, 0.01)
        levels[:, day] = base * factor
        observed[:, kind] += totals[:, day]
        usual[:, kind] += base
        height = height * fade + totals[:, day] / factor
        weight = weight * fade + 1.0
    return levels


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
