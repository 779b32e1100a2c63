"""Heat of an incident, 0–100, with its parts.

Each component is compared with the incidents of the reference period — the 90 days before the end of the window, or the
window itself where it is longer — by its rank, and the rank is made normal: part = weight × 100 × (z + 3) / 6, cut to
0…1, so that the extreme of a hundred incidents counts more than the extreme of three. A reference incident is measured over
a window of the same length that ends with its own last message in the period: a quiet day is compared with other
incidents' live days, a whole year with whole years. Weights of methods.md §3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

REFERENCE_DAYS: Final = 90
NOVELTY_DAYS: Final = 30.0
"""Novelty falls to 1/e when an incident is a month older than the window."""
WEIGHTS: Final[Mapping[str, float]] = {
    "burst": 0.30, "people": 0.20, "growth": 0.15, "negativity": 0.10, "spread": 0.10, "unresolved": 0.05, "engagement": 0.05,
    "novelty": 0.05,
}  # fmt: skip
WEIGHTS_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Weights:
    """A version of the weights; together 1."""

    version: str
    values: Mapping[str, float]


SHIPPED: Final = Weights(WEIGHTS_VERSION, WEIGHTS)


@dataclass(frozen=True, slots=True)
class Components:
    """What the heat is made of, each in its own unit; only the order matters.

    Attributes:
        burst: highest burst score (−log10 p) in the window.
        people: distinct people in the window.
        growth: steepest rise of 7-day people over the 7 days before, log2.
        negativity: mean (1 − positive) × (1 + mean urgency).
        spread: distinct channels of distinct sources.
        unresolved: share of records not known to be solved or closed.
        engagement: log of likes, dislikes and hundreds of views.
        novelty: 1 where it began in the window, falling with its age.
    """

    burst: float
    people: float
    growth: float
    negativity: float
    spread: float
    unresolved: float
    engagement: float
    novelty: float


def heat_parts(
    target: Components, reference: Sequence[Components], weights: Mapping[str, float] = WEIGHTS
) -> dict[str, float]:
    """Contribution of each component, together 0–100; the heat is their sum."""
    return {
        field.name: round(
            100.0 * weights.get(field.name, 0.0)
            * normal_rank(getattr(target, field.name), [getattr(one, field.name) for one in reference]), 2
        )
        for field in fields(Components)
    }  # fmt: skip


def normal_rank(value: float, reference: Sequence[float]) -> float:
    """0–1: the normal score of the rank of `value` among the reference, ties in the middle; 0.5 where there is nothing to compare."""
    from scipy.special import ndtri

    values = np.asarray(reference, dtype=np.float64)
    below, equal = int((values < value - 1e-12).sum()), int((np.abs(values - value) <= 1e-12).sum())
    rank = (below + 0.5 * equal + 0.5) / (len(values) + 1.0)
    return float(np.clip((ndtri(rank) + 3.0) / 6.0, 0.0, 1.0))
