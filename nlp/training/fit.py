"""Fit the blocks of a linear classifier: vocabulary and idf, the machines of each head, pruning and rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import HEADS
from nlp.heads import Head
from nlp.linear import Block, LinearClassifier
from nlp.ngrams import BITS, BODY, TITLE, Counts, counts, features_of, fields
from nlp.training.machines import fit_head
from nlp.training.rows import Corpus, Rows

Progress = Callable[[str], None]
Counted = Mapping[int, Counts]


@dataclass(frozen=True)
class Recipe:
    """How a block is fitted: `costs` is the SVM's C of each head, `scales` the weight of each field relative to the other."""

    costs: Mapping[str, float]
    scales: Mapping[int, float]
    least_texts: int  # an n-gram of fewer training texts is left out: 2 doubles the weights for nothing measurable
    kept: float  # share of each column's weights that is kept, the largest by weight × root of frequency
    mantissa: int  # bits of the float16 mantissa that are kept: the rest is noise that does not compress


# Chosen on fold 1 (DECISIONS.md).
RECIPES: Final = {
    "civic": Recipe(
        dict.fromkeys(("topic", "demand_type", "department", "urgency"), 1.0), {TITLE: 1.0, BODY: 2.0}, 3, 0.26, 3
    ),
    "subtopic": Recipe({"subtopic": 1.0}, {TITLE: 1.0, BODY: 2.0}, 3, 0.1, 3),
    "feeling": Recipe({"sentiment": 1.0, "emotion": 0.25}, {BODY: 1.0}, 3, 0.36, 3),
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
    for head, cost in recipe.costs.items():
        progress(head)
        fitted, offsets = fit_head(scaled, rows, train, head, cost)
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
