"""What a policy office keeps beside the figures: weights of the composite index, policies; and units week by week."""

from __future__ import annotations

from datetime import date
from typing import Final

from models.figures import IndexCell
from models.record import Frozen

LAYERS: Final = ("响应", "解决", "满意", "情绪", "负担")
DROP_ALERT: Final = 0.9
"""A fall is told where it is so probable (methods.md §4)."""


class Scheme(Frozen):
    """`weights`: layer → part, at least one above 0. `effective` None: a sample, never in force by itself."""

    version: str
    title: str
    owner: str
    weights: dict[str, float]
    note: str = ""
    effective: date | None = None

    @property
    def shares(self) -> dict[str, float]:
        """Layer → share of the whole, in the order of LAYERS, those at 0 left out."""
        total = sum(self.weights.values())
        return {layer: self.weights[layer] / total for layer in LAYERS if self.weights.get(layer, 0.0) > 0}


class Policy(Frozen):
    """`districts` empty: the whole city; `topics` empty: all matters."""

    title: str
    start: date
    text: str = ""
    districts: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    number: int = 0
    who: str = ""


class Weekly(Frozen):
    """Every unit in every week, and (unit → probability) that it fell by more than three points in the last four weeks."""

    cells: tuple[IndexCell, ...]
    drop: dict[str, float]

    @property
    def dropped(self) -> list[str]:
        """Units whose fall is told, the surest first."""
        sure = [unit for unit, chance in self.drop.items() if chance > DROP_ALERT]
        return sorted(sure, key=lambda unit: (-self.drop[unit], unit))
