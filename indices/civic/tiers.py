"""Tiers instead of ranks: how probable it is that a unit belongs to the lowest or the highest fifth, and which tier that gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.figures import IndexRow

SHARE: Final = 0.2
"""Of the ranked units in the lowest tier, and in the highest (default; 国办函〔2025〕66号 asks for tiers and names no share)."""
SURE: Final = 0.8
LEAST_UNITS: Final = 5
DRAWS: Final = 4_000
_SEED: Final = 20_260_101  # the same figures give the same tiers


def tiers(rows: Sequence[IndexRow]) -> list[IndexRow]:
    """The rows with their tier and probabilities; rows that are not ranked, and fewer than five that are, have none.

    Compared is `alike`, the score with everybody's mix of matters, so that nobody is in the lowest tier for having the hardest ones.
    """
    ranked = [row for row in rows if row.status == "ok" and row.alike is not None]
    if len(ranked) < LEAST_UNITS:
        return list(rows)
    random = np.random.default_rng(_SEED)
    means = np.array([row.alike for row in ranked], dtype=np.float64)
    spreads = np.array([row.deviation or 0.0 for row in ranked])
    draws = means + spreads * random.standard_normal((DRAWS, len(ranked)))
    place = draws.argsort(axis=1).argsort(axis=1)
    size = max(1, round(SHARE * len(ranked)))
    lowest, highest = (place < size).mean(axis=0), (place >= len(ranked) - size).mean(axis=0)
    found = {row.key: (float(low), float(high)) for row, low, high in zip(ranked, lowest, highest, strict=True)}
    return [row if row.key not in found else _placed(row, *found[row.key]) for row in rows]


def _placed(row: IndexRow, lowest: float, highest: float) -> IndexRow:
    tier = "下档" if lowest >= SURE else "上档" if highest >= SURE else "中档"
    return row.model_copy(update={"tier": tier, "p_lowest": round(lowest, 3), "p_highest": round(highest, 3)})
