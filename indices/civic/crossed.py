"""Ordered logit with several random effects at once: area, department, topic, channel, what the text sounds like …

logit P(rating ≤ j) = θ_j − Σ_f u_f, u_f ~ N(0, τ_f²) for each factor f. Effects and thresholds maximise the penalised likelihood (Newton's
method, the largest factor eliminated because its block is diagonal); the variances are those of Laplace's approximation to the
marginal likelihood, found by MacKay's fixed point (1992): τ² = Σ u² / (levels − Σ Var(u) / τ²). A factor that tells nothing of ratings
gets a variance near zero and so has no say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LEAST_TAU: Final = 0.02
MOST_TAU: Final = 3.0
ROUNDS: Final = 60
CLOSE: Final = 1e-3  # relative change of every τ at which the fixed point is reached
_STEPS: Final = 30
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Crossed:
    """Thresholds (levels − 1,) rising; for each factor its effects, their standard deviations given the variances, and τ (all logits)."""

    thresholds: Floats
    effects: tuple[Floats, ...]
    deviations: tuple[Floats, ...]
    taus: tuple[float, ...]

    def content(self, codes: Sequence[Ints]) -> Floats:
        """(m,) Σ of the effects at the codes, one (m,) array a factor."""
        parts = [effect[code] for effect, code in zip(self.effects, codes, strict=True)]
        return np.sum(parts, axis=0)  # type: ignore[no-any-return]

    def scores(self, content: Floats) -> Floats:
        """Expected rating on 0–100."""
        scores: Floats = 100.0 * expit(content[..., None] - self.thresholds).mean(axis=-1)
        return scores


def fit_crossed(counts: Ints, codes: Sequence[Ints], sizes: Sequence[int]) -> Crossed:
    """Fit to ratings.

    Args:
        counts: (m, levels) ratings of m cells, the lowest level first; at least one in all.
        codes: for each factor (m,) places in 0 … size − 1.
        sizes: for each factor how many levels it has.
    """
    here = counts.sum(axis=1) > 0
    smoothed = counts[here] + 0.5 / max(1, int(here.sum()))  # every threshold finite though nobody chose a level
    state = _State(smoothed, [code[here] for code in codes], list(sizes))
    taus = np.full(len(sizes), 0.5)
    variances: list[Floats] = []
    for _ in range(ROUNDS):
        variances = state.settle(taus)
        found = taus.copy()
        for f, variance in enumerate(variances):
            held = max(sizes[f] - float(variance.sum()) / taus[f] ** 2, 1e-3)
            # One pseudo-effect at 0.1 keeps the variance of a factor with two or three levels from zero and from infinity.
            found[f] = np.sqrt((float((state.effects[f] ** 2).sum()) + 0.01) / (held + 1.0))
        found = np.clip(found, LEAST_TAU, MOST_TAU)
        done = bool((np.abs(found - taus) <= CLOSE * taus).all())
        taus = found
        if done:
            break
    variances = state.settle(taus)
    return Crossed(
        state.thresholds, tuple(state.effects), tuple(np.sqrt(v) for v in variances), tuple(map(float, taus))
    )


class _State:
    """Thresholds and effects on their way to the maximum of the penalised likelihood."""

    def __init__(self, counts: Floats, codes: list[Ints], sizes: list[int]) -> None:
        self.counts, self.codes, self.sizes = counts, codes, sizes
        shares = np.cumsum(counts.sum(axis=0) / counts.sum())[:-1]
        self.thresholds: Floats = np.log(shares) - np.log1p(-shares)
        self.effects: list[Floats] = [np.zeros(size) for size in sizes]
        self.big = int(np.argmax(sizes))
        self.small = [f for f in range(len(sizes)) if f != self.big]
        self.edges = np.cumsum([len(self.thresholds), *(sizes[f] for f in self.small)])

    def settle(self, taus: Floats) -> list[Floats]:
        """Newton's method from where it stands; the posterior variances of the effects."""
        value = self._value(self.thresholds, self.effects, taus)
        for _ in range(_STEPS):
            gradient, own, cross, dense = self._curvature(taus)
            step_small, step_big = self._solve(gradient, own, cross, dense)
            length = 1.0
            while True:
                thresholds, effects = self._moved(step_small * length, step_big * length)
                better = self._value(thresholds, effects, taus)
                if better >= value - 1e-9 or length < 1e-4:
                    break
                length /= 2
            if better < value:
                break
            gained, value = better - value, better
            self.thresholds, self.effects = thresholds, effects
            if gained < 1e-6 * (1 + abs(value) * 1e-4):
                break
        return self._variances(taus)

    def _value(self, thresholds: Floats, effects: list[Floats], taus: Floats) -> float:
        if (np.diff(thresholds) <= 0).any():
            return -np.inf
        content = np.sum([e[c] for e, c in zip(effects, self.codes, strict=True)], axis=0)
        below = _below(thresholds, content)
        likelihood = float((self.counts * np.log(np.maximum(np.diff(below, axis=1), _TINY))).sum())
        penalty: float = sum(float((e**2).sum()) / (2 * t**2) for e, t in zip(effects, taus, strict=True))
        return likelihood - penalty

    def _moved(self, small: Floats, big: Floats) -> tuple[Floats, list[Floats]]:
        effects = list(self.effects)
        for place, f in enumerate(self.small):
            effects[f] = effects[f] + small[self.edges[place] : self.edges[place + 1]]
        effects[self.big] = effects[self.big] + big
        return self.thresholds + small[: self.edges[0]], effects

    def _curvature(self, taus: Floats) -> tuple[tuple[Floats, Floats], Floats, Floats, Floats]:
        """Gradient (dense part, big factor) and minus the Hessian: its diagonal in the big factor, the cross block, the dense block."""
        below = _below(self.thresholds, np.sum([e[c] for e, c in zip(self.effects, self.codes, strict=True)], axis=0))
        slope = below * (1 - below)
        chance = np.maximum(np.diff(below, axis=1), _TINY)
        y, inner = self.counts, slope[:, 1:-1]
        up, low = y[:, :-1] / chance[:, :-1], y[:, 1:] / chance[:, 1:]
        by_content = (y * (below[:, 1:] + below[:, :-1] - 1)).sum(axis=1)
        weight = (y * (slope[:, 1:] + slope[:, :-1])).sum(axis=1)
        both = (y[:, :-1] + y[:, 1:]) * inner  # content × threshold
        by_threshold = (inner * (up - low)).sum(axis=0)
        turn = inner * (1 - 2 * below[:, 1:-1])
        main = (turn * (low - up) + inner**2 * (up / chance[:, :-1] + low / chance[:, 1:])).sum(axis=0)
        beside = -(y[:, 1:-1] / chance[:, 1:-1] ** 2 * inner[:, :-1] * inner[:, 1:]).sum(axis=0)
        size = int(self.edges[-1])
        dense, cross = np.zeros((size, size)), np.zeros((self.sizes[self.big], size))
        k = len(self.thresholds)
        dense[:k, :k] = np.diag(main) + np.diag(beside, 1) + np.diag(beside, -1)
        gradient = np.zeros(size)
        gradient[:k] = by_threshold
        code = self.codes[self.big]
        for j in range(k):
            cross[:, j] = -np.bincount(code, both[:, j], self.sizes[self.big])
        for place, f in enumerate(self.small):
            span = slice(self.edges[place], self.edges[place + 1])
            gradient[span] = np.bincount(self.codes[f], by_content, self.sizes[f]) - self.effects[f] / taus[f] ** 2
            for j in range(k):
                dense[span, j] = dense[j, span] = -np.bincount(self.codes[f], both[:, j], self.sizes[f])
            cross[:, span] = _pairs(code, self.codes[f], weight, self.sizes[self.big], self.sizes[f])
            for other, g in enumerate(self.small[: place + 1]):
                block = _pairs(self.codes[f], self.codes[g], weight, self.sizes[f], self.sizes[g])
                across = slice(self.edges[other], self.edges[other + 1])
                dense[span, across], dense[across, span] = block, block.T
            dense[span, span] += np.eye(self.sizes[f]) / taus[f] ** 2
        own = np.bincount(code, weight, self.sizes[self.big]) + 1 / taus[self.big] ** 2
        big = np.bincount(code, by_content, self.sizes[self.big]) - self.effects[self.big] / taus[self.big] ** 2
        return (gradient, big), own, cross, dense

    @staticmethod
    def _solve(gradient: tuple[Floats, Floats], own: Floats, cross: Floats, dense: Floats) -> tuple[Floats, Floats]:
        scaled = cross / own[:, None]
        schur = dense - cross.T @ scaled
        small = np.asarray(
            np.linalg.solve(schur + 1e-9 * np.eye(len(schur)), gradient[0] - scaled.T @ gradient[1]), dtype=np.float64
        )
        return small, (gradient[1] - cross @ small) / own

    def _variances(self, taus: Floats) -> list[Floats]:
        _, own, cross, dense = self._curvature(taus)
        scaled = cross / own[:, None]
        inverse = np.linalg.inv(dense - cross.T @ scaled + 1e-9 * np.eye(len(dense)))
        found: list[Floats] = [np.empty(0)] * len(self.sizes)
        found[self.big] = 1 / own + ((scaled @ inverse) * scaled).sum(axis=1)
        diagonal: Floats = np.diag(inverse).astype(np.float64)
        for place, f in enumerate(self.small):
            found[f] = diagonal[self.edges[place] : self.edges[place + 1]]
        return found


def _below(thresholds: Floats, content: Floats) -> Floats:
    """(m, levels + 1) chance to be below each edge, 0 and 1 at the ends."""
    inner = expit(thresholds - content[:, None])
    return np.column_stack([np.zeros(len(content)), inner, np.ones(len(content))])


def _pairs(rows: Ints, columns: Ints, weight: Floats, height: int, width: int) -> Floats:
    """(height, width) weights summed by pairs of codes."""
    summed = np.bincount(rows * width + columns, weight, height * width).astype(np.float64)
    return summed.reshape(height, width)
