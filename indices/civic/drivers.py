"""Why an index changed, and what it depends on: an exact split into service and mix, and importance against performance, with intervals.

Intervals are those of a Poisson bootstrap over cells: each draw gives every order a Poisson(1) number of copies (Hanley and
MacGibbon 2006), which for a cell of n orders is one Poisson(n).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from indices.civic.cells import Cells
from indices.civic.mix import split
from models.errors import BadRequest
from models.figures import Driver, Drivers, IndexChange, Moved, Span

Floats = npt.NDArray[np.float64]
DRAWS: Final = 400
_SEED: Final = 20_260_102
LEAST_RATINGS: Final = 30
ATTRIBUTES: Final = {
    "timely": ("按时答复", "yes", "no"), "contacted": ("与来电人联系", "yes", "no"), "returned": ("一次派对", "no", "yes"),
    "resolved": ("问题解决", "解决", "未解决"),
}  # fmt: skip
"""Field → what is good about it, the value that is, and the one that is not."""


def index_change(before: Cells, after: Cells, field: str) -> IndexChange:
    """The change of Σ w s between two periods: w a part's share of the orders, s the mean of its ratings.

    Args:
        before, after: cells by `field` and rating; parts without a rating in a period are in neither sum of that period.

    Raises:
        BadRequest: fewer than 30 ratings in one of the periods.
    """
    for period, name in ((before, "前一段"), (after, "后一段")):
        n = int(period.n[period.known("rating")].sum()) if len(period.n) else 0
        if n < LEAST_RATINGS:
            raise BadRequest(name=name, value=f"{n} 件评价", reason=f"至少 {LEAST_RATINGS} 件才能比较；请放宽时间")
    whole = split(_parts(before, field), _parts(after, field))
    random = np.random.default_rng(_SEED)
    draws = [split(_drawn(before, field, random), _drawn(after, field, random)) for _ in range(DRAWS)]
    names = [part.name for part in whole.parts]
    rate, mix = np.full((DRAWS, len(names)), np.nan), np.full((DRAWS, len(names)), np.nan)
    for number, draw in enumerate(draws):
        found = {part.name: part for part in draw.parts}
        for place, name in enumerate(names):
            if name in found:
                rate[number, place], mix[number, place] = found[name].rate, found[name].mix
    parts = tuple(
        Moved(name=part.name, rate=_span(part.rate, rate[:, place]), mix=_span(part.mix, mix[:, place]))
        for place, part in enumerate(whole.parts)
    )
    return IndexChange(
        field=field, before=_span(whole.before, [d.before for d in draws]), after=_span(whole.after, [d.after for d in draws]),
        change=_span(whole.after - whole.before, [d.after - d.before for d in draws]),
        rate=_span(whole.rate, [d.rate for d in draws]), mix=_span(whole.mix, [d.mix for d in draws]), parts=parts,
        n_before=int(before.n[before.known("rating")].sum()), n_after=int(after.n[after.known("rating")].sum()),
    )  # fmt: skip


def _parts(cells: Cells, field: str, n: Floats | None = None) -> dict[str, tuple[float, float]]:
    """Part → (orders, mean rating on 0–100), of parts that have a rating."""
    times = cells.n.astype(np.float64) if n is None else n
    points = cells.points()
    rated = np.isfinite(points)
    size = len(cells.names[field])
    orders = np.bincount(cells.codes[field], times, size)
    told = np.bincount(cells.codes[field][rated], times[rated], size)
    total = np.bincount(cells.codes[field][rated], (times * np.where(rated, points, 0.0))[rated], size)
    return {
        name or "未注明": (float(orders[i]), float(total[i] / told[i])) for i, name in enumerate(cells.names[field]) if told[i] > 0
    }  # fmt: skip


def _drawn(cells: Cells, field: str, random: np.random.Generator) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    while not found:
        found = _parts(cells, field, random.poisson(cells.n).astype(np.float64))
    return found


def _span(value: float, draws: Sequence[float] | Floats) -> Span:
    known = np.asarray(draws, dtype=np.float64)
    known = known[np.isfinite(known)]
    ends = np.percentile(known, [2.5, 5, 95, 97.5]) if len(known) else [value] * 4
    low, low90, high90, high = (round(float(end), 2) for end in ends)
    return Span(value=round(value, 2), low=low, low90=low90, high90=high90, high=high)


def drivers(cells: Cells) -> Drivers:
    """What a rating depends on in the course of an order: importance against performance.

    Importance is how many points a rating gains where the attribute is good, all others held (least squares over rated orders in which
    every attribute used is known or counted as unknown); performance how often it is good. The cuts are the means of both; a
    point whose intervals cross both cuts is not placed.

    Args:
        cells: by the fields of ATTRIBUTES and rating.
    """
    fields = [field for field in ATTRIBUTES if field in cells.names and _both(cells, field)]
    points = cells.points()
    rated = np.isfinite(points)
    if not fields or cells.n[rated].sum() < LEAST_RATINGS:
        return Drivers(points=(), importance_cut=0.0, performance_cut=0.0, n=int(cells.n[rated].sum()))
    design = np.column_stack([np.ones(len(cells.n)), *(_columns(cells, field) for field in fields)])
    random = np.random.default_rng(_SEED)
    n = cells.n.astype(np.float64)
    found = _gains(design[rated], points[rated], n[rated], len(fields)), _shares(cells, fields, n)
    draws = [random.poisson(cells.n).astype(np.float64) for _ in range(DRAWS)]
    gains = np.array([_gains(design[rated], points[rated], draw[rated], len(fields)) for draw in draws])
    shares = np.array([_shares(cells, fields, draw) for draw in draws])
    cuts = float(found[0].mean()), float(found[1].mean())
    made = []
    for place, field in enumerate(fields):
        importance, performance = (
            _span(float(found[0][place]), gains[:, place]),
            _span(float(found[1][place]), shares[:, place]),
        )
        made.append(
            Driver(name=ATTRIBUTES[field][0], field=field, importance=importance, performance=performance,
                   quadrant=quadrant(importance, performance, *cuts))
        )  # fmt: skip
    order = tuple(sorted(made, key=lambda one: -one.importance.value))
    return Drivers(
        points=order, importance_cut=round(cuts[0], 2), performance_cut=round(cuts[1], 2), n=int(cells.n[rated].sum())
    )


def quadrant(importance: Span, performance: Span, importance_cut: float, performance_cut: float) -> str:
    """重点改进 保持优势 次要改进 不必加码, or 不能判定 where both intervals cross their cuts."""
    if importance.low < importance_cut < importance.high and performance.low < performance_cut < performance.high:
        return "不能判定"
    if importance.value >= importance_cut:
        return "保持优势" if performance.value >= performance_cut else "重点改进"
    return "不必加码" if performance.value >= performance_cut else "次要改进"


def _both(cells: Cells, field: str) -> bool:
    _, good, bad = ATTRIBUTES[field]
    return bool(cells.has(field, good).any() and cells.has(field, bad).any())


def _columns(cells: Cells, field: str) -> Floats:
    """(m, 2) whether it is good, and whether that is not known."""
    _, good, _ = ATTRIBUTES[field]
    return np.column_stack([cells.has(field, good), ~cells.known(field)]).astype(np.float64)


def _gains(design: Floats, points: Floats, n: Floats, fields: int) -> Floats:
    weighted = design * n[:, None]
    ridge = np.diag([1e-6, *[0.5] * (design.shape[1] - 1)])
    coefficients = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ points)
    return np.asarray(coefficients[1 : 1 + 2 * fields : 2], dtype=np.float64)


def _shares(cells: Cells, fields: Sequence[str], n: Floats) -> Floats:
    """(fields,) per cent of the orders of which it is known."""
    found = []
    for field in fields:
        known, good = cells.known(field), cells.has(field, ATTRIBUTES[field][1])
        found.append(100.0 * float(n[good].sum()) / max(float(n[known].sum()), 1.0))
    return np.array(found)
