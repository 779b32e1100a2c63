"""Did it become better? A city's taught heads beside the model in use before, class by class, on rows that no part had seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nlp.calibrate import calibration_error, coverage, quadratic_kappa
from nlp.compare import Measure, Verdict, compare
from nlp.training.city import Taught
from nlp.training.city_rows import Chosen
from nlp.training.machines import ORDINAL

if TYPE_CHECKING:
    from nlp.classifier import Classifier, Probabilities


@dataclass(frozen=True)
class ClassResult:
    """F1 of one label over the `n` rows that have it. `f1.a` is the model before, whose label it must be for `before` to be true."""

    label: str
    n: int
    f1: Measure
    before: bool
    verdict: Verdict | None


@dataclass(frozen=True)
class HeadResult:
    """One taught head on `n` rows. `before`: the model before knows all the labels, so the measures compare like with like;
    else only what is after counts, and the verdict is None. `kept`: labels with too `few` rows are still the base's. `lost`: labels that only the model before has.
    """

    head: str
    n: int
    accuracy: Measure
    macro_f1: Measure
    before: bool
    verdict: Verdict | None
    kappa: tuple[float, float] | None
    ece: float
    coverage: float | None
    answered_right: float | None
    classes: tuple[ClassResult, ...]
    few: dict[str, int]
    kept: bool
    lost: tuple[str, ...]
    weight: float
    source: str


def results(
    taught: Taught, chosen: Sequence[Chosen], before: Classifier, given: Mapping[str, Probabilities]
) -> list[HeadResult]:
    """Every taught head; `given` is what `before` says of all the rows."""
    return [_result(taught, one, before, given) for one in chosen]


def _result(taught: Taught, chosen: Chosen, before: Classifier, given: Mapping[str, Probabilities]) -> HeadResult:
    head, model = chosen.head, taught.model
    mine, answers = taught.rows[head], taught.answers[head]
    truth = chosen.taught[chosen.truth[mine]]
    old, new = before.heads[head], model.settings[head].labels
    columns = taught.columns[head]
    said = [old[column] for column in before.levels(head, given[head][mine])]
    found = compare(head, [new[column] for column in truth], said, [new[column] for column in columns])
    known = {label: label in old for label in chosen.names}
    classes = tuple(
        ClassResult(each.label, each.n, each.f1, known[each.label], each.verdict if known[each.label] else None)
        for each in found.classes
    )
    like = all(known.values())
    limits = model.settings[head].thresholds
    kept = coverage(answers, truth, np.asarray(limits)) if limits else None
    own = model.own[head]
    return HeadResult(
        head, len(mine), found.accuracy, found.macro_f1, like, found.verdict if like else None,
        _kappas(chosen, before, given, mine, truth, columns), calibration_error(answers, truth),
        kept.coverage if kept else None, kept.accuracy if kept and kept.coverage else None, classes, chosen.few, chosen.known,
        tuple(label for label in old if label not in new), own.weight, own.source,
    )  # fmt: skip


def _kappas(chosen: Chosen, before: Classifier, given: Mapping[str, Probabilities], mine: np.ndarray[tuple[int], np.dtype[np.int64]],
            truth: np.ndarray[tuple[int], np.dtype[np.int64]], columns: np.ndarray[tuple[int], np.dtype[np.int64]],
            ) -> tuple[float, float] | None:  # fmt: skip
    if chosen.head not in ORDINAL:
        return None
    levels = len(chosen.labels)
    said = before.levels(chosen.head, given[chosen.head][mine])
    return quadratic_kappa(said, truth, levels), quadratic_kappa(columns, truth, levels)
