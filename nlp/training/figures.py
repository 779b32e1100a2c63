"""Figures of a classifier on rows that it was not trained on, with bootstrap intervals, and the card that carries them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import WANTED, binned_error, coverage, quadratic_kappa
from nlp.classifier import HEADS
from nlp.heads import Heads
from nlp.training.held import Facts, Held, held_sets, order_of
from nlp.training.linear import ABSTAINING, Answers
from nlp.training.machines import ORDINAL

DRAWS: Final = 400  # bootstrap samples; the ends of a 95 % interval move by some 0.002 between seeds
SEED: Final = 20260901
LEAST_ROWS: Final = 5  # a label with fewer held-out rows is listed but left out of the macro average
CONFUSIONS: Final = 10  # pairs that are named of a head
RANKED: Final = ("topic", "department")  # heads of which a person is shown three candidates

Interval = tuple[float, float]
Measure = Callable[[NDArray[np.int64]], float]


@dataclass(frozen=True)
class ClassFigure:
    """`intervals[name]`: of precision, recall, f1."""

    label: str
    n: int
    precision: float
    recall: float
    f1: float
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class Confusion:
    """`n` rows of the label `true` were called `said`."""

    true: str
    said: str
    n: int


@dataclass(frozen=True)
class PartFigure:
    """Some of the rows of a figure: `by` source, time or length of the text. `intervals` as those of the whole."""

    by: str
    part: str
    n: int
    accuracy: float
    macro_f1: float
    ece: float
    coverage: float | None
    answered_right: float | None
    intervals: dict[str, Interval]


@dataclass(frozen=True)
class HeadFigure:
    """One head on one set of held-out rows. `intervals[name]` is the 95 % bootstrap interval of a measure.

    `coverage` is the share that the thresholds answer, `answered_right` the share right of those. `oracle` is the largest
    coverage at which a single threshold, chosen with the truth of these very rows in sight, is right in `wanted` of its
    answers: no promise, but what the order of the confidences would allow.
    """

    head: str
    rows: str
    n: int
    accuracy: float
    macro_f1: float
    ece: float
    intervals: dict[str, Interval]
    classes: tuple[ClassFigure, ...]
    kappa: float | None = None
    top3: float | None = None
    coverage: float | None = None
    answered_right: float | None = None
    oracle: float | None = None
    wanted: float = WANTED
    confusions: tuple[Confusion, ...] = ()
    parts: tuple[PartFigure, ...] = ()


def figures(
    model: Heads, held_out: Answers, heads: Collection[str] = tuple(HEADS), facts: Facts | None = None
) -> list[HeadFigure]:
    """Figures of the sets of `nlp.training.held.held_sets`; by time and length of the text only if `facts` are given."""
    return [figure_of(held) for held in held_sets(model, held_out, heads, facts)]


def figure_of(held: Held) -> HeadFigure:
    """All measures of a head on one set of rows, its classes, confusions and parts."""
    values, intervals = measured(_measures(held), len(held))
    return HeadFigure(
        held.head, held.rows, len(held), values["accuracy"], values["macro_f1"], values["ece"], intervals,
        _classes(held.answer, held.truth, held.labels), values.get("kappa"), values.get("top3"),
        values.get("coverage"), _known(values.get("answered_right")), values["oracle"], wanted_of(held.head),
        confusions(held), _parts(held),
    )  # fmt: skip


def _measures(held: Held) -> dict[str, Measure]:
    answer, truth, size = held.answer, held.truth, len(held.labels)
    confidence, right = held.probabilities.max(axis=1), held.probabilities.argmax(axis=1) == truth
    wanted = wanted_of(held.head)
    measures: dict[str, Measure] = {
        "accuracy": lambda some: float((answer[some] == truth[some]).mean()),
        "macro_f1": lambda some: macro_f1(answer[some], truth[some], size),
        "ece": lambda some: binned_error(confidence[some], right[some]),
        "oracle": lambda some: oracle(confidence[some], (answer == truth)[some], wanted),
    }
    if held.head in ORDINAL and size > 2:
        measures["kappa"] = lambda some: quadratic_kappa(answer[some], truth[some], size)
    if held.head in RANKED:
        best = np.argsort(-held.probabilities, axis=1, kind="stable")[:, :3]
        among = (best == truth[:, None]).any(axis=1)
        measures["top3"] = lambda some: float(among[some].mean())
    if held.limits:
        limits = np.array(held.limits)
        measures["coverage"] = lambda some: coverage(held.probabilities[some], truth[some], limits).coverage
        measures["answered_right"] = lambda some: coverage(held.probabilities[some], truth[some], limits).accuracy
    return measures


def _parts(held: Held) -> tuple[PartFigure, ...]:
    found, measures = [], _measures(held)
    for by, names in held.groups.items():
        for part in order_of(by, np.unique(names).tolist()):
            values, intervals = measured(measures, len(held), np.flatnonzero(names == part))
            found.append(PartFigure(
                by, part, int((names == part).sum()), values["accuracy"], values["macro_f1"], values["ece"],
                values.get("coverage"), _known(values.get("answered_right")), intervals,
            ))  # fmt: skip
    return tuple(found)


def confusions(held: Held) -> tuple[Confusion, ...]:
    """The `CONFUSIONS` most frequent pairs of a true label and another one that was given."""
    size = len(held.labels)
    wrong = held.answer != held.truth
    counts = np.bincount(held.truth[wrong] * size + held.answer[wrong], minlength=size * size)
    order = np.argsort(-counts, kind="stable")[:CONFUSIONS]
    return tuple(
        Confusion(held.labels[pair // size], held.labels[pair % size], int(counts[pair])) for pair in order.tolist() if counts[pair]
    )  # fmt: skip


def oracle(confidence: NDArray[np.float64], right: NDArray[np.bool_], wanted: float) -> float:
    """The largest share of the rows, the most confident first, of which at least `wanted` are right; equal ones stay together."""
    order = np.argsort(-confidence, kind="stable")
    ranked, kept = confidence[order], np.arange(1, len(order) + 1)
    last_of_equal = np.append(ranked[1:] != ranked[:-1], True)
    fine = np.flatnonzero((np.cumsum(right[order]) >= wanted * kept) & last_of_equal)
    return float((fine[-1] + 1) / len(order)) if len(fine) else 0.0


def _known(value: float | None) -> float | None:
    """Not nan, which JSON does not have: the share right of no answers."""
    return None if value is None or np.isnan(value) else value


def wanted_of(head: str) -> float:
    return ABSTAINING.get(head, WANTED)


def measured(
    measures: dict[str, Measure], n: int, rows: NDArray[np.int64] | None = None
) -> tuple[dict[str, float], dict[str, Interval]]:
    """Each measure on n rows, or on `rows` of them, and its 95 % interval; one that draws leave undefined has none."""
    rows = np.arange(n) if rows is None else rows
    values = {name: round(measure(rows), 4) for name, measure in measures.items()}
    drawn = [{name: measure(some) for name, measure in measures.items()} for some in _draws(rows)]
    ends = {name: _ends(np.array([draw[name] for draw in drawn])) for name in measures}
    return values, {name: pair for name, pair in ends.items() if pair}


def _draws(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    random = np.random.default_rng(SEED)
    return [rows[random.integers(0, len(rows), len(rows))] for _ in range(DRAWS)]


def _ends(values: NDArray[np.float64], digits: int = 4) -> Interval | None:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return round(float(low), digits), round(float(high), digits)


def macro_f1(answer: NDArray[np.int64], truth: NDArray[np.int64], size: int) -> float:
    """Mean F1 of the labels with at least `LEAST_ROWS` true rows; of all that occur where none has so many."""
    both = np.bincount(truth[answer == truth], minlength=size)
    true, given = np.bincount(truth, minlength=size), np.bincount(answer, minlength=size)
    f1 = 2 * both / np.maximum(true + given, 1)
    counted = true >= LEAST_ROWS if (true >= LEAST_ROWS).any() else true > 0
    return float(f1[counted].mean())


def _classes(answer: NDArray[np.int64], truth: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassFigure, ...]:
    drawn = np.stack([_shares(answer[some], truth[some], len(labels)) for some in _draws(np.arange(len(truth)))])
    whole, times = _shares(answer, truth, len(labels)), np.bincount(truth, minlength=len(labels))
    names = ("precision", "recall", "f1")
    found = []
    for column in np.flatnonzero(times).tolist():
        ends = {name: _ends(drawn[:, which, column], 3) for which, name in enumerate(names)}
        precision, recall, f1 = (round(float(value), 3) for value in np.nan_to_num(whole[:, column]))
        found.append(ClassFigure(labels[column], int(times[column]), precision, recall, f1,
                                 {name: pair for name, pair in ends.items() if pair}))  # fmt: skip
    return tuple(found)


def _shares(answer: NDArray[np.int64], truth: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """(3, size) precision, recall and F1; nan where there is nothing to divide by."""
    both = np.bincount(truth[answer == truth], minlength=size).astype(np.float64)
    true, given = np.bincount(truth, minlength=size), np.bincount(answer, minlength=size)
    parts = np.stack([both, both, 2 * both])
    wholes = np.stack([given, true, true + given])
    return np.asarray(np.where(wholes > 0, parts / np.maximum(wholes, 1), np.nan))


def as_card(found: Sequence[HeadFigure]) -> list[dict[str, Any]]:
    """Figures as plain values for `card.json`."""
    return [asdict(figure) for figure in found]
