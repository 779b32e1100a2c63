"""One head from features and labels: support vector machines, one label against the rest, or one step of a scale each.

Squared hinge, primal weights. Rows are weighted so that every label of a head counts alike: of all that was tried this
gained most (topic +1.5 points, macro-F1 +4; figures: DECISIONS.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import HEADS
from nlp.training.rows import NO_DEMAND, OTHER_SHARE, REVIEWS, Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Fitted = tuple[NDArray[np.float32], NDArray[np.float32]]

UNSEEN: Final = -3.0  # intercept of a label without a row: below that of any label that has some
ORDINAL: Final = ("urgency", "sentiment")
# What a review says at each step of the sentiment: nothing on anger, little on matter-of-fact, all on pleased.
REVIEW_WEIGHTS: Final = (0.0, 0.05, 1.0)
PLEASED_WEIGHT: Final = 10.0  # 18 civic rows are pleased; without it thousands of reviews would drown them


def fit_head(features: csr_matrix, rows: Rows, train: NDArray[np.bool_], head: str, cost: float) -> Fitted:
    """(f, k) weights and (k,) intercepts from (n, f) features of the rows where `train` (n,) is true."""
    usable = train & rows.has(head)
    if head in ORDINAL:
        return _scale(features, rows, usable, head, cost)
    return _against_the_rest(features, rows, usable, head, cost)


def _against_the_rest(features: csr_matrix, rows: Rows, usable: NDArray[np.bool_], head: str, cost: float) -> Fitted:
    size = len(HEADS[head])
    weights = np.zeros((features.shape[1], size), dtype=np.float32)
    intercepts = np.full(size, UNSEEN, dtype=np.float32)
    problems: dict[bytes, tuple[NDArray[np.bool_], list[int]]] = {}
    for column in range(size):
        mine = teachers(rows, usable, head, column)
        problems.setdefault(mine.tobytes(), (mine, []))[1].append(column)
    for mine, columns in problems.values():
        truth = rows.labels[head][mine]
        present = np.intersect1d(columns, truth)
        if len(np.unique(truth)) < 2:
            intercepts[present] = 0.0
        elif len(present):
            balance = balanced(truth, rows.weight[mine])
            balance[rows.source[mine] == NO_DEMAND] *= OTHER_SHARE
            found = _separate(features[np.flatnonzero(mine)], truth, present, balance, cost)
            weights[:, present], intercepts[present] = found
    return weights, intercepts


def _scale(features: csr_matrix, rows: Rows, usable: NDArray[np.bool_], head: str, cost: float) -> Fitted:
    """Logits of the levels: each adds its own step (at least this level, or not?) to the logit of the level below.

    The softmax of such logits is the adjacent-categories model of ordered responses (Agresti, Categorical Data Analysis, 8.3.4).
    """
    size = len(HEADS[head])
    weights = np.zeros((features.shape[1], size), dtype=np.float32)
    intercepts = np.zeros(size, dtype=np.float32)
    for step in range(1, size):
        row_weights = _step_weights(rows, head, step)
        mine = np.flatnonzero(usable & (row_weights > 0))
        reached = (rows.labels[head][mine] >= step).astype(np.int64)
        weights[:, step], intercepts[step] = weights[:, step - 1], intercepts[step - 1]
        if reached.any() and not reached.all():
            found, offset = _separate(features[mine], reached, np.array([1]), row_weights[mine], cost)
            weights[:, step] += found[:, 0]
            intercepts[step] += offset[0]
        elif not reached.any():
            intercepts[step] += UNSEEN
    return weights, intercepts


def _step_weights(rows: Rows, head: str, step: int) -> NDArray[np.float64]:
    if head != "sentiment":
        return rows.weight
    reviews, top = np.isin(rows.source, REVIEWS), len(HEADS[head]) - 1
    weights = np.where(reviews, rows.weight * REVIEW_WEIGHTS[step - 1], rows.weight)
    return np.where(~reviews & (rows.labels[head] == top), weights * PLEASED_WEIGHT, weights)


def teachers(rows: Rows, usable: NDArray[np.bool_], head: str, column: int) -> NDArray[np.bool_]:
    """(n,) rows that can teach a label: a subtopic's are those of its topic; a row whose source does not know the label is
    no example against it.
    """
    truth = rows.labels[head]
    if head == "subtopic":
        topic = HEADS[head][column].split("/")[0]
        return usable & np.isin(truth, [place for place, path in enumerate(HEADS[head]) if path.split("/")[0] == topic])
    if head == "emotion":
        return usable & np.isin(rows.source, np.unique(rows.source[usable & (truth == column)]))
    return usable


def balanced(truth: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) weights with which every label that occurs has the same sum; the sum of all stays."""
    sums = np.bincount(truth, weights=weights)
    return np.asarray(weights * weights.sum() / (np.count_nonzero(sums) * sums[truth]))


def _separate(
    features: csr_matrix,
    truth: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: NDArray[np.float64],
    cost: float,
) -> Fitted:
    """(f, c) weights and (c,) intercepts of one machine per column."""
    from sklearn.svm import LinearSVC

    # Labels that are not asked for stay examples against the others, as one class: 1 + the largest column.
    rest = np.where(np.isin(truth, columns), truth, max(columns) + 1) if len(columns) > 1 else truth == columns[0]
    machine: Any = LinearSVC(C=cost, random_state=0, tol=1e-2, max_iter=2000)
    machine.fit(features, rest, sample_weight=weights)
    coefficients, offsets = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:
        coefficients, offsets = np.concatenate([-coefficients, coefficients]), np.concatenate([-offsets, offsets])
    chosen = np.searchsorted(machine.classes_, columns) if len(columns) > 1 else np.array([1])
    return coefficients[chosen].T.astype(np.float32), offsets[chosen].astype(np.float32)
