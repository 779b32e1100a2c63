from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.views.tile_map import LOWER, grid_of, index_map, read_layout, tile_map
from indices.stores.memory import MemoryStore
from models.errors import BadSetting
from models.figures import IndexRow
from models.record import Record

DAY = date(2026, 3, 31)
NOON = datetime(2026, 3, 31, 4, tzinfo=UTC)


def record(number: int, district: str, back: int) -> Record:
    return Record.model_validate({"id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "text": "x", "district": district,
                                  "created_at": NOON - timedelta(days=back)})  # fmt: skip


@pytest.fixture
def store() -> MemoryStore:
    found = MemoryStore()
    records = [("甲区", back) for back in range(35) for _ in range(3)] + [
        ("甲区", 1)
    ] * 30  # twenty-one a week, then fifty-one
    records += [("乙区", back) for back in range(35) for _ in range(3)]
    records += [("丙县", 2)]
    found.upsert([record(number, district, back) for number, (district, back) in enumerate(records)])
    return found


def test_more_than_usual_is_seen_and_few_are_said_to_be_few(store: MemoryStore) -> None:
    found = tile_map(store, DAY)
    assert found is not None
    tiles = {tile.name: tile for tile in found.tiles}
    assert [(tiles[name].count, tiles[name].step) for name in ("甲区", "乙区", "丙县")] == [(51, 3), (21, 0), (1, None)]
    assert tiles["甲区"].words == "甲区 51 件，平常每周 21.0 件，明显偏多"
    assert tiles["丙县"].words.endswith("样本不足")
    assert "district=%E7%94%B2%E5%8C%BA" in tiles["甲区"].url
    assert "from=2026-03-25&to=2026-03-31" in tiles["甲区"].url
    assert "甲区 51 件" in found.summary
    assert tile_map(store, DAY, district="甲区") is None  # one tile is no map
    assert tile_map(MemoryStore(), DAY) is None


def test_the_citys_own_places_are_kept_and_the_rest_stands_below(store: MemoryStore) -> None:
    found = tile_map(store, DAY, {"乙区": (2, 1), "甲区": (1, 2)})
    assert found is not None
    places = {tile.name: (tile.x, tile.y) for tile in found.tiles}
    assert places["乙区"] == (124, 0)
    assert places["甲区"] == (0, 68)
    assert places["丙县"] == (0, 136)
    assert (found.width, found.height) == (244, 200)


@given(
    st.dictionaries(
        st.text("甲乙丙丁戊己", min_size=1, max_size=4), st.tuples(st.floats(70, 135), st.floats(18, 53)), max_size=40
    )
)
def test_every_district_has_a_place_of_its_own_and_north_is_up(points: dict[str, tuple[float, float]]) -> None:
    found = grid_of(points)
    assert set(found) == set(points)
    assert len(set(found.values())) == len(points)
    for one, (_, row) in found.items():
        assert all(points[one][1] >= points[other][1] for other, (_, below) in found.items() if below > row)


def test_the_file_of_the_city(tmp_path: Path) -> None:
    path = tmp_path / "districts.csv"
    assert read_layout(path) == {}
    path.write_text("区县,列,行\n甲区,1,2\n乙区,2,1\n", encoding="utf-8-sig")
    assert read_layout(path) == {"甲区": (1, 2), "乙区": (2, 1)}
    for bad in (
        "区县,列\n甲区,1\n",
        "区县,列,行\n甲区,一,2\n",
        "区县,列,行\n甲区,0,2\n",
        "区县,列,行\n甲区,1,1\n乙区,1,1\n",
    ):
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(BadSetting, match=r"第 [23] 行"):
            read_layout(path)


def row(key: str, value: float | None, half: float = 2.0, n: int = 90) -> IndexRow:
    low, high = (None, None) if value is None else (value - half, value + half)
    return IndexRow(
        key=key, value=value, low=low, high=high, n=n, n_effective=n, status="样本不足" if value is None else "ok"
    )


def test_the_index_of_districts_is_dark_only_where_it_is_surely_lower() -> None:
    rows = [row("甲区", 60.0), row("乙区", 74.0), row("丙县", 80.0), row("丁县", None, n=7)]
    found = index_map(rows, {"甲区": (2, 1)}, 75.0, lambda one: f"/x/{one.key}" if one.n >= 30 else "")
    assert found
    tiles = {tile.name: tile for tile in found.tiles}
    assert {name: tile.step for name, tile in tiles.items()} == {"甲区": LOWER, "乙区": 1, "丙县": 0, "丁县": None}
    assert tiles["甲区"].words == "甲区 60.0（58.0–62.0），低于整体"
    assert tiles["丁县"].words == "丁县 样本不足，n=7"
    assert [tiles[name].url for name in ("甲区", "丁县")] == ["/x/甲区", ""]
    assert tiles["甲区"].x > 0
    assert "低于整体的有 甲区" in found.summary
    assert index_map(rows[:1], {}, 75.0, lambda _: "") is None
