"""The usual burst detectors, and how alerts are raised and judged, for all detectors alike.

An alert run opens on the day when the score reaches τ, is raised again whenever the score reaches twice the score bar of the last
raise (an incident that grows to the next level), and closes after three days below τ/2. A raise is true if it falls within an
injected event of its cell, from its first day to the day after its last; every other raise is false. An event is found if
one raise falls within it; the delay is the days from its first day to that raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from crawlers.simulation.counts import Event

Floats = NDArray[np.float64]

GRACE_DAYS: Final = 1
CLOSE_DAYS: Final = 3
_STEPS: Final = 16  # halvings of the threshold's rank: exact to 1 in 65,536


def raises(score: Floats, threshold: float, first_day: int) -> list[tuple[int, int]]:
    """(cell, day) of every raise from `first_day` on; alerts that opened before keep their state.

    Args:
        score: (cells, days), higher is more unusual.
    """
    cells, days = score.shape
    bar, below = np.full(cells, threshold), np.zeros(cells, dtype=np.int64)
    found: list[tuple[int, int]] = []
    quiet = score < threshold / 2
    for day in range(days):
        below = np.where(quiet[:, day], below + 1, 0)
        bar[below >= CLOSE_DAYS] = threshold
        now = score[:, day]
        raised = np.flatnonzero(now >= bar)
        if len(raised):
            doublings = np.floor(np.log2(np.maximum(now[raised], 1e-12) / bar[raised])) + 1
            bar[raised] *= 2.0**doublings
            if day >= first_day:
                found += [(int(cell), day) for cell in raised]
    return found


@dataclass(frozen=True, slots=True)
class Judged:
    """Days of delay of each event that was found (by its number), and the false raises."""

    delays: Mapping[int, int]
    false: int


def judge(found: Sequence[tuple[int, int]], events: Sequence[Event]) -> Judged:
    """Which raises are true."""
    inside = {(event.cell, day): number for number, event in enumerate(events)
              for day in range(event.first_day, event.last_day + 1 + GRACE_DAYS)}  # fmt: skip
    delays: dict[int, int] = {}
    false = 0
    for cell, day in found:
        number = inside.get((cell, day))
        if number is None:
            false += 1
        else:
            delays.setdefault(number, day - events[number].first_day)
    return Judged(delays, false)


def at_budget(score: Floats, events: Sequence[Event], first_day: int, false_a_day: float) -> tuple[float, Judged]:
    """The lowest threshold that keeps within the budget, and what it finds."""
    days = score.shape[1] - first_day
    values = np.unique(score[:, first_day:])[::-1]
    values = values[values > 0]
    low, high = 0, len(values) - 1
    for _ in range(_STEPS):
        if low >= high:
            break
        middle = (low + high + 1) // 2
        if judge(raises(score, float(values[middle]), first_day), events).false <= false_a_day * days:
            low = middle
        else:
            high = middle - 1
    threshold = float(values[low])
    return threshold, judge(raises(score, threshold, first_day), events)


def _sums(counts: Floats, days: int) -> Floats:
    total = np.cumsum(counts, axis=1)
    total[:, days:] = total[:, days:] - total[:, :-days]
    return total


def _lagged(values: Floats, days: int) -> Floats:
    moved = np.zeros_like(values)
    moved[:, days:] = values[:, :-days]
    return moved


def _past(counts: Floats, days: int, lag: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the `days` values that ended `lag` days ago."""
    mean = _lagged(_sums(counts, days) / days, lag)
    square = _lagged(_sums(counts**2, days) / days, lag)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0) * days / (days - 1))


def raw_count(counts: Floats) -> Floats:
    """Orders of the day: what a sorted list shows."""
    return counts


def growth_ratio(counts: Floats) -> Floats:
    """This week's orders against last week's, one added to both."""
    week = _sums(counts, 7)
    return np.asarray((week + 1.0) / (_lagged(week, 7) + 1.0))


def ears_c1(counts: Floats) -> Floats:
    """EARS C1: standard deviations above the mean of the 7 days before (Hutwagner et al. 2003); deviation at least 0.5."""
    mean, deviation = _past(counts, 7, 1)
    return np.asarray(np.maximum(counts - mean, 0.0) / np.maximum(deviation, 0.5))


def ears_c2(counts: Floats) -> Floats:
    """EARS C2: as C1 with a gap of two days before."""
    mean, deviation = _past(counts, 7, 3)
    return np.asarray(np.maximum(counts - mean, 0.0) / np.maximum(deviation, 0.5))


def ears_c3(counts: Floats) -> Floats:
    """EARS C3: what C2 exceeds 1 by, over three days."""
    return _sums(np.maximum(ears_c2(counts) - 1.0, 0.0), 3)


def z_score(counts: Floats) -> Floats:
    """Sum of 3 days against the mean and deviation of 8 weeks of such sums, which ended 3 days ago; deviation at least 0.5."""
    three = _sums(counts, 3)
    mean, deviation = _past(three, 56, 3)
    return np.asarray(np.maximum(three - mean, 0.0) / np.maximum(deviation, 0.5))


BASELINES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "件数": raw_count, "环比": growth_ratio, "EARS C1": ears_c1, "EARS C2": ears_c2, "EARS C3": ears_c3, "三日和 z 值": z_score,
}  # fmt: skip
