"""Probabilities that mean what they say, and when to say nothing.

Temperature: one number per head, fitted on rows that the model was not trained on. Abstention: the lowest confidence above
which a Clopper–Pearson bound still promises the wanted share of right answers (methods.md §1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

WANTED = 0.95  # share of right answers where the model answers
BINS = 15  # of equal width, the usual choice for the expected calibration error
NEVER = 2.0  # a threshold that no probability reaches
LEAST_REACH = 0.2
CLASS_SLACK = 0.05  # a class may be this much worse than its head promises; with none the topic answers 3 points less (DECISIONS.md)
MIN_ROWS_OF_CLASS = 25  # fewer held-out answers of a class say nothing about it beyond its head


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Rows of probabilities from (n, k) logits; −inf means impossible."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def log_loss(logits: Floats, truth: Ints, weights: Floats | None = None) -> float:
    """Mean negative log-likelihood (nats) of the true columns."""
    chosen = softmax(logits)[np.arange(len(truth)), truth]
    return float(np.average(-np.log(np.maximum(chosen, 1e-12)), weights=weights))


def scores(logits: Floats, temperature: float, shift: float | None = None) -> NDArray[np.float64]:
    """What a softmax turns into probabilities: logits / temperature; with a `shift` ln σ((logits + shift) / temperature).

    The second is for machines of one label against the rest (Platt's sigmoid, then normalised): two labels that both speak up
    are less sure than one that does, though their distance be the same.
    """
    scaled = np.asarray(logits, dtype=np.float64)
    if shift is None:
        return np.asarray(scaled / temperature)
    return np.asarray(-np.logaddexp(0.0, -(scaled + shift) / temperature))


def temperature(logits: Floats, truth: Ints, weights: Floats | None = None) -> float:
    """The divisor of the logits with the least log loss, between 0.02 and 20."""
    from scipy.optimize import minimize_scalar

    def loss(point: float) -> float:
        return log_loss(logits / np.exp(point), truth, weights)

    found = minimize_scalar(loss, bounds=(np.log(0.02), np.log(20.0)), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def temperature_and_shift(logits: Floats, truth: Ints, weights: Floats | None = None) -> tuple[float, float]:
    """Both numbers of `scores` with the least log loss."""
    from scipy.optimize import minimize

    def loss(point: NDArray[np.float64]) -> float:
        heat, shift = np.exp(np.clip(point[0], -4, 3)), np.clip(point[1], -5, 5)
        return log_loss(scores(logits, heat, shift), truth, weights)

    found = minimize(loss, (np.log(0.2), 0.0), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7})
    return float(np.exp(np.clip(found.x[0], -4, 3))), float(np.clip(found.x[1], -5, 5))


def calibration_error(probabilities: Floats, truth: Ints, bins: int = BINS) -> float:
    """Expected calibration error of the top label: mean |confidence − share right| over bins, weighted by rows."""
    return binned_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth, bins)


def binned_error(confidence: Floats, right: NDArray[np.bool_], bins: int = BINS) -> float:
    """The same from the confidence (n,) of each answer and whether it is right (n,)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    gap = np.bincount(place, confidence, bins) - np.bincount(place, right.astype(float), bins)
    return float(np.abs(gap).sum() / max(1, counts.sum()))


def lower_bound(right: Ints | int, n: Ints | int, confidence: float) -> NDArray[np.float64]:
    """One-sided Clopper–Pearson lower bound of a share with `right` of `n` (0 where n is 0)."""
    from scipy.stats import beta

    right, n = np.asarray(right), np.asarray(n)
    bound = beta.ppf(1 - confidence, np.maximum(right, 1), n - right + 1)
    return np.asarray(np.where(right > 0, bound, 0.0))


def upper_bound(right: Ints | int, n: Ints | int, confidence: float) -> NDArray[np.float64]:
    """One-sided Clopper–Pearson upper bound."""
    return 1 - lower_bound(np.asarray(n) - np.asarray(right), n, confidence)


def threshold(confidence: Floats, right: NDArray[np.bool_], *, wanted: float = WANTED, sure: float = 0.9) -> float:
    """The lowest confidence from which on at least `wanted` are right by the lower bound at level `sure`.

    `NEVER` where no cut keeps the promise. Rows of equal confidence stay together.
    """
    if not len(confidence):
        return NEVER
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    kept = np.arange(1, len(order) + 1)
    kept_right = np.cumsum(right[order], dtype=np.int64)
    last_of_equal = np.append(sorted_confidence[1:] != sorted_confidence[:-1], True)
    fine = (lower_bound(kept_right, kept, sure) >= wanted) & last_of_equal
    return float(sorted_confidence[np.flatnonzero(fine)[-1]]) if fine.any() else NEVER


@dataclass(frozen=True)
class Coverage:
    """What abstention costs: `coverage` is the share answered, `accuracy` the share right among those (nan if none)."""

    coverage: float
    accuracy: float
    n: int


def thresholds(probabilities: Floats, truth: Ints, *, wanted: float = WANTED, sure: float = 0.9) -> NDArray[np.float64]:
    """(k,) threshold of each class: that of the head, raised for a class that is much worse than the head promises.

    The head keeps `wanted` over all its answers, each class `wanted` − `CLASS_SLACK`. A class is held back only on evidence: with
    at least `MIN_ROWS_OF_CLASS` answers above the threshold and an upper bound of its share right below that it gets the
    threshold of its own rows (or never answers).
    """
    least = wanted - CLASS_SLACK
    answer, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = answer == truth
    general = threshold(confidence, right, wanted=wanted, sure=sure)
    result = np.full(probabilities.shape[1], general)
    for label in range(probabilities.shape[1]):
        mine = (answer == label) & (confidence >= general)
        if mine.sum() >= MIN_ROWS_OF_CLASS and upper_bound(int(right[mine].sum()), int(mine.sum()), sure) < least:
            own = answer == label
            result[label] = max(general, threshold(confidence[own], right[own], wanted=least, sure=0.5))
    return result


def coverage(probabilities: Floats, truth: Ints, limits: Floats) -> Coverage:
    """Share answered and share right under per-class thresholds (k,)."""
    answer = probabilities.argmax(axis=1)
    answered = probabilities.max(axis=1) >= limits[answer]
    right = float((answer == truth)[answered].mean()) if answered.any() else float("nan")
    return Coverage(float(answered.mean()) if len(answered) else 0.0, right, len(truth))


def cutpoints(expected: Floats, truth: Ints, levels: int) -> NDArray[np.float64]:
    """(levels − 1,) cuts of an expected level with which each level is given as often as it is true.

    Cuts that maximise kappa were worse on other rows (urgency 0.633 against 0.645) and called every fourth urgent text 特急.
    A level is never given below `LEAST_REACH` of the way up to it: where nobody can tell the top level from the one below,
    matching its share would only move texts at random.
    """
    least = np.arange(levels - 1, dtype=np.float64) + LEAST_REACH
    if not len(truth):
        return least
    shares = np.cumsum(np.bincount(truth, minlength=levels))[: levels - 1] / len(truth)
    return np.asarray(np.maximum(np.quantile(expected, shares), least))


def quadratic_kappa(answer: Ints, truth: Ints, levels: int) -> float:
    """Cohen's kappa with squared distance; 0 where either side is constant."""
    pairs = np.asarray(answer) * levels + np.asarray(truth)
    table = np.bincount(pairs, minlength=levels * levels).reshape(levels, levels).astype(np.float64)
    cost = (np.arange(levels)[:, None] - np.arange(levels)) ** 2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(1.0, table.sum())
    return float(1 - (cost * table).sum() / (cost * expected).sum()) if (cost * expected).sum() > 0 else 0.0
