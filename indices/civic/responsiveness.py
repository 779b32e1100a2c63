"""How soon people are answered: the share answered in time, and the median wait, in working days, with intervals.

The share counts orders whose time was up when the data end: of the others nobody can say yet. The median is that of Kaplan and Meier
(1958), in which an order without an answer counts as having waited until then.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np

from indices.civic.intervals import wilson
from indices.civic.workdays import workdays_between
from models.clock import city_day
from models.errors import BadRequest
from models.record import Record

By = Literal["year", "month", "district", "department", "topic"]
LIMIT_DAYS: Final = 15
"""Working days in which an order is to be answered where the source states no day (domain.md leaves it to the city)."""
LEAST: Final = 30
UNKNOWN: Final = "未注明"


@dataclass(frozen=True, slots=True)
class Responsiveness:
    """One year, month or unit.

    Attributes:
        orders: all of them; `answered` by the end of the data; `due` those whose time was up.
        share, low, high: per cent of `due` answered in time, with Wilson's 95 % interval; None below `LEAST`: 样本不足.
        median, median_low, median_high: working days until an answer; None where fewer than half were answered, or the
            interval has no end.
    """

    key: str
    orders: int
    answered: int
    due: int
    share: float | None
    low: float | None
    high: float | None
    median: float | None
    median_low: float | None
    median_high: float | None


def responsiveness(records: Iterable[Record], by: By, end: date, *, limit: int = LIMIT_DAYS) -> list[Responsiveness]:
    """Every year, month or unit, and all together at the end.

    Args:
        records: orders; an answer or an end that the source dates before the order is taken for the same day.
        end: last day of the data.
        limit: working days.

    Raises:
        BadRequest: `limit` is not positive.
    """
    if limit < 1:
        raise BadRequest(name="limit", value=limit, reason="至少 1 个工作日")
    waits: dict[str, list[tuple[int, bool, bool]]] = {}
    everything: list[tuple[int, bool, bool]] = []
    for record in records:
        begin = city_day(record.created_at)
        settled = record.settled_at
        answered = settled is not None and city_day(settled) <= end
        until = city_day(settled) if answered and settled else end
        one = (max(0, workdays_between(begin, until)), answered, workdays_between(begin, end) >= limit)
        waits.setdefault(_key(record, by, begin), []).append(one)
        everything.append(one)
    rows = [_row(key, found, limit) for key, found in waits.items()]
    order = sorted(rows, key=lambda row: row.key if by in ("year", "month") else (-row.orders, row.key))
    return [*order, _row("总体", everything, limit)] if rows else []


def _key(record: Record, by: By, begin: date) -> str:
    if by == "year":
        return str(begin.year)
    if by == "month":
        return f"{begin:%Y-%m}"
    if by == "topic":
        note = record.annotation
        return (note.topic if note and note.topic else record.stated_topic) or UNKNOWN
    return (record.district if by == "district" else record.department) or UNKNOWN


def _row(key: str, waits: list[tuple[int, bool, bool]], limit: int) -> Responsiveness:
    due = [wait <= limit and answered for wait, answered, was_due in waits if was_due]
    few = len(due) < LEAST
    share = None if few else 100 * sum(due) / len(due)
    low, high = (None, None) if few else wilson(sum(due), len(due))
    median = (None, None, None) if len(waits) < LEAST else _median(waits)
    return Responsiveness(
        key, len(waits), sum(answered for _, answered, _ in waits), len(due), share, low, high, *median
    )


def _median(waits: list[tuple[int, bool, bool]]) -> tuple[float | None, float | None, float | None]:
    """Where the survival function and the ends of its log-log interval fall to one half (Brookmeyer and Crowley 1982)."""
    from scipy.stats import CensoredData, ecdf

    answered = [wait for wait, known, _ in waits if known]
    if not answered:
        return None, None, None
    waiting = [wait for wait, known, _ in waits if not known]
    survival = ecdf(CensoredData(uncensored=answered, right=waiting)).sf
    with warnings.catch_warnings():  # it says that the interval is undefined before the first answer and after the last
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = survival.confidence_interval(method="log-log")
    ends = (survival, interval.low, interval.high)
    found = [_half(one.quantiles, np.nan_to_num(one.probabilities, nan=0.0)) for one in ends]
    return found[0], found[1], found[2]


def _half(days: np.ndarray, left: np.ndarray) -> float | None:
    reached = np.flatnonzero(left <= 0.5)
    return float(days[reached[0]]) if len(reached) else None
