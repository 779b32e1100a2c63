"""Counts without texts: a city of cells (area × issue) over days, for benchmarks of burst detectors with a known truth.

The set-up is that of the measurement in the design (3,000 cells, 1,727 orders a day, seasons, over-dispersion, repeat
callers, city-wide shocks, 600 events of 6/12/25/50 extra orders over 3–10 days), so recall at a budget of false alerts
can be read beside the figures published there. A year takes about a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from crawlers.simulation.seasons import RHYTHMS, Floats, make_moods, make_shocks, make_weather, rhythm_factors
from models.errors import BadRequest

Ints = NDArray[np.int64]

ISSUES: Final = 60
SIZES: Final = (6, 12, 25, 50)
QUIET_DAYS: Final = 90
"""No event begins before this day, so that every detector has a baseline to learn from."""

DISPERSION: Final = 10.0
"""Shape of the gamma that multiplies each cell's rate each day: variance = μ + μ²/10."""
AGAIN: Final = 0.10
"""Share of people who call a second time on the same day about the same thing."""
SERIAL_PER_YEAR: Final = 600
"""Serial callers per 3,000 cells: one person who calls 2 or 3 times a day about one cell for 2–20 days."""

# Dispersion, serial callers and the spread of the rates were chosen so that plain detectors do here what the design
# measured: at 2 false alerts a day (seeds 1–4), raw counts find 0/0/2/27 % of the events of 6/12/25/50 and z-scores of
# 3-day sums 20/64/93/99 % (there 1/1/0/27 and 22/64/91/96); z-scores of orders instead of people lose 5–17 points.


@dataclass(frozen=True, slots=True)
class Event:
    """An injected event. Days are numbers from `Counts.start`, both inclusive; `day_counts` has one entry a day."""

    cell: int
    first_day: int
    last_day: int
    size: int
    day_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Observed counts and their truth.

    Attributes:
        people: distinct people, int (cells, days).
        orders: orders, int (cells, days); ≥ people, because of repeat callers.
        issue_of_cell, area_of_cell: int (cells,).
        start: day 0.
        events: what was injected; every extra order comes from a different person.
        expected: true mean of `people` without events, float (cells, days); detectors must not see it.
    """

    people: Ints
    orders: Ints
    issue_of_cell: Ints
    area_of_cell: Ints
    start: date
    events: list[Event]
    expected: Floats = field(repr=False)


def simulate_counts(
    seed: int = 1,
    *,
    cells: int = 3_000,
    days: int = 365,
    per_day: float = 1_727.0,
    events: int = 600,
    sizes: tuple[int, ...] = SIZES,
    start: date = date(2025, 11, 25),
) -> Counts:
    """A year of one city's counts.

    Args:
        cells: areas × `ISSUES`; where it is no multiple, the last area lacks some issues.
        per_day: mean number of orders a day over the whole city, repeats included, events not.
        events: injected events, the sizes in turn.

    Raises:
        BadRequest: the days leave no room for events, or a number is not positive.
    """
    for name, value in (("cells", cells), ("days", days), ("per_day", per_day)):
        if value <= 0:
            raise BadRequest(name=name, value=value, reason="须大于 0")
    rng = np.random.default_rng(seed)
    issue, area = np.arange(cells) % ISSUES, np.arange(cells) // ISSUES
    expected = _expected(rng, issue, area, start, days)
    serial = _serial_calls(rng, expected)
    expected *= max(per_day - serial.sum() / days, 0.1 * per_day) / (1 + AGAIN) / (expected.sum() / days)
    people = rng.poisson(expected * rng.gamma(DISPERSION, 1 / DISPERSION, size=expected.shape)).astype(np.int64)
    orders = people + rng.binomial(people, AGAIN) + serial
    people += serial > 0
    truth = _inject(rng, cells, days, events, sizes)
    for event in truth:
        window = slice(event.first_day, event.last_day + 1)
        people[event.cell, window] += event.day_counts
        orders[event.cell, window] += event.day_counts
    return Counts(people, orders, issue, area, start, truth, expected)


def _expected(rng: np.random.Generator, issue: Ints, area: Ints, start: date, days: int) -> Floats:
    """Mean rates (cells, days) up to a common factor: size of issue and area, rhythm, shock and mood of the issue."""
    share = _lognormal(rng, ISSUES, 1.1)
    people = _lognormal(rng, int(area.max()) + 1, 0.5)
    base = share[issue] * people[area] * rng.lognormal(0.0, 0.5, len(issue))
    rhythms = rhythm_factors(start, days, make_weather(rng, start, days))
    names = rng.choice(list(RHYTHMS), size=ISSUES)
    factor = np.stack([rhythms[name] for name in names])
    factor *= make_shocks(rng, ISSUES, days).factors * make_moods(rng, ISSUES, days)
    return np.asarray(base[:, None] * factor[issue])


def _lognormal(rng: np.random.Generator, count: int, sigma: float) -> Floats:
    """Quantiles of a log-normal in random order: the spread of sizes is the same for every seed."""
    normal = NormalDist(0.0, sigma)
    return np.asarray(np.exp(rng.permutation([normal.inv_cdf((i + 0.5) / count) for i in range(count)])))


def _serial_calls(rng: np.random.Generator, expected: Floats) -> Ints:
    cells, days = expected.shape
    calls = np.zeros((cells, days), dtype=np.int64)
    weight = np.sqrt(expected.mean(axis=1))
    count = round(SERIAL_PER_YEAR * cells / 3_000 * days / 365)
    for cell in rng.choice(cells, size=count, p=weight / weight.sum()):
        first = int(rng.integers(0, days))
        last = min(days, first + int(rng.integers(2, 21)))
        calls[cell, first:last] += rng.integers(2, 4, size=last - first) * (rng.random(last - first) < 0.6)
    return calls


def _inject(rng: np.random.Generator, cells: int, days: int, count: int, sizes: tuple[int, ...]) -> list[Event]:
    """Events spread evenly over cells and days; two events of one cell lie more than ten days apart."""
    if count and days < QUIET_DAYS + 10:
        raise BadRequest(name="days", value=days, reason=f"注入事件至少需要 {QUIET_DAYS + 10} 天")
    taken: dict[int, list[tuple[int, int]]] = {}
    events: list[Event] = []
    for _ in range(count * 200):
        if len(events) == count:
            break
        length = int(rng.integers(3, 11))
        cell, first = int(rng.integers(0, cells)), int(rng.integers(QUIET_DAYS, days - length + 1))
        last = first + length - 1
        if any(first <= b + 10 and last >= a - 10 for a, b in taken.get(cell, [])):
            continue
        taken.setdefault(cell, []).append((first, last))
        size = sizes[len(events) % len(sizes)]
        events.append(Event(cell, first, last, size, spread(rng, size, length)))
    if len(events) < count:
        raise BadRequest(
            name="events", value=count, reason=f"{cells} 个格子、{days} 天内放不下，只放下 {len(events)} 个"
        )
    return events


def spread(rng: np.random.Generator, size: int, length: int) -> tuple[int, ...]:
    """`size` orders over `length` days: quick rise, slow fade; the first and the last day are never empty."""
    position = (np.arange(length) + 0.5) / length
    shape = position**0.6 * np.exp(-2.2 * position) * rng.gamma(8.0, 1 / 8.0, size=length)
    counts = rng.multinomial(size - 2, shape / shape.sum())
    counts[0] += 1
    counts[-1] += 1
    return tuple(int(c) for c in counts)
