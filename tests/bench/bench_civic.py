"""Times of the answers and how they grow: burst scan over cells × days, satisfaction index over areas, import of the application."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

CELLS = (750, 1_500, 3_000)
DAYS = 365
AREAS = (400, 2_000, 10_000)
MEAN_RATINGS = 13


def seconds(action: Callable[[], object], repeats: int = 3) -> float:
    """The best of a few runs: what the machine can do, not what else it was doing."""
    best = math.inf
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - started)
    return best


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """b of time ∝ size^b by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def burst_times() -> list[float]:
    from crawlers.simulation.counts import simulate_counts
    from indices.civic.burst import score

    times = []
    for cells in CELLS:
        counts = simulate_counts(seed=1, cells=cells, days=DAYS, per_day=1_727 * cells / 3_000)
        times.append(seconds(lambda c=counts: score(c.people, c.issue_of_cell, c.start), 1))  # type: ignore[misc]
    return times


def index_times() -> list[float]:
    from api.benchmarks.estimators import ordered_logit
    from crawlers.simulation.ratings import simulate_plain

    times = []
    for areas in AREAS:
        counts, _ = simulate_plain(1, areas=areas, mean_ratings=MEAN_RATINGS)
        times.append(seconds(lambda c=counts: ordered_logit(c)))  # type: ignore[misc]
    return times


def import_seconds() -> float:
    return seconds(lambda: subprocess.run([sys.executable, "-c", "import api.app"], check=True))


def run() -> dict[str, object]:
    burst, index = burst_times(), index_times()
    return {
        f"burst scan, {DAYS} days, seconds": dict(zip(CELLS, (round(t, 2) for t in burst), strict=True)),
        "burst scan, growth exponent": round(exponent(CELLS, burst), 2),
        "satisfaction index, seconds": dict(zip(AREAS, (round(t, 2) for t in index), strict=True)),
        "satisfaction index, growth exponent": round(exponent(AREAS, index), 2),
        "import api.app, seconds": round(import_seconds(), 2),
        "on": date.today().isoformat(),  # noqa: DTZ011 - the day of the run
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value}")
