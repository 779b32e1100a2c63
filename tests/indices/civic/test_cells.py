"""Orders counted by what is known of them: nothing is lost by merging, selecting, or turning ratings into columns."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.cells import Cells, cells_of
from models.query import Bucket

FIELDS = ("district", "channel", "rating")
KEYS = st.tuples(
    st.sampled_from(["", "河东区", "河西区"]), st.sampled_from(["hotline", "web"]), st.sampled_from(["", "1", "3", "5"])
)
TABLES = st.dictionaries(KEYS, st.integers(1, 9), max_size=12)


def made(table: dict[tuple[str, ...], int]) -> Cells:
    return cells_of([Bucket(keys=keys, count=n) for keys, n in table.items()], FIELDS)


def told(cells: Cells, *fields: str) -> Counter[tuple[str, ...]]:
    rows = zip(*(cells.codes[field] for field in fields), cells.n, strict=True)
    return Counter({tuple(cells.names[f][c] for f, c in zip(fields, row, strict=False)): int(row[-1]) for row in rows})


@given(TABLES)
def test_merging_adds_up(table: dict[tuple[str, ...], int]) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for keys, n in table.items():
        expected[keys[0], keys[2]] += n
    merged = made(table).merged("district", "rating")
    assert told(merged, "district", "rating") == expected
    assert merged.orders == sum(table.values())


@given(TABLES)
def test_ratings_become_columns_and_cells_keep_all_orders(table: dict[tuple[str, ...], int]) -> None:
    rest, counts = made(table).ratings()
    assert rest.orders == sum(table.values())
    assert counts.sum() == sum(n for keys, n in table.items() if keys[2])
    for row, district, channel in zip(counts, rest.codes["district"], rest.codes["channel"], strict=True):
        own = (rest.names["district"][district], rest.names["channel"][channel])
        assert row.tolist() == [table.get((*own, str(level)), 0) for level in range(1, 6)]


@given(TABLES)
def test_selection_by_value_and_by_having_one(table: dict[tuple[str, ...], int]) -> None:
    cells = made(table)
    assert cells.kept(cells.has("channel", "web")).orders == sum(n for keys, n in table.items() if keys[1] == "web")
    assert cells.kept(cells.known("district")).orders == sum(n for keys, n in table.items() if keys[0])
    assert cells.kept(cells.has("channel", "没有的")).orders == 0


def test_sums_with_weights() -> None:
    cells = made({("河东区", "web", "5"): 3, ("河东区", "web", "1"): 1, ("", "web", ""): 6})
    points = np.array([0.0 if cells.names["rating"][code] != "5" else 100.0 for code in cells.codes["rating"]])
    assert dict(zip(cells.names["district"], cells.sums("district", points), strict=True)) == {"": 0.0, "河东区": 300.0}
