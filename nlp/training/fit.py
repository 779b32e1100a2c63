"""Fit the blocks of a linear classifier: vocabulary and idf, one-against-rest support vector machines, pruning.

Support vectors in the primal weights beat multinomial logistic regression on every civic head at a tenth of the time; what
they lack, probabilities, the calibration gives (figures: DECISIONS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import HEADS
from nlp.linear import Block, Head, LinearClassifier
from nlp.ngrams import BITS, BODY, TITLE, Counts, counts, features_of, fields
from nlp.training.rows import Corpus, Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Progress = Callable[[str], None]
Counted = Mapping[int, Counts]

REVIEWS: Final = ("chnsenticorp_htl", "online_shopping_10_cats", "waimai_10k", "weibo2018")
UNSEEN: Final = -3.0  # intercept of a label without a row: below that of any label that has some


@dataclass(frozen=True)
class Recipe:
    """How a block is fitted. `scales` of its fields relative to each other; `cost` is the SVM's C."""

    heads: tuple[str, ...]
    scales: Mapping[int, float]
    cost: float
    least_texts: int
    kept: float  # share of each column's weights that is kept, the largest by weight × root of frequency
    mantissa: int  # bits of the float16 mantissa that are kept: the rest is noise that does not compress


RECIPES: Final = {
    "civic": Recipe(("topic", "demand_type", "department", "urgency"), {TITLE: 1.0, BODY: 1.4}, 1.5, 3, 0.5, 4),
    "subtopic": Recipe(("subtopic",), {TITLE: 1.0, BODY: 1.4}, 1.5, 3, 0.2, 3),
    "feeling": Recipe(("sentiment", "emotion"), {BODY: 1.0}, 0.5, 3, 0.7, 4),
}


def count_rows(rows: Rows) -> dict[int, Counts]:
    """The n-gram counts of every field of the rows; the expensive part, done once."""
    pairs = [fields(title, text) for title, text in zip(rows.titles, rows.texts, strict=True)]
    return {name: counts([pair[name] for pair in pairs], name) for name in (TITLE, BODY)}


def fit_block(rows: Rows, counted: Counted, train: NDArray[np.bool_], recipe: Recipe, progress: Progress) -> Block:
    """Fit the heads of `recipe` on the rows where `train` is true.

    Args:
        rows: n texts with labels; counted: their n-grams; train: (n,)
    """
    names = tuple(recipe.scales)
    buckets, idf = _vocabulary([counted[name] for name in names], train, recipe.least_texts)
    table = np.full(1 << BITS, -1, dtype=np.int32)
    table[buckets] = np.arange(len(buckets), dtype=np.int32)
    scale = _scales(counted, recipe.scales, table, len(buckets))
    features = features_of([counted[name] for name in names], table, idf, len(rows))
    strength = np.sqrt(np.asarray(features.multiply(features).mean(axis=0)).ravel())
    scaled = features.copy()
    scaled.data *= scale[scaled.indices]
    weights, intercepts, columns, start = [], [], {}, 0
    for head in recipe.heads:
        progress(head)
        fitted, offsets = _fit_head(scaled, rows, train, head, recipe.cost)
        weights.append(_pruned(fitted * scale[:, None], strength, recipe))
        intercepts.append(offsets)
        columns[head] = (start, start + len(offsets))
        start += len(offsets)
    return Block(names, buckets, idf.astype(np.float16).astype(np.float32), np.concatenate(weights, axis=1),
                 np.concatenate(intercepts).astype(np.float32), columns)  # fmt: skip


def fit(
    corpus: Corpus,
    counted: Mapping[str, Counted],
    train: Mapping[str, NDArray[np.bool_]],
    progress: Progress,
    blocks: Sequence[str] = tuple(RECIPES),
) -> LinearClassifier:
    """An uncalibrated classifier from the rows of `corpus.civic` and `corpus.feeling` where `train` is true."""
    fitted = {}
    for name in blocks:
        part = "feeling" if name == "feeling" else "civic"
        fitted[name] = fit_block(getattr(corpus, part), counted[part], train[part], RECIPES[name], progress)
    return LinearClassifier({head: Head(labels) for head, labels in HEADS.items()}, fitted)


def logits_of(model: LinearClassifier, block: str, counted: Counted, rows: Rows) -> dict[str, NDArray[np.float32]]:
    """For each head of the block the (n, k) logits of counted rows."""
    values = model.blocks[block].logits(counted, len(rows))
    return {head: values[:, start:stop] for head, (start, stop) in model.blocks[block].columns.items()}


