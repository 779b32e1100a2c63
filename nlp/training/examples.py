"""Labelled rows as the encoder reads them: numbers of tokens, label columns, and batches of few fixed shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import CONTENT_OF_LEVEL, HEADS
from nlp.tokenizer import LENGTH, PAD, Tokenizer
from nlp.training.further import FURTHER
from nlp.training.rows import LEARNT, NO_DEMAND, NO_LABEL, OTHER_SHARE, REVIEWS, Corpus

WIDTHS: Final = (32, 64, 96, LENGTH)  # few shapes: each is compiled once
BATCH_TOKENS: Final = 4_096
RARE: Final = 0.3  # a label's rows weigh by its frequency ** −RARE: between all rows alike (0) and all labels alike (1)
CAPPED: Final = 5.0  # the most that a rare label's row weighs
# Rows of each kind that an epoch reads: of the many reviews a part, so that they do not drown the civic rows.
UNLABELLED: Final = "unlabelled"  # source of texts that a teacher alone speaks for
EPOCH_SHARE: Final = {"review": 0.6, "mood": 1.0}
CIVIC_POLARITY: Final = 0.5  # what a civic row counts for in the polarity beside a review


@dataclass(frozen=True)
class Examples:
    """n texts. `ids[i]` the numbers of a text, `titles` (n,) how many of them are the title; `labels[head]` (n,) or `NO_LABEL`;
    `weights[head]` (n,); `allowed` (sources, 8) emotions that a source has at all, `source` (n,) its row; `kind` (n,); `span`
    (n, 2) first and last number of the place, 0 0 where none is named, −1 −1 where it is not known or was cut off; `taught`
    what a teacher says of rows without labels, if one was asked.
    """

    ids: list[NDArray[np.uint16]]
    titles: NDArray[np.int64]
    labels: dict[str, NDArray[np.int64]]
    weights: dict[str, NDArray[np.float32]]
    allowed: NDArray[np.bool_]
    source: NDArray[np.int64]
    kind: NDArray[np.str_]
    fold: NDArray[np.int64]
    time: NDArray[np.float64]
    span: NDArray[np.int64]
    taught: Taught | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def polarity(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How content the speakers of `rows` (m,) are, 0 … 1, and what each counts for, 0 where nobody knows."""
        levels = self.labels["sentiment"][rows]
        weights = np.where(self.kind[rows] == "review", 1.0, CIVIC_POLARITY) * (levels != NO_LABEL)
        return np.asarray(CONTENT_OF_LEVEL, dtype=np.float32)[np.maximum(levels, 0)], weights.astype(np.float32)


@dataclass(frozen=True)
class Taught:
    """`row` (n,) place of an example among the m taught ones, −1 for others; `shares[head]` (m, k) probabilities."""

    row: NDArray[np.int64]
    shares: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Batch:
    """`ids`, `types` (rows, width); `rows` (rows,) place in the examples, −1 for filling."""

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    rows: NDArray[np.int64]


def examples(corpus: Corpus, tokenizer: Tokenizer) -> Examples:
    """Every labelled text once: the civic rows with all their labels, then the microblogs and reviews."""
    civic, feeling = corpus.civic, corpus.feeling
    further = feeling.take(~feeling.has("topic"))
    parts = (civic, further)
    pairs = [tokenizer.pair(title, text) for rows in parts for title, text in zip(rows.titles, rows.texts, strict=True)]
    source = np.concatenate([rows.source for rows in parts])
    labels = {head: np.concatenate([rows.labels[head] for rows in parts]) for head in LEARNT}
    weight = np.concatenate([rows.weight for rows in parts])
    names, place = np.unique(source, return_inverse=True)
    return Examples(
        [np.array(ids, dtype=np.uint16) for ids, _ in pairs], np.array([size for _, size in pairs]), labels,
        {head: _weights(labels[head], source, weight, head) for head in LEARNT},
        _allowed(labels["emotion"], place, len(names)), place, _kinds(source),
        np.concatenate([rows.fold for rows in parts]), np.concatenate([rows.time for rows in parts]),
        np.array([span_of(tokenizer, *row) for rows in parts for row in zip(rows.titles, rows.texts, rows.places, strict=True)]),
    )  # fmt: skip


def span_of(tokenizer: Tokenizer, title: str, text: str, place: str | None) -> tuple[int, int]:
    """First and last number of `Tokenizer.pair` that touch the place: in the title if it stands there, else in the text."""
    if not place:
        return (0, 0) if place == "" else (-1, -1)
    field = 0 if place in title else 1
    start = (title, text)[field].find(place)
    if start < 0:
        return -1, -1
    inside = [number for number, (where, begins, ends) in enumerate(tokenizer.offsets(title, text))
              if where == field and begins < start + len(place) and ends > start]  # fmt: skip
    return (inside[0], inside[-1]) if inside else (-1, -1)


def batches(found: Examples, where: NDArray[np.int64], random: np.random.Generator | None = None) -> list[Batch]:
    """The rows `where` in batches of about `BATCH_TOKENS`, texts of like length together; shuffled if `random` is given."""
    lengths = np.array([len(found.ids[row]) for row in where])
    widths = np.array(WIDTHS)[np.searchsorted(WIDTHS, lengths)]
    made = []
    for width in WIDTHS:
        mine = where[widths == width]
        if random is not None:
            mine = random.permutation(mine)
        size = BATCH_TOKENS // width
        made += [_batch(found, mine[start : start + size], width, size) for start in range(0, len(mine), size)]
    if random is not None:
        made = [made[place] for place in random.permutation(len(made))]
    return made


def epoch(found: Examples, train: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.int64]:
    """The rows of one epoch: all civic ones, and a part of the others, drawn anew."""
    shares = np.ones(len(found))
    for kind, share in EPOCH_SHARE.items():
        shares[found.kind == kind] = share
    return np.flatnonzero(train & (random.random(len(found)) < shares))


def _batch(found: Examples, rows: NDArray[np.int64], width: int, size: int) -> Batch:
    ids = np.full((size, width), PAD, dtype=np.int64)
    types = np.zeros((size, width), dtype=np.int64)
    for place, row in enumerate(rows):
        own = found.ids[row]
        ids[place, : len(own)] = own
        types[place, found.titles[row] : len(own)] = 1
    return Batch(ids, types, np.pad(rows, (0, size - len(rows)), constant_values=-1))


def _weights(
    labels: NDArray[np.int64], source: NDArray[np.str_], weight: NDArray[Any], head: str
) -> NDArray[np.float32]:
    known = labels != NO_LABEL
    counts = np.bincount(labels[known], minlength=len(LEARNT[head])).astype(np.float64)
    rarity = np.minimum((counts.max() / np.maximum(counts, 1)) ** RARE, CAPPED)
    found = np.where(known, weight * rarity[labels], 0.0)
    found[source == NO_DEMAND] *= OTHER_SHARE * 4  # softmax needs more of them than the machines do; 其他 stays rare
    return np.asarray(found, dtype=np.float32)


def _allowed(labels: NDArray[np.int64], source: NDArray[np.int64], sources: int) -> NDArray[np.bool_]:
    table = np.zeros((sources, len(HEADS["emotion"])), dtype=bool)
    known = labels != NO_LABEL
    table[source[known], labels[known]] = True
    return table


def _kinds(source: NDArray[np.str_]) -> NDArray[np.str_]:
    civic = ("board", "replies", "rivers", "topic", FURTHER, UNLABELLED, "title", "topic_train", NO_DEMAND)
    return np.where(np.isin(source, REVIEWS), "review", np.where(np.isin(source, civic), "civic", "mood"))
