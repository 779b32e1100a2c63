"""The satisfaction index: ratings of call-backs and 好差评, on 0–100, with intervals, by district, department, topic or week.

A rating depends on where, who, what, by which channel, whether in time and how the text sounds (`crossed`); small units are drawn
towards their peers as far as their own ratings are few. A unit's value is that of all its orders, rated or not; the plain mean of
the ratings stands beside it. A unit with fewer than 30 ratings is answered with 样本不足 and no value; one whose interval is
wider than 15 points, or that fewer than ten people rated, has a value but is not ranked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from indices.civic.cells import Cells, cells
from indices.civic.crossed import fit_crossed
from indices.civic.non_response import correct
from indices.civic.tiers import tiers
from indices.civic.unit_scores import UnitScores, moved, unit_scores
from models.clock import now
from models.figures import Index, IndexRow, Source
from models.labels import Kind
from models.ports import Reader
from models.query import Query

By = Literal["district", "department", "topic", "week", "street", "community"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FACTS: Final = ("district", "department", "topic", "channel", "timely")
TEXT: Final = ("sentiment", "emotion")
"""What the model read from the text: enters as a factor like the others, and so only as far as it predicts ratings."""
MOST_CATEGORIES: Final = 60  # of a fact in the correction of the whole, whose design is dense …
MOST_CELLS: Final = 60_000  # … and of combinations of facts: 100 columns of so many are 48 MB
LEAST_ANSWERED: Final = 0.02
"""A category that hardly ever answers tells the correction nothing: it counts as the most common one."""
MIN_RATINGS: Final = 30  # domain.md §3 (default): a unit was once ranked on seven orders
MIN_PEOPLE: Final = 10  # methods §4: not ranked below an effective n of 10 …
MAX_WIDTH: Final = 15.0  # … or above a width of 15 points
RATINGS: Final = ("1", "2", "3", "4", "5")
WHOLE: Final = "总体"  # of the question; whether that is the whole city is known to who asks
VERSION: Final = "crossed-logit-eb-3"
_Z90: Final = 1.644854


def satisfaction(
    reader: Reader, query: Query, by: By, *, text: bool = True, peers: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
) -> Index:  # fmt: skip
    """The index of every unit that has at least one rating in the question's window, largest unit first.

    Args:
        text: whether what the model read from the texts may enter.
        peers: unit → group of units that it is drawn towards; all units are one group without it.
        exclude: ids of records that do not count.
    """
    facts = [field for field in (*FACTS, *(TEXT if text else ())) if field != by]
    counted = asked(cells(reader, orders(query), [by, *facts, "rating"], exclude=exclude))
    people = _people(reader, orders(query), by, counted)
    overall = _overall(
        counted, [field for field in (*FACTS, *(TEXT if text else ())) if field in counted.names], people
    )
    rows = _rows(counted, by, facts, people, peers or {}, overall.value)
    order = sorted(rows, key=lambda row: row.key) if by == "week" else sorted(rows, key=lambda row: (-row.n, row.key))
    n = int(counted.n[counted.known("rating")].sum()) if len(counted.n) else 0
    versions = {"index": VERSION, "text": "in" if text else "out"}
    source = Source(query=query, n=n, computed_at=now(), versions=versions)
    return Index(by=by, rows=tuple(order), overall=overall, source=source)


def orders(query: Query) -> Query:
    """The question's demands: of news and posts nobody is asked, though they come by a channel that has ratings."""
    return query.narrowed(kind=(Kind.DEMAND.value,))


def asked(counted: Cells) -> Cells:
    """The orders that could have been rated: those of channels by which anything was."""
    if not len(counted.n):
        return counted
    rated = counted.known("rating")
    channels = {counted.names["channel"][code] for code in counted.codes["channel"][rated]}
    return counted.kept(counted.has("channel", *channels))


def _people(reader: Reader, query: Query, by: By, counted: Cells) -> dict[str, float]:
    """Distinct raters of each unit and, under WHOLE, of all: ratings of one person are not independent. A rating without a speaker counts as
    a person."""
    if not len(counted.n):
        return {WHOLE: 0.0}
    rated = counted.kept(counted.known("rating"))
    totals = dict(zip(rated.names[by], rated.sums(by).tolist(), strict=True)) | {WHOLE: float(rated.n.sum())}
    speakers: dict[str, set[str]] = defaultdict(set)
    alone: dict[str, int] = defaultdict(int)
    for bucket in reader.tabulate(query.narrowed(rating=RATINGS), [by, "speaker"]):
        unit, speaker = bucket.keys
        for whose in (unit, WHOLE):
            if speaker:
                speakers[whose].add(speaker)
            else:
                alone[whose] += bucket.count
    # Excluded orders have speakers, too: there are never more people than ratings.
    return {unit: min(total, float(len(speakers[unit]) + alone[unit])) for unit, total in totals.items()}


