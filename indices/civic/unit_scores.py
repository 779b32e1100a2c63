"""What each unit's people would say on the average, from the crossed ordered logit: those who answered and those who did not.

A unit's own effect is integrated on a grid (three passes that narrow it to where the unit's mass lies), because three ratings of five
stars leave a lopsided posterior; the other effects are taken as fitted. The score of a unit is that of all its orders, each with
its own channel, topic … and so also of orders that nobody rated: right as far as who answers depends on nothing else
(multilevel regression and post-stratification, Gelman and Little 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from indices.civic.crossed import Crossed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GRID_POINTS: Final = 41
BINS: Final = 64
_SPAN: Final = 4.5  # half width of a grid in standard deviations: leaves 7e-6 outside
_PASSES: Final = 3
_CHUNK: Final = 4_096  # cells at once: 41 × 5 floats each


@dataclass(frozen=True, slots=True)
class UnitScores:
    """(units,) each, on 0–100: mean, standard deviation and the ends of the 90 % and 95 % intervals of the expected rating of the unit's
    own orders; `alike`: of everybody's orders, were they this unit's (the comparison that a unit's mix of matters does not enter)."""

    value: Floats
    deviation: Floats
    low90: Floats
    high90: Floats
    low: Floats
    high: Floats
    alike: Floats
    alike_deviation: Floats


def unit_scores(model: Crossed, factor: int, counts: Ints, n: Ints, codes: Sequence[Ints]) -> UnitScores:
    """Scores of every level of one factor.

    Args:
        factor: which of the model's factors the units are.
        counts: (m, levels) ratings of m cells.
        n: (m,) orders of the cells, rated or not.
        codes: (m,) for each factor.
    """
    unit, units, tau = codes[factor], len(model.effects[factor]), model.taus[factor]
    offset = model.content(codes) - model.effects[factor][unit]
    order = np.argsort(unit, kind="stable")
    unit, offset, counts, n = unit[order], offset[order], counts[order], n[order]
    rated = counts.sum(axis=1) > 0
    grid = np.broadcast_to(np.linspace(-_SPAN, _SPAN, GRID_POINTS) * tau, (units, GRID_POINTS))
    for _ in range(_PASSES):
        weights = _weights(model, tau, grid, unit[rated], offset[rated], counts[rated])
        mean = (weights * grid).sum(axis=1)
        spread = np.sqrt((weights * (grid - mean[:, None]) ** 2).sum(axis=1))
        reach = np.maximum(spread, (grid[:, 1] - grid[:, 0]) / 2)
        grid = mean[:, None] + np.linspace(-_SPAN, _SPAN, GRID_POINTS) * reach[:, None]
    weights = _weights(model, tau, grid, unit[rated], offset[rated], counts[rated])
    scores = _own_scores(model, grid, unit, offset, n)
    alike = _common_scores(model, grid, offset, n)
    value, other = (weights * scores).sum(axis=1), (weights * alike).sum(axis=1)
    ends = [_quantile(scores, weights, level) for level in (0.05, 0.95, 0.025, 0.975)]
    return UnitScores(
        value, _deviation(scores, weights, value), ends[0], ends[1], ends[2], ends[3], other, _deviation(alike, weights, other)
    )  # fmt: skip


def moved(scores: UnitScores, points: float) -> UnitScores:
    """All of them by as many points, within 0–100."""
    places = {
        name: np.clip(getattr(scores, name) + points, 0.0, 100.0)
        for name in ("value", "low90", "high90", "low", "high", "alike")
    }
    return replace(scores, **places)


def _weights(model: Crossed, tau: float, grid: Floats, unit: Ints, offset: Floats, counts: Ints) -> Floats:
    """(units, GRID_POINTS) posterior mass; `unit` rises."""
    logs = -0.5 * (grid / tau) ** 2
    for begin in range(0, len(unit), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        content = grid[unit[part]] + offset[part, None]
        below = expit(model.thresholds - content[..., None])
        edges = np.concatenate([np.zeros((*content.shape, 1)), below, np.ones((*content.shape, 1))], axis=-1)
        likelihood = np.einsum("cl,cgl->cg", counts[part], np.log(np.clip(np.diff(edges, axis=-1), 1e-12, None)))
        _add(logs, unit[part], likelihood)
    weights: Floats = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    return weights


def _own_scores(model: Crossed, grid: Floats, unit: Ints, offset: Floats, n: Ints) -> Floats:
    """(units, GRID_POINTS) expected rating of the unit's orders; of an average order where it has none."""
    total, held = np.zeros_like(grid), np.bincount(unit, n, len(grid))
    for begin in range(0, len(unit), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        _add(total, unit[part], model.scores(grid[unit[part]] + offset[part, None]) * n[part, None])
    empty = held == 0
    total[empty] = model.scores(grid[empty])
    return total / np.maximum(held, 1)[:, None]


def _common_scores(model: Crossed, grid: Floats, offset: Floats, n: Ints) -> Floats:
    """(units, GRID_POINTS) expected rating of all orders together, their offsets in BINS parts of equal weight."""
    order = np.argsort(offset)
    place = np.minimum((np.cumsum(n[order]) - n[order] / 2) / n.sum() * BINS, BINS - 1).astype(np.int64)
    weight = np.bincount(place, n[order], BINS)
    middle = np.bincount(place, n[order] * offset[order], BINS) / np.maximum(weight, 1)
    fine = np.linspace(grid.min(), grid.max(), 401)
    common = (model.scores(fine[:, None] + middle) * weight).sum(axis=1) / weight.sum()
    found: Floats = np.interp(grid, fine, common)
    return found


def _add(total: Floats, unit: Ints, values: Floats) -> None:
    """Rows of values to the rows of their units, which rise."""
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    total[unit[starts]] += np.add.reduceat(values, starts, axis=0)


def _deviation(scores: Floats, weights: Floats, mean: Floats) -> Floats:
    spread: Floats = np.sqrt((weights * (scores - mean[:, None]) ** 2).sum(axis=1))
    return spread


def _quantile(scores: Floats, weights: Floats, level: float) -> Floats:
    """Row-wise quantile by linear interpolation of the cumulated mass at the midpoints of the grid cells."""
    cumulated = np.cumsum(weights, axis=1) - weights / 2
    return np.array([np.interp(level, c, s) for c, s in zip(cumulated, scores, strict=True)])
