"""What texts are worth: predicted from other months only, calibrated where they tell, worthless where they do not, drift told."""

from __future__ import annotations

import numpy as np
import pytest

from indices.civic.cells import Cells, cells_of
from indices.civic.text_prediction import assess
from models.query import Bucket

FIELDS = ("month", "sentiment", "emotion", "rating")


def simulate(seed: int, gaps: list[float], n: int = 600) -> Cells:
    """A month a gap: positive texts are rated `gap` points higher than negative ones."""
    random, table = np.random.default_rng(seed), dict[tuple[str, ...], int]()
    for number, gap in enumerate(gaps, start=1):
        for _ in range(n):
            positive = random.random() < 0.5
            rating = 1 + int(random.binomial(4, (60 + (gap / 2 if positive else -gap / 2)) / 100))
            keys = (
                f"2026-{number:02}",
                "positive" if positive else "negative",
                "愤怒" if random.random() < 0.3 else "平静",
                str(rating),
            )
            table[keys] = table.get(keys, 0) + 1
    return cells_of([Bucket(keys=keys, count=count) for keys, count in table.items()], FIELDS)


def test_texts_that_tell_are_calibrated() -> None:
    found = assess(simulate(1, [40, 40, 40, 40]))
    assert found.enough
    assert found.explained > 0.3
    assert found.error < 3
    assert not found.drifted
    assert [b.expected for b in found.bins] == sorted(b.expected for b in found.bins)
    assert found.bins[-1].observed - found.bins[0].observed == pytest.approx(40, abs=6)
    assert sum(b.n for b in found.bins) == found.n == 2_400


def test_texts_that_tell_nothing_explain_nothing() -> None:
    found = assess(simulate(2, [0, 0, 0]))
    assert abs(found.explained) < 0.01
    assert not found.drifted


def test_a_month_in_which_texts_mean_something_else_is_told() -> None:
    cells = simulate(3, [40, 40, 40])
    shift = np.isin(cells.codes["month"], [2]) & cells.has("rating", "5", "4", "3", "2")
    fewer = cells.codes["rating"].copy()
    fewer[shift] -= 1  # the newest month is a level lower at the same texts
    moved = Cells(cells.names, {**cells.codes, "rating": fewer}, cells.n)
    found = assess(moved)
    assert found.drifted
    assert found.drift < -15
    assert found.drift_low < found.drift < found.drift_high


@pytest.mark.parametrize("cells", [simulate(4, [40]), simulate(4, [40, 40], n=20), cells_of([], FIELDS)])
def test_one_month_or_few_ratings_are_not_enough(cells: Cells) -> None:
    found = assess(cells)
    assert (found.enough, found.bins) == (False, ())