def _rows(
    counted: Cells,
    by: By,
    facts: Sequence[str],
    people: dict[str, float],
    peers: Mapping[str, str],
    whole: float | None,
) -> list[IndexRow]:
    merged, ratings = counted.ratings()
    if not ratings.sum():
        return []
    units = merged.names[by]
    factors = [by, *(field for field in facts if len(merged.names[field]) > 1)]
    codes, sizes = [merged.codes[field] for field in factors], [len(merged.names[field]) for field in factors]
    groups = sorted({peers.get(unit, "") for unit in units})
    if len(groups) > 1:
        of_unit = np.array([groups.index(peers.get(unit, "")) for unit in units])
        codes, sizes = [*codes, of_unit[merged.codes[by]]], [*sizes, len(groups)]
    model = fit_crossed(ratings, codes, sizes)
    scores = unit_scores(model, 0, ratings, merged.n, codes)
    if whole is not None:
        # Benchmarked: the units' mean by their orders is the whole's, so that two lines of one page never contradict each other.
        scores = moved(scores, whole - float(merged.sums(by) @ scores.value / merged.n.sum()))
    table = np.zeros((len(units), ratings.shape[1]), dtype=np.int64)
    np.add.at(table, merged.codes[by], ratings)
    held = merged.sums(by)
    rows = [
        _row(units[i], table[i], int(held[i]), people.get(units[i], 0.0), scores, i)
        for i in range(len(units)) if units[i] and table[i].sum()
    ]  # fmt: skip
    return rows if by == "week" else tiers(rows)


def _row(unit: str, counts: Ints, orders: int, people: float, scores: UnitScores, i: int) -> IndexRow:
    n = int(counts.sum())
    coverage = round(100.0 * n / orders, 1)
    if n < MIN_RATINGS:
        return IndexRow(key=unit, value=None, low=None, high=None, n=n, n_effective=people, status="样本不足", orders=orders,
                        coverage=coverage)  # fmt: skip
    ends = {
        name: round(float(getattr(scores, name)[i]), 2) for name in ("low", "high", "low90", "high90", "alike", "value")
    }
    ranked = ends["high"] - ends["low"] <= MAX_WIDTH and people >= MIN_PEOPLE
    return IndexRow(key=unit, n=n, n_effective=people, status="ok" if ranked else "not_ranked", raw=round(raw_score(counts), 2),
                    orders=orders, coverage=coverage, deviation=round(float(scores.alike_deviation[i]), 3), **ends)  # fmt: skip


def raw_score(counts: Ints) -> float:
    """Plain mean of counts (5,) on 0–100."""
    return float(counts @ np.linspace(0.0, 100.0, len(counts)) / counts.sum())


def _overall(counted: Cells, facts: Sequence[str], people: dict[str, float]) -> IndexRow:
    """All orders together: the doubly robust mean, with the mean of the ratings beside it."""
    rated = counted.known("rating") if len(counted.n) else np.zeros(0, dtype=bool)
    n, held, speakers = int(counted.n[rated].sum()), counted.orders, people[WHOLE]
    coverage = round(100.0 * n / held, 1) if held else None
    if n < MIN_RATINGS:
        return IndexRow(key=WHOLE, value=None, low=None, high=None, n=n, n_effective=speakers, status="样本不足", orders=held,
                        coverage=coverage)  # fmt: skip
    merged = _combinations(counted, facts)
    answered = merged.known("rating")
    columns = [
        column for field in merged.names if field != "rating" and len(column := comparable(merged, field, answered))
    ]
    found = correct(merged.points(), answered, columns, orders=merged.n)
    half = _Z90 * found.deviation
    return IndexRow(
        key=WHOLE, value=round(found.value, 2), low=round(found.low, 2), high=round(found.high, 2), low90=round(max(0.0, found.value - half), 2),
        high90=round(min(100.0, found.value + half), 2), n=n, n_effective=round(speakers * found.n_effective / n, 1), status="ok",
        raw=round(found.naive, 2), weighted=round(found.weighted, 2), pessimistic=round(found.pessimistic, 2), orders=held,
        coverage=coverage,
    )  # fmt: skip


def _combinations(counted: Cells, facts: Sequence[str]) -> Cells:
    """The cells by the facts and rating; where there are too many, without the facts of most values."""
    kept = sorted(
        (field for field in facts if len(counted.names[field]) <= MOST_CATEGORIES), key=lambda f: len(counted.names[f])
    )
    while len((merged := counted.merged(*kept, "rating")).n) > MOST_CELLS and kept:
        kept.pop()
    return merged


def comparable(counted: Cells, field: str, answered: npt.NDArray[np.bool_]) -> list[str]:
    """(m,) the values of a fact, those that hardly ever answer as the most common one; empty where the fact has too many values or one."""
    total = counted.sums(field)
    told = counted.sums(field, answered.astype(np.float64))
    if not 1 < len(total) <= MOST_CATEGORIES:
        return []
    common = int(np.argmax(told))
    place = np.where(told >= LEAST_ANSWERED * total, np.arange(len(total)), common)
    return [str(code) for code in place[counted.codes[field]]]
