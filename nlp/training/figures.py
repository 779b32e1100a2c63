"""Figures of a classifier on rows that it was not trained on, with bootstrap intervals, and the card that carries them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import binned_error, coverage, quadratic_kappa
from nlp.classifier import HEADS, content
from nlp.heads import Heads
from nlp.training.linear import READ, Answers
from nlp.training.machines import ORDINAL

DRAWS: Final = 400  # bootstrap samples; the ends of a 95 % interval move by some 0.002 between seeds
LEAST_ROWS: Final = 5  # a label with fewer held-out rows is listed but left out of the macro average
NOT_A_LABEL: Final = -np.inf


@dataclass(frozen=True)
class ClassFigure:
    label: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class HeadFigure:
    """One head on one set of held-out rows. `intervals[name]` is the 95 % bootstrap interval of accuracy, macro_f1, kappa, ece."""

    head: str
    rows: str
    n: int
    accuracy: float
    macro_f1: float
    ece: float
    intervals: dict[str, tuple[float, float]]
    classes: tuple[ClassFigure, ...]
    kappa: float | None = None
    top3: float | None = None
    coverage: float | None = None
    answered_right: float | None = None


def figures(model: Heads, held_out: Answers, heads: Collection[str] = tuple(HEADS)) -> list[HeadFigure]:
    """Every head on the rows of civic_by_reading; topic on topic_train; emotion by source; sentiment on reviews."""
    civic = held_out.of(READ)
    found = [
        _figure(model, head, "civic_by_reading", civic.probabilities(head, model.settings), civic.truth[head])
        for head in HEADS
        if head in heads and len(civic.truth[head])
    ]
    for name, head, sources in _further(held_out, heads):
        rows = held_out.of(sources)
        probabilities, truth = rows.probabilities(head, model.settings), rows.truth[head]
        if head == "sentiment":
            found.append(_polarity(name, probabilities, truth))
        else:
            found.append(_figure(model, head, name, _among(probabilities, truth), truth))
    return found


def _further(held_out: Answers, heads: Collection[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    sets = [("topic_train（七类）", "topic", ("topic_train",))] if "topic" in heads else []
    for head in ("sentiment", "emotion"):
        others = sorted(set(held_out.source[head].tolist()) - set(READ)) if head in heads else []
        sets += [(source, head, (source,)) for source in others]
    if "emotion" in heads:
        sets.append(("emotion_train 全部", "emotion", tuple(sorted(set(held_out.source["emotion"].tolist())))))
    return [entry for entry in sets if np.isin(held_out.source[entry[1]], entry[2]).any()]


def _among(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Only the labels that the source has, as its own measure is taken."""
    known = np.isin(np.arange(probabilities.shape[1]), truth)
    some = np.where(known, probabilities, 0.0)
    return np.asarray(some / np.maximum(some.sum(axis=1, keepdims=True), 1e-12))


def _figure(
    model: Heads, head: str, rows: str, probabilities: NDArray[np.float64], truth: NDArray[np.int64]
) -> HeadFigure:
    labels, setting = HEADS[head], model.settings[head]
    answer = model.levels(head, probabilities.astype(np.float32))
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    measures: dict[str, Callable[[NDArray[np.int64]], float]] = {
        "accuracy": lambda some: float((answer[some] == truth[some]).mean()),
        "macro_f1": lambda some: macro_f1(answer[some], truth[some], len(labels)),
        "ece": lambda some: binned_error(confidence[some], right[some]),
    }
    if head in ORDINAL:
        measures["kappa"] = lambda some: quadratic_kappa(answer[some], truth[some], len(labels))
    values, intervals = _measured(measures, len(truth))
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :3]
    answered = coverage(probabilities, truth, np.array(setting.thresholds)) if setting.thresholds else None
    return HeadFigure(
        head, rows, len(truth), values["accuracy"], values["macro_f1"], values["ece"], intervals,
        _classes(answer, truth, labels), values.get("kappa"),
        float((best == truth[:, None]).any(axis=1).mean()) if head in ("topic", "department") else None,
        answered.coverage if answered else None, answered.accuracy if answered else None,
    )  # fmt: skip


def _polarity(name: str, probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> HeadFigure:
    """Content or not, at one half of `nlp.classifier.content`."""
    positive = content(probabilities.astype(np.float32)).astype(np.float64)
    pair, known = np.stack([1 - positive, positive], axis=1), (truth == len(HEADS["sentiment"]) - 1).astype(np.int64)
    answer = pair.argmax(axis=1)
    values, intervals = _measured({
        "accuracy": lambda some: float((answer[some] == known[some]).mean()),
        "macro_f1": lambda some: macro_f1(answer[some], known[some], 2),
        "ece": lambda some: binned_error(pair[some].max(axis=1), answer[some] == known[some]),
    }, len(known))  # fmt: skip
    return HeadFigure("sentiment", name, len(known), values["accuracy"], values["macro_f1"], values["ece"], intervals,
                      _classes(answer, known, ("negative", "positive")))  # fmt: skip


def _measured(
    measures: dict[str, Callable[[NDArray[np.int64]], float]], n: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    random = np.random.default_rng(20260901)
    values = {name: round(measure(np.arange(n)), 4) for name, measure in measures.items()}
    drawn = [{name: measure(some) for name, measure in measures.items()}
             for some in (random.integers(0, n, n) for _ in range(DRAWS))]  # fmt: skip
    ends = {name: np.quantile([draw[name] for draw in drawn], (0.025, 0.975)) for name in measures}
    return values, {name: (round(float(low), 4), round(float(high), 4)) for name, (low, high) in ends.items()}


def macro_f1(answer: NDArray[np.int64], truth: NDArray[np.int64], size: int) -> float:
    """Mean F1 of the labels with at least `LEAST_ROWS` true rows; of all that occur where none has so many."""
    both = np.bincount(truth[answer == truth], minlength=size)
    true, given = np.bincount(truth, minlength=size), np.bincount(answer, minlength=size)
    f1 = 2 * both / np.maximum(true + given, 1)
    counted = true >= LEAST_ROWS if (true >= LEAST_ROWS).any() else true > 0
    return float(f1[counted].mean())


def _classes(answer: NDArray[np.int64], truth: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassFigure, ...]:
    found = []
    for place, label in enumerate(labels):
        n, given, both = (
            int((truth == place).sum()),
            int((answer == place).sum()),
            int(((truth == place) & (answer == place)).sum()),
        )
        if n:
            precision, recall = both / given if given else 0.0, both / n
            f1 = 2 * both / (n + given)
            found.append(ClassFigure(label, n, round(precision, 3), round(recall, 3), round(f1, 3)))
    return tuple(found)


def as_card(found: Sequence[HeadFigure]) -> list[dict[str, Any]]:
    """Figures as plain values for `card.json`."""
    return [asdict(figure) for figure in found]
