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
    told = [label for label in range(len(labels)) if (kinds[:, 0] == label).any()]
    values = _measures(kinds, times[None, :].astype(np.float64), len(labels))
    counted = _counted(values.true[0])
    drawn = [_measures(kinds, some, len(labels)) for some in _draws(times)]
    classes = []
    for label in told:
        n = int(values.true[0, label])
        accuracy, f1 = (
            _measure(
                (getattr(values, f"{name}_a")[0, label], getattr(values, f"{name}_b")[0, label]),
                np.concatenate([(getattr(one, f"{name}_b") - getattr(one, f"{name}_a"))[:, label] for one in drawn]),
            )
            for name in ("recall", "f1")
        )
        classes.append(ClassComparison(str(labels[label]), n, accuracy, f1, _verdict(f1, n)))
    whole = _measure(
        (values.right_a[0], values.right_b[0]), np.concatenate([one.right_b - one.right_a for one in drawn])
    )
    macro = _measure(
        (values.f1_a[0, counted].mean(), values.f1_b[0, counted].mean()),
        np.concatenate([(one.f1_b - one.f1_a)[:, counted].mean(axis=1) for one in drawn]),
    )
    ordered = sorted(classes, key=lambda each: (-each.n, each.label))
    return HeadComparison(head, len(rows), whole, macro, _verdict(whole, len(rows)), tuple(ordered))


@dataclass(frozen=True)
class _Measures:
    """Of d draws: `true`, recall and F1 (d, labels), share of right answers (d,)."""

    true: Floats
    recall_a: Floats
    recall_b: Floats
    f1_a: Floats
    f1_b: Floats
    right_a: Floats
    right_b: Floats


def _measures(kinds: NDArray[np.int64], times: Floats, size: int) -> _Measures:
    """From (m, 3) kinds of rows (true, a, b) and (d, m) how often each occurs."""
    true = _sums(times, kinds[:, 0], size)
    parts: dict[str, Floats] = {}
    for name, column in (("a", 1), ("b", 2)):
        right = _sums(times * (kinds[:, 0] == kinds[:, column]), kinds[:, 0], size)
        given = _sums(times, kinds[:, column], size)
        parts[f"recall_{name}"] = right / np.maximum(true, 1)
        parts[f"f1_{name}"] = 2 * right / np.maximum(true + given, 1)
        parts[f"right_{name}"] = right.sum(axis=1) / times.sum(axis=1)
    return _Measures(true, **parts)


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


def _counted(true: Floats) -> NDArray[np.bool_]:
    return true >= LEAST_ROWS if (true >= LEAST_ROWS).any() else true > 0


def _measure(values: tuple[float, float], differences: Floats) -> Measure:
    low, high = np.quantile(differences, (0.025, 0.975))
    a, b = (float(value) for value in values)
    return Measure(round(a, 4), round(b, 4), round(b - a, 4), (round(float(low), 4), round(float(high), 4)))


def _verdict(measure: Measure, n: int) -> Verdict:
    if n < LEAST_TOLD:
        return Verdict.FEW
    low, high = measure.interval
    return Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else Verdict.UNCLEAR
