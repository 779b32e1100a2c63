"""Held-out rows set by set, with what a classifier says of them: what every figure and every comparison is computed on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import HEADS, content
from nlp.heads import Heads
from nlp.training.linear import FEELINGS, READ, Answers
from nlp.training.rows import LATER, Corpus, Rows

CIVIC: Final = "civic_by_reading"
SEVEN: Final = "topic_train（七类）"
MOODS: Final = "emotion_train 全部"
SIGN: Final = "civic_by_reading（不满与否）"
LENGTHS: Final = (60, 250, 390)  # characters: the two lengths of the speed bench, and what the encoder reads of a text
BY: Final = {"source": "来源", "time": "时间", "length": "长度"}  # how rows are grouped, and what that is called
CONTENT: Final = ("negative", "positive")
IS_CONTENT: Final = (0, 0, 0, 1)  # of the levels of the sentiment


@dataclass(frozen=True)
class Facts:
    """What else is known of the rows of an `Answers`, by head: `time` (n,) Unix seconds or nan, `length` (n,) characters of
    title and text.
    """

    time: dict[str, NDArray[np.float64]]
    length: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Held:
    """One head on one set of n held-out rows.

    `labels` (k names), `probabilities` (n, k), `answer` and `truth` (n,) columns of `labels`; `columns` (labels of the head,) the
    column of the set that each label of the head is; `limits` (k,) the confidence to answer, () where the head always does;
    `row` (n,) place in the part of the corpus that the head is learnt from; `groups[by]` (n,) the part that a row belongs to.
    """

    head: str
    rows: str
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    answer: NDArray[np.int64]
    truth: NDArray[np.int64]
    columns: NDArray[np.int64]
    limits: tuple[float, ...]
    source: NDArray[np.str_]
    row: NDArray[np.int64]
    groups: dict[str, NDArray[np.str_]]

    def __len__(self) -> int:
        return len(self.truth)


def part_of(corpus: Corpus, head: str) -> Rows:
    """The rows that a head is learnt from, which `Held.row` and `Answers.row` count."""
    return corpus.feeling if head in (*FEELINGS, "polarity") else corpus.civic


def facts_of(corpus: Corpus, held_out: Answers) -> Facts:
    time, length = {}, {}
    for head, row in held_out.row.items():
        rows = part_of(corpus, head)
        time[head] = rows.time[row]
        length[head] = np.array([len(rows.titles[place]) + len(rows.texts[place]) for place in row], dtype=np.int64)
    return Facts(time, length)


def held_sets(
    model: Heads, held_out: Answers, heads: Collection[str] = tuple(HEADS), facts: Facts | None = None
) -> list[Held]:
    """Every head on the rows of civic_by_reading; topic on topic_train; emotion by source; sentiment on reviews.

    Args:
        model: turns the logits of `held_out` into answers; facts: without them nothing is grouped by time and length.
    """
    found = [
        _held(model, held_out, head, CIVIC, READ, facts)
        for head in HEADS
        if head in heads and np.isin(held_out.source[head], READ).any() and (head != "emotion")
    ]
    for name, head, sources in _further(held_out, heads):
        found.append(
            _review(model, held_out, name, facts)
            if head == "sentiment"
            else _among(_held(model, held_out, head, name, sources, facts))
        )
    return found


def _review(model: Heads, held_out: Answers, source: str, facts: Facts | None) -> Held:
    """Content or not, as the head of that question says where the model has one; else by the levels of the sentiment."""
    if "polarity" not in held_out.logits:
        return two_sided(_held(model, held_out, "sentiment", source, (source,), facts), source, CONTENT, IS_CONTENT)
    some = held_out.of((source,))
    probabilities, truth, row = (
        some.probabilities("polarity", model.settings),
        some.truth["polarity"],
        some.row["polarity"],
    )
    groups = _groups("polarity", source, some.source["polarity"], held_out.source["polarity"] == source, facts)
    return Held("sentiment", source, CONTENT, probabilities, probabilities.argmax(axis=1), truth, np.array(IS_CONTENT), (),
                some.source["polarity"], row, groups)  # fmt: skip


def two_sided(held: Held, rows: str, labels: tuple[str, str], columns: tuple[int, ...]) -> Held:
    """The sentiment as a question with two answers. Content or not: at one half of `nlp.classifier.content`; else by the sum of the levels."""
    side = np.array(columns)
    if labels == CONTENT:
        positive = content(held.probabilities.astype(np.float32)).astype(np.float64)
        answer = (positive > 0.5).astype(np.int64)
    else:
        positive = held.probabilities @ side
        answer = side[held.answer]
    pair = np.stack([1 - positive, positive], axis=1)
    return Held(held.head, rows, labels, pair, answer, side[held.truth], side, (), held.source, held.row, held.groups)


def _further(held_out: Answers, heads: Collection[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    sets = [(SEVEN, "topic", ("topic_train",))] if "topic" in heads else []
    for head in FEELINGS:
        others = sorted(set(held_out.source[head].tolist()) - set(READ)) if head in heads else []
        sets += [(source, head, (source,)) for source in others]
    if "emotion" in heads:
        sets.append((MOODS, "emotion", tuple(sorted(set(held_out.source["emotion"].tolist())))))
    return [entry for entry in sets if np.isin(held_out.source[entry[1]], entry[2]).any()]


def _held(model: Heads, held_out: Answers, head: str, name: str, sources: Collection[str], facts: Facts | None) -> Held:
    where = np.isin(held_out.source[head], tuple(sources))
    some = held_out.of(sources)
    probabilities = some.probabilities(head, model.settings)
    labels = HEADS[head]
    return Held(
        head, name, labels, probabilities, model.levels(head, probabilities.astype(np.float32)), some.truth[head],
        np.arange(len(labels)), model.settings[head].thresholds, some.source[head], some.row[head],
        _groups(head, name, some.source[head], where, facts),
    )  # fmt: skip


def _among(held: Held) -> Held:
    """Only the labels that the source has, as its own measure is taken."""
    known = np.isin(np.arange(len(held.labels)), held.truth)
    some = np.where(known, held.probabilities, 0.0)
    shares = np.asarray(some / np.maximum(some.sum(axis=1, keepdims=True), 1e-300))
    values: dict[str, Any] = vars(held) | {"probabilities": shares, "answer": shares.argmax(axis=1)}
    return Held(**values)


def _groups(
    head: str, name: str, source: NDArray[np.str_], where: NDArray[np.bool_], facts: Facts | None
) -> dict[str, NDArray[np.str_]]:
    """How the rows can be told apart; a grouping with one part only tells nothing and is left out."""
    found: dict[str, NDArray[np.str_]] = (
        {"source": source} if name != MOODS else {}
    )  # its sources are sets of their own
    if facts is not None:
        found["time"] = time_groups(facts.time[head][where])
        found["length"] = length_groups(facts.length[head][where])
    return {by: part for by, part in found.items() if len(np.unique(part)) > 1}


def time_groups(time: NDArray[np.float64]) -> NDArray[np.str_]:
    """(n,) names: before, from `LATER` on, undated."""
    day = datetime.fromtimestamp(LATER, UTC).date().isoformat()
    return np.where(np.isnan(time), "没有日期", np.where(time >= LATER, f"{day} 起", f"{day} 前"))


def length_groups(length: NDArray[np.int64]) -> NDArray[np.str_]:
    """(n,) names by `LENGTHS`."""
    between = [f"{low + 1}–{high} 字" for low, high in pairwise(LENGTHS)]
    names = [f"≤ {LENGTHS[0]} 字", *between, f"> {LENGTHS[-1]} 字"]
    return np.array(names)[np.searchsorted(LENGTHS, length)]


def order_of(by: str, parts: Mapping[str, Any] | Collection[str]) -> list[str]:
    """Parts of a grouping from short to long; by name otherwise."""
    if by != "length":
        return sorted(parts)
    names = [str(name) for name in length_groups(np.array([*LENGTHS, LENGTHS[-1] + 1]))]
    return [name for name in names if name in parts]
