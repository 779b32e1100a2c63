"""Labels that look wrong, by confident learning (Northcutt, Jiang, Chuang 2021, JAIR 70): reported, never removed.

Every row gets the probabilities of a linear classifier that did not see its fold. A label is confident where its probability
is at least its mean over the rows that carry it; a row whose most probable confident label is another one than its own is
suspected. Counting these gives the share of wrong labels of each class.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import scores, softmax, temperature_and_shift
from nlp.classifier import HEADS
from nlp.training.fit import RECIPES, Progress, count_rows, fit_block
from nlp.training.rows import FOLDS, NO_LABEL, Rows

NOISE_HEADS: Final = ("topic", "demand_type", "department")


@dataclass(frozen=True)
class Suspect:
    """A row whose label looks wrong; `given` and `suggested` with their probabilities."""

    id: str
    source: str
    head: str
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float


@dataclass(frozen=True)
class Noise:
    """One head: `rows` labelled by class, and how many of them are suspected, by (given, suggested)."""

    head: str
    rows: dict[str, int]
    pairs: dict[tuple[str, str], int]
    suspects: list[Suspect]

    @property
    def share(self) -> float:
        """Of all rows, those that are suspected."""
        return len(self.suspects) / max(1, sum(self.rows.values()))


def noise(rows: Rows, heads: Collection[str], progress: Progress) -> list[Noise]:
    """What looks wrong among the rows that have an id; the others are learnt from."""
    progress("统计字串")
    counted = count_rows(rows)
    recipe = replace(RECIPES["civic"], costs={head: RECIPES["civic"].costs[head] for head in heads})
    logits = {head: np.zeros((len(rows), len(HEADS[head])), dtype=np.float64) for head in heads}
    for fold in range(FOLDS):
        block = fit_block(rows, counted, rows.fold != fold, recipe, partial(_say, progress, fold))
        mine = rows.fold == fold
        values = block.logits(counted, len(rows))
        for head, (start, stop) in block.columns.items():
            logits[head][mine] = values[mine, start:stop]
    named = np.array([bool(name) for name in rows.ids])
    return [_of_head(rows, head, logits[head], named & (rows.labels[head] != NO_LABEL)) for head in heads]


def _say(progress: Progress, fold: int, head: str) -> None:
    progress(f"第 {fold + 1} 折 {head}")


def _of_head(rows: Rows, head: str, logits: NDArray[np.float64], which: NDArray[np.bool_]) -> Noise:
    where, labels = np.flatnonzero(which), HEADS[head]
    given = rows.labels[head][where]
    probabilities = softmax(scores(logits[where], *temperature_and_shift(logits[where], given)))
    suggested = suggestions(probabilities, given)
    found = [
        Suspect(rows.ids[row], str(rows.source[row]), head, labels[mine], labels[other], float(share[mine]), float(share[other]))
        for row, mine, other, share in zip(where, given, suggested, probabilities, strict=True) if other != mine
    ]  # fmt: skip
    found.sort(key=lambda one: (one.given_probability - one.suggested_probability, one.id))
    pairs: dict[tuple[str, str], int] = {}
    for one in found:
        pairs[one.given, one.suggested] = pairs.get((one.given, one.suggested), 0) + 1
    counts = np.bincount(given, minlength=len(labels))
    return Noise(
        head,
        {label: int(n) for label, n in zip(labels, counts, strict=True) if n},
        dict(sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))),
        found,
    )


def suggestions(probabilities: NDArray[np.float64], given: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the most probable confident label of each row; its own where no label is confident.

    Args:
        probabilities: (n, k) of models that had not seen the row; given: (n,) its label.
    """
    size = probabilities.shape[1]
    own = probabilities[np.arange(len(given)), given]
    counts = np.bincount(given, minlength=size)
    limits = np.where(counts > 0, np.bincount(given, own, size) / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= limits, probabilities, -1.0)
    best = confident.argmax(axis=1)
    return np.asarray(np.where(confident.max(axis=1) >= 0, best, given))
