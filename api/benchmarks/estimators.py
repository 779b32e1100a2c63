"""The usual ways to score units with few ratings, beside which the index is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import gammaln

from crawlers.simulation.ratings import CHANNELS, PEERS, TOPICS, Ratings
from indices.civic.cells import Cells
from indices.civic.crossed import fit_crossed
from indices.civic.unit_scores import unit_scores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Estimate = tuple[Floats, Floats, Floats]
"""(units,) value, low and high end of the 95 % interval, on 0–100."""

_Z: Final = 1.959964


def ordered_logit(counts: Ints) -> Estimate:
    """Ours."""
    units = np.arange(len(counts))
    found = unit_scores(fit_crossed(counts, [units], [len(units)]), 0, counts, counts.sum(axis=1), [units])
    return found.value, found.low, found.high


def full_model(city: Ratings) -> Estimate:
    """Ours, with all that is known of every order: the area and its kind, topic, channel, and whether it was solved."""
    names = [
        tuple(map(str, range(len(city.truth)))),
        tuple(map(str, range(PEERS))),
        tuple(map(str, range(TOPICS))),
        ("", "1"),
        CHANNELS,
    ]
    codes = [city.area, city.peers[city.area], city.topic, city.solved.astype(np.int64),
             np.array([CHANNELS.index(name) for name in city.channel])]  # fmt: skip
    rating = np.where(city.answered, city.rating + 1, 0)
    fields = ("area", "peers", "topic", "solved", "channel")
    orders = Cells(
        dict(zip((*fields, "rating"), [*names, ("", "1", "2", "3", "4", "5")], strict=True)),
        dict(zip((*fields, "rating"), [*codes, rating], strict=True)), np.ones(len(rating), dtype=np.int64),
    )  # fmt: skip
    merged, counts = orders.merged(*fields, "rating").ratings()
    factors = [merged.codes[field] for field in fields]
    model = fit_crossed(counts, factors, [len(merged.names[field]) for field in fields])
    found = unit_scores(model, 0, counts, merged.n, factors)
    return found.value, found.low, found.high


def raw_mean(counts: Ints) -> Estimate:
    """Mean and its normal interval from the unit's own variance: what is published everywhere."""
    n, points = counts.sum(axis=1), np.linspace(0, 100, counts.shape[1])
    mean = counts @ points / n
    spread = np.sqrt((counts * (points - mean[:, None]) ** 2).sum(axis=1) / np.maximum(n - 1, 1) / n)
    return _interval(mean, spread)


def dirichlet(counts: Ints) -> Estimate:
    """Dirichlet-multinomial, its parameters by maximum likelihood."""
    points = np.linspace(0, 100, counts.shape[1])
    n = counts.sum(axis=1)

    def negative(logs: Floats) -> float:
        alpha = np.exp(logs)
        return -float(
            (gammaln(alpha.sum()) - gammaln(n + alpha.sum())).sum() + (gammaln(counts + alpha) - gammaln(alpha)).sum()
        )

    start = np.log(np.maximum(counts.sum(axis=0) / counts.sum() * 5, 1e-2))
    alpha = np.exp(minimize(negative, start, method="L-BFGS-B", bounds=[(-8, 8)] * len(points)).x)
    share = (counts + alpha) / (n + alpha.sum())[:, None]
    mean = share @ points
    variance = (share * (points - mean[:, None]) ** 2).sum(axis=1) / (n + alpha.sum() + 1)
    return _interval(mean, np.sqrt(variance))


def fay_herriot(counts: Ints) -> Estimate:
    """Means drawn to the grand mean (Fay and Herriot 1979), sampling variances from all ratings together, A by maximum likelihood."""
    n, points = counts.sum(axis=1), np.linspace(0, 100, counts.shape[1])
    mean = counts @ points / n
    within = (counts * (points - mean[:, None]) ** 2).sum() / max(1, (n - 1).sum())
    noise = within / n

    def centre(spread: float) -> float:
        return float(np.average(mean, weights=1 / (spread + noise)))

    def negative(log: float) -> float:
        total = np.exp(log) + noise
        return float((np.log(total) + (mean - centre(float(np.exp(log)))) ** 2 / total).sum())

    spread = float(np.exp(minimize_scalar(negative, bounds=(-3, 8), method="bounded").x))
    share = spread / (spread + noise)
    value = centre(spread) + share * (mean - centre(spread))
    error = share * noise + (1 - share) ** 2 / (1 / (spread + noise)).sum()
    return _interval(value, np.sqrt(error))


def _interval(value: Floats, deviation: Floats) -> Estimate:
    return value, np.clip(value - _Z * deviation, 0, 100), np.clip(value + _Z * deviation, 0, 100)


ESTIMATORS: Final[dict[str, Callable[[Ints], Estimate]]] = {
    "民声（有序逻辑 EB）": ordered_logit, "原始均值": raw_mean, "狄利克雷 EB": dirichlet, "Fay–Herriot": fay_herriot,
}  # fmt: skip
OURS: Final = "民声（有序逻辑 EB）"
RAW: Final = "原始均值"
