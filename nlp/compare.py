"""Two models on the same labelled rows: which is better, class by class, and where that cannot be told.

Rows are drawn anew with their answers of both models together (a paired bootstrap), so that what is hard for both does
not widen the interval of the difference. A draw of n rows is a draw of how often each (true, a, b) occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 2_000  # the ends of a 95 % interval move by some 0.001 between seeds
SEED: Final = 20260901
LEAST_TOLD: Final = 20  # rows of a class: four lucky ones already make an interval that leaves zero out
LEAST_ROWS: Final = 5  # a label with fewer true rows is left out of the macro average, as in `minsheng evaluate`
_CELLS: Final = 2_000_000  # of a table of draws at once: 16 MB

Floats = NDArray[np.float64]


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"
    FEW = "few"


@dataclass(frozen=True)
class Measure:
    """A measure of both models; `difference` is b − a, `interval` its 95 % bootstrap interval."""

    a: float
    b: float
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ClassComparison:
    """`n` true rows; `accuracy` the share of them that was read right; the verdict is of F1, which false alarms lower, too."""

    label: str
    n: int
    accuracy: Measure
    f1: Measure
    verdict: Verdict


@dataclass(frozen=True)
class HeadComparison:
    """`verdict` is of the accuracy over all rows."""

    head: str
    n: int
    accuracy: Measure
    macro_f1: Measure
    verdict: Verdict
    classes: tuple[ClassComparison, ...]


def compare(head: str, truth: Sequence[str], a: Sequence[str], b: Sequence[str]) -> HeadComparison:
    """The answers of two models for n ≥ 1 rows against the truth; classes in order of their rows, the most first.

    Raises:
        ValueError: no row, or lists of different length.
    """
    rows = np.array(list(zip(truth, a, b, strict=True)))
    if not len(rows):
        raise ValueError("no row to compare on")
    labels, columns = np.unique(rows, return_inverse=True)
    kinds, times = np.unique(columns.reshape(rows.shape), axis=0, return_counts=True)
    n = np.bincount(kinds[:, 0], times, len(labels)).astype(int)
    parts = [_measures(kinds, some, len(labels)) for some in (times[None, :].astype(np.float64), *_draws(times))]
    recall, f1, right = (np.concatenate(some, axis=1) for some in zip(*parts, strict=True))
    counted = n >= LEAST_ROWS if (n >= LEAST_ROWS).any() else n > 0
    classes = []
    for label in sorted(np.flatnonzero(n), key=lambda label: (-n[label], labels[label])):
        measure = _measure(f1[:, :, label])
        verdict = _verdict(measure, n[label])
        classes.append(
            ClassComparison(str(labels[label]), int(n[label]), _measure(recall[:, :, label]), measure, verdict)
        )
    accuracy, macro_f1 = _measure(right), _measure(f1[:, :, counted].mean(axis=2))
    return HeadComparison(head, len(rows), accuracy, macro_f1, _verdict(accuracy, len(rows)), tuple(classes))


def _measures(kinds: NDArray[np.int64], times: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    """Recall (2, d, labels), F1 (2, d, labels) and share of right answers (2, d) of both models in d draws.

    Args:
        kinds: (m, 3) kinds of rows (true, a, b); times: (d, m) how often each occurs in a draw.
    """
    true = _sums(times, kinds[:, 0], size)
    both = np.stack([_sums(times * (kinds[:, 0] == kinds[:, model]), kinds[:, 0], size) for model in (1, 2)])
    given = np.stack([_sums(times, kinds[:, model], size) for model in (1, 2)])
    return both / np.maximum(true, 1), 2 * both / np.maximum(true + given, 1), both.sum(axis=2) / times.sum(axis=1)


def _sums(times: Floats, labels: NDArray[np.int64], size: int) -> Floats:
    """(d, size) how often each label occurs in each draw."""
    from scipy.sparse import csr_matrix

    m = len(labels)
    hot = csr_matrix((np.ones(m), labels, np.arange(m + 1)), shape=(m, size))
    return np.asarray(times @ hot)


def _draws(times: NDArray[np.int64]) -> list[Floats]:
    random, n = np.random.default_rng(SEED), int(times.sum())
    at_once = max(1, min(DRAWS, _CELLS // len(times)))
    sizes = [min(at_once, DRAWS - start) for start in range(0, DRAWS, at_once)]
    return [random.multinomial(n, times / n, size=size).astype(np.float64) for size in sizes]


def _measure(values: Floats) -> Measure:
    """From (2, 1 + d) values of both models: over the rows themselves, and over d draws of them."""
    a, b = (float(value) for value in values[:, 0])
    low, high = np.quantile(values[1, 1:] - values[0, 1:], (0.025, 0.975))
    return Measure(round(a, 4), round(b, 4), round(b - a, 4), (round(float(low), 4), round(float(high), 4)))


def _verdict(measure: Measure, n: int) -> Verdict:
    if n < LEAST_TOLD:
        return Verdict.FEW
    low, high = measure.interval
    return Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else Verdict.UNCLEAR
