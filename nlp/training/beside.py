"""The same measures of several ways side by side on the same held-out rows, each with its difference and a paired interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nlp.calibrate import binned_error, quadratic_kappa
from nlp.compare import ClassComparison, Measure, compare
from nlp.training.figures import macro_f1, oracle, wanted_of
from nlp.training.held import Held
from nlp.training.machines import ORDINAL
from nlp.training.peers import Said, said


@dataclass(frozen=True)
class Beside:
    """One way on one set of rows. `against` ours: `difference` is ours minus this way, with its 95 % paired bootstrap interval; none
    where the way is ours. `agreement`: the share of rows where both say the same. `ece` only where a way gives probabilities.
    """

    head: str
    rows: str
    way: str
    n: int
    accuracy: float
    macro_f1: float
    kappa: float | None
    ece: float | None
    oracle: float
    agreement: float | None = None
    accuracy_against: Measure | None = None
    macro_f1_against: Measure | None = None
    classes: tuple[ClassComparison, ...] = ()


def beside(held: Held, ours: str, others: Sequence[tuple[str, Said | None]]) -> list[Beside]:
    """The classifier of `held`, called `ours`, and the other ways that answer this set at all."""
    own = said(held)
    found = [_measured(held, ours, own)]
    found += [_measured(held, name, other, own) for name, other in others if other is not None]
    return found


def _measured(held: Held, way: str, one: Said, ours: Said | None = None) -> Beside:
    truth, size = held.truth, len(held.labels)
    kappa = ece = None
    if held.head in ORDINAL and size > 2:
        kappa = round(quadratic_kappa(one.answer, truth, size), 4)
    if one.probabilities is not None:
        right = one.probabilities.argmax(axis=1) == truth
        ece = round(binned_error(one.probabilities.max(axis=1), right), 4)
    measures = Beside(
        held.head, held.rows, way, len(held), round(float((one.answer == truth).mean()), 4),
        round(macro_f1(one.answer, truth, size), 4), kappa, ece,
        round(oracle(one.confidence, one.answer == truth, wanted_of(held.head)), 4),
    )  # fmt: skip
    if ours is None:
        return measures
    labels = np.array(held.labels)
    found = compare(held.head, *(labels[columns].tolist() for columns in (truth, one.answer, ours.answer)))
    return replace(
        measures, agreement=round(float((one.answer == ours.answer).mean()), 4), accuracy_against=found.accuracy,
        macro_f1_against=found.macro_f1, classes=found.classes,
    )  # fmt: skip
