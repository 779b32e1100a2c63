"""Units week by week: each week's few ratings are weighed against the weeks beside them, and a fall is told with its probability."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from indices.civic.cells import Cells, cells
from indices.civic.level import DROP_POINTS, DROP_WEEKS, levels
from models.figures import Index, IndexCell
from models.ports import Reader
from models.query import Query
from models.satisfaction import Weekly

Floats = npt.NDArray[np.float64]
SHOWN_WIDTH: Final = 15.0
"""A week whose interval is wider than this has no value: what is known of it comes from other weeks."""
_Z: Final = 1.959964
_Z90: Final = 1.644854


def by_week(
    reader: Reader, query: Query, by: Literal["district", "department", "topic"], index: Index | None = None
) -> Weekly:
    """Every unit in every week from its first rating on.

    Args:
        index: the same question's index by the same units: each week is moved by what its correction moves the unit's mean, so that the
            curve and the table tell of the same thing.
    """
    return weekly(cells(reader, query, [by, "week", "rating"]), by, index)


def weekly(counted: Cells, by: str, index: Index | None = None) -> Weekly:
    """As `by_week`, of cells by `by`, week and rating."""
    if not len(counted.n) or not counted.known("rating").any():
        return Weekly(cells=(), drop={})
    rated = counted.kept(counted.known("rating") & counted.known(by))
    units, weeks = rated.names[by], rated.names["week"]
    shape = (len(units), len(weeks))
    points = rated.points()
    place = rated.codes[by] * shape[1] + rated.codes["week"]
    n = np.bincount(place, rated.n, shape[0] * shape[1]).reshape(shape)
    total = np.bincount(place, rated.n * points, shape[0] * shape[1]).reshape(shape)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    # One variance of a rating for all: a week with two equal ratings does not know its own.
    within = float((rated.n * (points - mean.ravel()[place]) ** 2).sum()) / max(1.0, float(n.sum() - (n > 0).sum()))
    found = levels(mean, max(within, 1.0) / np.maximum(n, 1))
    moved = _moves(units, index)
    drop = {unit: round(float(p), 3) for unit, p in zip(units, found.drop(), strict=True) if unit}
    made = [
        _cell(units[i], weeks[t], int(n[i, t]), float(found.value[i, t] + moved[i]), float(found.deviation[i, t]))
        for i in range(shape[0]) for t in range(shape[1]) if units[i] and n[i, : t + 1].any()
    ]  # fmt: skip
    return Weekly(cells=tuple(made), drop=drop)


def _moves(units: tuple[str, ...], index: Index | None) -> Floats:
    known = (
        {row.key: row.value - row.raw for row in index.rows if row.value is not None and row.raw is not None}
        if index
        else {}
    )
    return np.array([known.get(unit, 0.0) for unit in units])


def _cell(unit: str, week: str, n: int, value: float, deviation: float) -> IndexCell:
    if 2 * _Z * deviation > SHOWN_WIDTH:
        return IndexCell(unit=unit, week=week, n=n)
    places = {"value": 0.0, "low": -_Z, "high": _Z, "low90": -_Z90, "high90": _Z90}
    ends = {name: round(min(max(value + z * deviation, 0.0), 100.0), 2) for name, z in places.items()}
    return IndexCell(unit=unit, week=week, n=n, **ends)


def drop_words(unit: str, chance: float) -> str:
    """One sentence for a fall that is told."""
    return f"{unit}：近 {DROP_WEEKS} 周下降超过 {DROP_POINTS:g} 分的概率为 {chance:.0%}"