def _vocabulary(
    counted: Sequence[Counts], train: NDArray[np.bool_], least: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    frequency = np.zeros(1 << BITS, dtype=np.int64)
    for part in counted:
        frequency += np.bincount(part.buckets[train[part.documents]], minlength=1 << BITS)
    buckets = np.flatnonzero(frequency >= least)
    idf = np.log((1 + train.sum()) / (1 + frequency[buckets])) + 1
    return buckets, idf.astype(np.float16).astype(np.float32)


def _scales(counted: Counted, scales: Mapping[int, float], table: NDArray[np.int32], size: int) -> NDArray[np.float32]:
    scale = np.ones(size, dtype=np.float32)
    for name, value in scales.items():
        rows = table[np.unique(counted[name].buckets)]
        scale[rows[rows >= 0]] = value
    return scale


def _fit_head(
    features: csr_matrix, rows: Rows, train: NDArray[np.bool_], head: str, cost: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(f, k) weights and (k,) intercepts, label by label against the rest of the rows that can teach it."""
    size = len(HEADS[head])
    weights = np.zeros((features.shape[1], size), dtype=np.float32)
    intercepts = np.full(size, UNSEEN, dtype=np.float32)
    usable = train & rows.has(head)
    problems: dict[bytes, tuple[NDArray[np.bool_], list[int]]] = {}
    for column in range(size):
        mine = _teachers(rows, usable, head, column)
        problems.setdefault(mine.tobytes(), (mine, []))[1].append(column)
    for mine, columns in problems.values():
        truth = rows.labels[head][mine]
        present = np.intersect1d(columns, truth)
        if len(np.unique(truth)) < 2:
            intercepts[present] = 0.0
        elif len(present):
            found = _separate(features[np.flatnonzero(mine)], truth, present, rows.weight[mine], cost)
            weights[:, present], intercepts[present] = found
    return weights, intercepts


def _teachers(rows: Rows, usable: NDArray[np.bool_], head: str, column: int) -> NDArray[np.bool_]:
    """(n,) rows that can teach a label: a subtopic's are those of its topic; a row whose source does not know the label is
    no example against it.
    """
    label, truth = HEADS[head][column], rows.labels[head]
    if head == "subtopic":
        siblings = [place for place, path in enumerate(HEADS[head]) if path.split("/")[0] == label.split("/")[0]]
        return usable & np.isin(truth, siblings)
    if head == "emotion":
        return usable & np.isin(rows.source, np.unique(rows.source[usable & (truth == column)]))
    if head == "sentiment" and label == "-2":  # a bad review may be an angry one
        return np.asarray(usable & (~np.isin(rows.source, REVIEWS) | (truth == HEADS[head].index("1"))))
    return usable


def _separate(
    features: csr_matrix,
    truth: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: NDArray[np.float64],
    cost: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(f, c) weights and (c,) intercepts of one support vector machine per column, squared hinge."""
    from sklearn.svm import LinearSVC

    # Labels that are not asked for stay examples against the others, as one class: 1 + the largest column.
    rest = np.where(np.isin(truth, columns), truth, max(columns) + 1)
    machine: Any = LinearSVC(C=cost, random_state=0, tol=1e-2, max_iter=2000)
    machine.fit(features, rest, sample_weight=weights)
    coefficients, offsets = machine.coef_, machine.intercept_
    if len(machine.classes_) == 2:
        coefficients, offsets = np.concatenate([-coefficients, coefficients]), np.concatenate([-offsets, offsets])
    chosen = np.searchsorted(machine.classes_, columns)
    return coefficients[chosen].T.astype(np.float32), offsets[chosen].astype(np.float32)


def _pruned(weights: NDArray[np.float32], strength: NDArray[np.float64], recipe: Recipe) -> NDArray[np.float32]:
    """Without the weights that move least, and with a short mantissa."""
    kept = max(1, int(recipe.kept * len(weights)))
    influence = np.abs(weights) * strength[:, None]
    limit = np.partition(influence, len(weights) - kept, axis=0)[len(weights) - kept] if len(weights) else 0.0
    weights = np.where(influence >= limit, weights, 0.0).astype(np.float16)
    if not (drop := 10 - recipe.mantissa):
        return weights.astype(np.float32)
    # To nearest; a carry moves into the exponent, as it should.
    bits = weights.view(np.uint16).astype(np.uint32) + (1 << (drop - 1))
    bits &= ~np.uint32((1 << drop) - 1)
    return bits.astype(np.uint16).view(np.float16).astype(np.float32)
