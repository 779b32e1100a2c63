"""Units week by week: a curve with its interval, a fall told where it is sure, nothing told where there is little."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from indices.civic.satisfaction import satisfaction
from indices.civic.weekly import by_week, drop_words
from indices.stores.memory import MemoryStore
from models.query import Query
from models.record import Record

START = datetime(2026, 3, 2, tzinfo=UTC)


def store_of(units: dict[str, Iterable[list[int]]], channel: str = "hotline") -> MemoryStore:
    """A unit's ratings week by week."""
    store = MemoryStore()
    store.upsert([
        Record(id=f"{unit}-{week}-{k}", revision=1, intake="1", source="t", created_at=START + timedelta(weeks=week), text="x",
               department=unit, rating=rating, channel=channel)
        for unit, weeks in units.items() for week, ratings in enumerate(weeks) for k, rating in enumerate(ratings)
    ])  # fmt: skip
    return store


def draws(seed: int, weeks: int, n: int, levels: list[int]) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [list(map(int, random.choice(levels, n))) for _ in range(weeks)]


def test_cells_are_units_in_weeks_and_a_week_of_few_ratings_is_carried_by_its_neighbours() -> None:
    weeks = draws(1, 10, 60, [3, 4, 5])
    weeks[6] = weeks[6][:2]
    moving = [draws(2 + w, 1, 60, [3, 4, 5 - w % 4 // 2])[0] for w in range(10)]  # levels do move in this city
    cells = by_week(store_of({"甲": weeks, "乙": moving}), Query(), "department").cells
    found = {cell.week: cell for cell in cells if cell.unit == "甲"}
    assert len(found) == 10
    few, full = found["2026-04-13"], found["2026-04-06"]
    assert (few.n, full.n) == (2, 60)
    assert few.value is not None
    assert few.low < few.low90 < few.value < few.high90 < few.high  # type: ignore[operator]
    assert few.high - few.low > full.high - full.low  # type: ignore[operator]
    assert abs(few.value - full.value) < 8  # type: ignore[operator]


def test_a_unit_of_which_little_is_known_has_no_value() -> None:
    store = store_of({"甲": draws(1, 8, 60, [2, 3, 4, 5]), "乙": [[1], [5], [], [1]]})
    cells = [cell for cell in by_week(store, Query(), "department").cells if cell.unit == "乙"]
    assert [cell.n for cell in cells] == [1, 1, 0, 1, 0, 0, 0, 0]
    assert {cell.value for cell in cells} == {None}


def test_nothing_stands_before_the_first_rating_and_nothing_without_any() -> None:
    store = store_of({"甲": draws(1, 6, 80, [4, 5]), "乙": [[], [], [], *draws(2, 3, 80, [4, 5])]})
    weeks = [cell.week for cell in by_week(store, Query(), "department").cells if cell.unit == "乙"]
    assert weeks == ["2026-03-23", "2026-03-30", "2026-04-06"]
    empty = by_week(store, Query(until=START), "department")
    assert (empty.cells, empty.drop) == ((), {})


def test_a_fall_is_told_and_an_even_unit_is_not() -> None:
    falling = [*draws(3, 12, 300, [3, 4, 5]), *draws(4, 4, 300, [1, 2, 3])]
    found = by_week(store_of({"甲": falling, "乙": draws(5, 16, 300, [3, 4, 5])}), Query(), "department")
    assert found.dropped == ["甲"]
    assert found.drop["甲"] > 0.95
    assert found.drop["乙"] < 0.3
    assert drop_words("甲", 0.974) == "甲：近 4 周下降超过 3 分的概率为 97%"


def test_weeks_are_moved_by_what_the_correction_moves_the_table() -> None:
    records = store_of({"甲": draws(6, 8, 100, [4, 5]), "乙": draws(7, 8, 100, [3, 4, 5])})
    silent = [
        Record(id=f"无-{k}", revision=1, intake="1", source="t", created_at=START, text="x", department="甲", channel="web",
               rating=1 if k < 60 else None)
        for k in range(900)
    ]  # fmt: skip
    records.upsert(silent)
    index = satisfaction(records, Query(), "department")
    row = next(row for row in index.rows if row.key == "甲")
    assert row.value is not None
    assert row.raw is not None
    plain, moved = by_week(records, Query(), "department"), by_week(records, Query(), "department", index)
    for one, other in zip(plain.cells, moved.cells, strict=True):
        if one.unit == "甲" and one.value is not None and one.value + row.value - row.raw > 0:
            assert other.value == pytest.approx(one.value + row.value - row.raw, abs=0.02)
