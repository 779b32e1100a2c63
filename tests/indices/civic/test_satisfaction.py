from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from indices.civic.satisfaction import by_week, satisfaction
from indices.stores.memory import MemoryStore
from models.query import Query
from models.record import Record

START = datetime(2026, 3, 2, tzinfo=UTC)


def rated(unit: str, ratings: Iterable[int | None], *, speaker: str | None = None, day: int = 0) -> list[Record]:
    return [
        Record(id=f"{unit}-{day}-{number}", revision=1, intake="1", source="t", created_at=START + timedelta(days=day), text="x",
               department=unit, rating=rating, speaker=speaker and f"{speaker}{number % 4}")
        for number, rating in enumerate(ratings)
    ]  # fmt: skip


def store_of(*groups: list[Record]) -> MemoryStore:
    store = MemoryStore()
    store.upsert([record for group in groups for record in group])
    return store


def test_a_good_unit_is_above_a_bad_one_with_the_interval_around_the_value() -> None:
    random = np.random.default_rng(1)
    good, bad = random.choice([3, 4, 5], 300), random.choice([1, 2, 3, 4, 5], 300)
    index = satisfaction(store_of(rated("好", map(int, good)), rated("差", map(int, bad))), Query(), "department")
    values = {row.key: row for row in index.rows}
    assert values["好"].low > values["差"].high  # type: ignore[operator]
    for row in index.rows:
        assert 0 <= row.low < row.value < row.high <= 100  # type: ignore[operator]
        assert row.status == "ok"
    assert index.overall.key == "总体", "whose it is, is not known here: a viewer may see some districts only"
    assert values["好"].raw == pytest.approx(float(np.mean(good) - 1) * 25, abs=0.01)


def test_a_small_unit_has_no_value_and_says_why() -> None:
    index = satisfaction(store_of(rated("大", [5, 3] * 50), rated("小", [1] * 7)), Query(), "department")
    small = index.rows[-1]
    assert (small.key, small.value, small.low, small.high, small.n, small.status) == (
        "小",
        None,
        None,
        None,
        7,
        "样本不足",
    )


def test_a_wide_interval_is_not_ranked() -> None:
    groups = [rated(f"单位{i}", [1, 5, 2, 4, 1, 5] * (5 + 40 * (i < 4))) for i in range(5)]
    index = satisfaction(store_of(*groups, rated("另", [1] * 40), rated("又", [5] * 40)), Query(), "department")
    narrow, wide = index.rows[0], next(row for row in index.rows if row.key == "单位4")
    assert narrow.status == "ok"
    assert wide.status == "not_ranked"
    assert wide.high - wide.low > 15  # type: ignore[operator]


def test_ratings_of_few_people_are_not_ranked() -> None:
    index = satisfaction(store_of(rated("甲", [5] * 100, speaker="人"), rated("乙", [5] * 100)), Query(), "department")
    people = {row.key: (row.n, row.n_effective, row.status) for row in index.rows}
    assert people["甲"] == (100, 4.0, "not_ranked")
    assert people["乙"] == (100, 100.0, "ok")


@pytest.mark.parametrize("ratings", [7, 100])
def test_overall_counts_people_as_the_units_do_and_one_of_two_units_once(ratings: int) -> None:
    """Four people who rated both units, and a third unit whose raters are not known: each of its ratings is a person."""
    both = [rated(unit, [5] * ratings, speaker="人") for unit in ("甲", "乙")]
    nowhere = [record.model_copy(update={"department": None}) for record in rated("丙", [4] * 10, speaker="客")]
    index = satisfaction(store_of(*both, rated("丁", [4] * 20), nowhere), Query(), "department")
    assert (index.overall.n, index.overall.n_effective) == (2 * ratings + 30, 4 + 20 + 4)


def test_without_ratings_there_is_no_figure() -> None:
    index = satisfaction(store_of(rated("甲", [None] * 50)), Query(), "department")
    assert index.rows == ()
    assert (index.overall.value, index.overall.n, index.overall.status) == (None, 0, "样本不足")
    assert index.overall.n_effective == 0


def test_weeks_come_in_order_and_the_window_holds() -> None:
    store = store_of(*(rated("甲", [4, 5] * 20, day=day) for day in (14, 0, 7, 21)))
    query = Query(since=START, until=START + timedelta(days=20))
    index = satisfaction(store, query, "week")
    assert [row.key for row in index.rows] == ["2026-03-02", "2026-03-09", "2026-03-16"]
    assert index.source.n == index.overall.n == 120
    assert index.source.query == query


def test_cells_are_units_in_weeks_with_their_own_values() -> None:
    good, bad = [5] * 40, [1] * 40
    store = store_of(*(rated("甲", good, day=day) for day in (0, 7)), rated("乙", bad), rated("乙", bad[:7], day=7))
    found = {(cell.unit, cell.week): cell for cell in by_week(store, Query(), "department")}
    assert list(found) == [("乙", "2026-03-02"), ("乙", "2026-03-09"), ("甲", "2026-03-02"), ("甲", "2026-03-09")]
    assert [cell.n for cell in found.values()] == [40, 7, 40, 40]
    few = found["乙", "2026-03-09"]
    assert (few.value, few.low, few.high) == (None, None, None)
    assert found["乙", "2026-03-02"].high < found["甲", "2026-03-02"].low  # type: ignore[operator]
    assert by_week(store, Query(until=START), "department") == []


def test_cells_and_index_tell_the_same() -> None:
    """With one unit, cells are the index by week."""
    random = np.random.default_rng(3)
    store = store_of(*(rated("甲", map(int, random.choice([2, 3, 4, 5], 60)), day=7 * week) for week in range(6)))
    cells, index = by_week(store, Query(), "department"), satisfaction(store, Query(), "week")
    assert [(c.week, c.value, c.low, c.high, c.n) for c in cells] == [(r.key, r.value, r.low, r.high, r.n) for r in index.rows]  # fmt: skip
