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
    value would be if the silent were `UNLIKE_POINTS` less content than they look; `deviation` the standard error of `value`.
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
    deviation: float


def correct(
    scores: Floats, answered: npt.NDArray[np.bool_], facts: Sequence[Sequence[str]], *,
    orders: npt.NDArray[np.int64] | None = None, mass: float = 0.95,
) -> Corrected:  # fmt: skip
    """The mean score of all orders.

    Args:
        scores: (n,) on 0–100; those of orders without an answer are not looked at.
        answered: (n,).
        facts: categories known of every order, one sequence of n values each; may be empty.
        orders: (n,) how many orders each of the n stands for; one each where it is not given.

    Raises:
        BadRequest: lengths differ, or nobody answered.
    """
    n = len(scores)
    for values in (answered, *facts):
        if len(values) != n:
            raise BadRequest(name="facts", value=f"{len(values)} 行", reason=f"应与评分同为 {n} 行")
    if not answered.any():
        raise BadRequest(name="answered", value="0 件", reason="没有一件有评价，无从估计")
    times = np.ones(n) if orders is None else orders.astype(np.float64)
    design, total = _design(facts, n), float(times.sum())
    chance = np.clip(_chances(design, answered, times), LEAST_CHANCE, 1.0)
    given = np.where(answered, scores, 0.0)
    expected = np.clip(design @ _ridge(design[answered], scores[answered], times[answered]), 0.0, 100.0)
    weight = answered / chance
    part = expected + weight * (given - expected)
    value = float(times @ part) / total
    error = float(np.sqrt(times @ (part - value) ** 2 / max(total - 1, 1) / total)) if total > 1 else float("inf")
    reach = float(norm.ppf((1 + mass) / 2)) * error
    told = float(times @ answered)
    silent = 1.0 - told / total
    return Corrected(
        value=_kept(value), low=_kept(value - reach), high=_kept(value + reach),
        naive=_kept(float(times @ given) / told), weighted=_kept(float(times @ (weight * given) / (times @ weight))),
        pessimistic=_kept(value - UNLIKE_POINTS * silent), n=int(total), answered=int(told),
        n_effective=float((times @ weight) ** 2 / (times @ weight**2)), deviation=error,
    )  # fmt: skip


def _kept(score: float) -> float:
    """Within 0–100, which rounding may leave by a billionth."""
    return min(max(score, 0.0), 100.0)


def _design(facts: Sequence[Sequence[str]], n: int) -> Floats:
    """(n, k) a constant, and a column for every category but the first of each fact."""
    columns = [np.ones(n)]
    for values in facts:
        names, place = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
        columns += [(place == number).astype(np.float64) for number in range(1, len(names))]
    return np.column_stack(columns)


def _chances(design: Floats, answered: npt.NDArray[np.bool_], times: Floats) -> Floats:
    """(n,) the chance of an answer, by logistic regression."""
    truth = answered.astype(np.float64)
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 1e-6

    def loss(beta: Floats) -> tuple[float, Floats]:
        logits = design @ beta
        value = float(times @ (np.logaddexp(0.0, logits) - truth * logits) + 0.5 * penalty @ beta**2)
        return value, design.T @ (times * (expit(logits) - truth)) + penalty * beta

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B")
    chances: Floats = expit(design @ found.x)
    return chances


def _ridge(design: Floats, scores: Floats, times: Floats) -> Floats:
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 1e-6
    weighted = design * times[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ design + np.diag(penalty), weighted.T @ scores), dtype=np.float64)
