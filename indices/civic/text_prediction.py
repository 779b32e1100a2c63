"""How well texts predict ratings: each month predicted from the other months, a calibration curve, and a warning where that has changed.

What the language model read (sentiment, emotion) enters the index as factors like channel and topic. Here it is asked alone what it is
worth: were the texts switched off, nothing else would change.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from indices.civic.cells import Cells, cells
from indices.civic.crossed import fit_crossed
from indices.civic.satisfaction import TEXT
from models.figures import CalibrationBin, TextPrediction
from models.ports import Reader
from models.query import Query

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LEAST_MONTHS: Final = 2
LEAST_RATINGS: Final = 100
BINS: Final = 6
DRIFT_POINTS: Final = 3.0
DRIFT_Z: Final = 3.0
_Z: Final = 1.959964


def text_prediction(reader: Reader, query: Query) -> TextPrediction:
    """Over the question's rated orders that the model has read."""
    return assess(cells(reader, query, ["month", *TEXT, "rating"]))


def assess(counted: Cells) -> TextPrediction:
    """As `text_prediction`, of cells by month, TEXT and rating."""
    if len(counted.n):
        counted = counted.kept(counted.known("rating") & counted.known(TEXT[0]))
    merged, ratings = counted.ratings() if len(counted.n) else (counted, np.zeros((0, 5), dtype=np.int64))
    months = (
        [name for code, name in enumerate(merged.names["month"]) if (merged.codes["month"] == code).any()]
        if len(merged.n)
        else []
    )
    if len(months) < LEAST_MONTHS or ratings.sum() < LEAST_RATINGS:
        return TextPrediction(months=tuple(months), n=int(ratings.sum()), bins=(), enough=False)
    expected = _cross_fitted(merged, ratings)
    n, points = ratings.sum(axis=1).astype(np.float64), np.linspace(0.0, 100.0, 5)
    observed = ratings @ points / n
    squared = ratings @ points**2 - 2 * expected * (ratings @ points) + n * expected**2
    mean = float(n @ observed / n.sum())
    total = float((ratings @ (points - mean) ** 2).sum())
    bins = _bins(expected, ratings)
    last = merged.codes["month"] == merged.codes["month"].max()
    drift, low, high = _bias(expected[last], ratings[last])
    deviation = max((high - low) / (2 * _Z), 1e-9)
    return TextPrediction(
        months=tuple(months), n=int(n.sum()), bins=bins, enough=True, explained=round(1.0 - float(squared.sum()) / max(total, 1e-9), 4),
        error=round(float(sum(b.n * abs(b.observed - b.expected) for b in bins) / n.sum()), 2), drift=round(drift, 2),
        drift_low=round(low, 2), drift_high=round(high, 2), drifted=abs(drift) > DRIFT_POINTS and abs(drift) / deviation > DRIFT_Z,
    )  # fmt: skip


def _cross_fitted(merged: Cells, ratings: Ints) -> Floats:
    """(m,) expected rating of each cell, from the months that it is not of."""
    codes = [merged.codes[field] for field in TEXT]
    sizes = [len(merged.names[field]) for field in TEXT]
    month = merged.codes["month"]
    expected = np.zeros(len(month))
    for one in np.unique(month):
        own = month == one
        others = ratings * ~own[:, None]
        model = fit_crossed(others, codes, sizes)
        expected[own] = model.scores(model.content([code[own] for code in codes]))
    return expected


def _bins(expected: Floats, ratings: Ints) -> tuple[CalibrationBin, ...]:
    """Cells in order of what is expected of them, in parts of about as many ratings."""
    order = np.argsort(expected, kind="stable")
    n = ratings[order].sum(axis=1)
    place = np.minimum((np.cumsum(n) - n / 2) / n.sum() * BINS, BINS - 1).astype(np.int64)
    found = []
    for one in np.unique(place):
        here = order[place == one]
        count = ratings[here].sum()
        mean = float(ratings[here].sum(axis=1) @ expected[here] / count)
        bias, low, high = _bias(expected[here], ratings[here])
        found.append(CalibrationBin(expected=round(mean, 2), observed=round(mean + bias, 2), low=round(mean + low, 2),
                                    high=round(mean + high, 2), n=int(count)))  # fmt: skip
    return tuple(found)


def _bias(expected: Floats, ratings: Ints) -> tuple[float, float, float]:
    """Mean of observed less expected, with its 95 % interval."""
    points = np.linspace(0.0, 100.0, ratings.shape[1])
    off = points - expected[:, None]
    n = float(ratings.sum())
    bias = float((ratings * off).sum() / n)
    half = _Z * float(np.sqrt((ratings * (off - bias) ** 2).sum() / n / n))
    return bias, bias - half, bias + half
