"""Who answers: a call-back reaches one in three, and those it reaches are not like those it does not.

The mean over answers is corrected in two ways by what is known of every order, answered or not (channel, topic, whether it was in
time …): each answer weighs by one over its chance to be given (Horvitz and Thompson 1952), and the doubly robust estimate
adds what a regression expects of those who are silent (Robins, Rotnitzky and Zhao 1994), which is right where either of the two is.
Both assume that of two orders that are alike in all that is known the silent one is no less content; `bounds` says what
follows if it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm

from models.errors import BadRequest

Floats = npt.NDArray[np.float64]
LEAST_CHANCE: Final = 0.02
"""No answer stands for more than fifty orders: a few would decide everything."""
PENALTY: Final = 1.0
"""Ridge on every coefficient but the constant: a category with three orders has no opinion of its own."""
UNLIKE_POINTS: Final = 10.0
"""How much less content than answered orders like them the silent ones might be, for the bound."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """Means on 0–100 of all orders, by `answered` of `n`.

    `value` is the doubly robust one, with its interval from the influence function; `naive` the plain mean of the answers, to be
    shown beside it; `weighted` by chances alone; `n_effective` how many answers of equal weight tell as much; `pessimistic` what the
    value would be if the silent were `UNLIKE_POINTS` less content than they look.
    """

    value: float
    low: float
    high: float
    naive: float
    weighted: float
    pessimistic: float
    n: int
    answered: int
    n_effective: float


def correct(
    scores: Floats, answered: npt.NDArray[np.bool_], facts: Sequence[Sequence[str]], *, mass: float = 0.95
) -> Corrected:
    """The mean score of all orders.

    Args:
        scores: (n,) on 0–100; those of orders without an answer are not looked at.
        answered: (n,).
        facts: categories known of every order, one sequence of n values each; may be empty.

    Raises:
        BadRequest: lengths differ, or nobody answered.
    """
    n = len(scores)
    for values in (answered, *facts):
        if len(values) != n:
            raise BadRequest(name="facts", value=f"{len(values)} 行", reason=f"应与评分同为 {n} 行")
    if not answered.any():
        raise BadRequest(name="answered", value="0 件", reason="没有一件有评价，无从估计")
    design = _design(facts, n)
    chance = np.clip(_chances(design, answered), LEAST_CHANCE, 1.0)
    given = np.where(answered, scores, 0.0)
    expected = np.clip(design @ _ridge(design[answered], scores[answered]), 0.0, 100.0)
    weight = answered / chance
    part = expected + weight * (given - expected)
    value, error = float(part.mean()), float(part.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    reach = float(norm.ppf((1 + mass) / 2)) * error
    silent = 1.0 - answered.mean()
    return Corrected(
        value=min(max(value, 0.0), 100.0), low=max(0.0, value - reach), high=min(100.0, value + reach),
        naive=float(scores[answered].mean()), weighted=float((weight * given).sum() / weight.sum()),
        pessimistic=max(0.0, value - UNLIKE_POINTS * float(silent)), n=n, answered=int(answered.sum()),
        n_effective=float(weight.sum() ** 2 / (weight**2).sum()),
    )  # fmt: skip


def _design(facts: Sequence[Sequence[str]], n: int) -> Floats:
    """(n, k) a constant, and a column for every category but the first of each fact."""
    columns = [np.ones(n)]
    for values in facts:
        names, place = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
        columns += [(place == number).astype(np.float64) for number in range(1, len(names))]
    return np.column_stack(columns)


def _chances(design: Floats, answered: npt.NDArray[np.bool_]) -> Floats:
    """(n,) the chance of an answer, by logistic regression."""
    truth = answered.astype(np.float64)
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 1e-6

    def loss(beta: Floats) -> tuple[float, Floats]:
        logits = design @ beta
        value = float(np.logaddexp(0.0, logits).sum() - truth @ logits + 0.5 * penalty @ beta**2)
        return value, design.T @ (expit(logits) - truth) + penalty * beta

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B")
    chances: Floats = expit(design @ found.x)
    return chances


def _ridge(design: Floats, scores: Floats) -> Floats:
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 1e-6
    return np.asarray(np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ scores), dtype=np.float64)
