"""Districts as tiles of equal size, roughly where they lie: a map without outside tiles, borders or a network.

A city puts `districts.csv` (columns 区县, 列, 行, counted from 1 at the north-west) into HOME; without it the tiles stand in order
of their names.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, sqrt
from pathlib import Path
from typing import Final

from dashboards import formats
from dashboards.frame import link
from dashboards.views.counts import window
from models.errors import BadSetting
from models.figures import IndexRow
from models.ports import Reader

DAYS: Final = 7
WEEKS: Final = 4
ENOUGH: Final = 10
WIDTH, HEIGHT, GAP = 120, 64, 4
MOST: Final = 60
LOWER: Final = 3
"""Step of a district whose index is below the whole, with its whole interval."""
NAMES: Final = ("与平常相近", "略多", "偏多", "明显偏多")
"""Steps of the colour: up to 1, 2, 3 standard deviations above the mean of the four weeks before, and more."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A district. `step`: 0–3, None where there are too few records to say; `x`, `y`: its corner."""

    name: str
    count: int
    expected: float
    step: int | None
    x: int
    y: int
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class TileMap:
    """`width`, `height`: of the whole, in the units of `Tile.x` and `Tile.y`."""

    tiles: tuple[Tile, ...]
    width: int
    height: int
    summary: str


def tile_map(
    reader: Reader, day: date, layout: Mapping[str, tuple[int, int]] | None = None, district: str | None = None
) -> TileMap | None:
    """Records of the seven days up to `day` in each district against the four weeks before; None with fewer than two districts."""
    now = _counts(reader, day - timedelta(days=DAYS - 1), day, district)
    before = _counts(reader, day - timedelta(days=DAYS * (WEEKS + 1) - 1), day - timedelta(days=DAYS), district)
    names = sorted({*now, *before})[:MOST]
    if len(names) < 2:
        return None
    places = _places(names, layout or {})
    tiles = tuple(_tile(name, now.get(name, 0), before.get(name, 0) / WEEKS, places[name], day) for name in names)
    most = max(tiles, key=lambda tile: (tile.step or 0, tile.count))
    columns, rows = max(place[0] for place in places.values()), max(place[1] for place in places.values())
    summary = f"近 {DAYS} 日各区县受理量；{most.words}。"
    return TileMap(tiles, columns * (WIDTH + GAP) - GAP, rows * (HEIGHT + GAP) - GAP, summary)


def index_map(
    rows: Sequence[IndexRow],
    layout: Mapping[str, tuple[int, int]],
    overall: float | None,
    records: Callable[[IndexRow], str],
) -> TileMap | None:
    """The index of each district where it lies: darker below the whole, with its whole interval; None with fewer than two districts.

    `records`: the address of a district's orders, empty where it leads nowhere.
    """
    found = {row.key: row for row in rows[:MOST]}
    if len(found) < 2:
        return None
    places = _places(sorted(found), layout)
    tiles = tuple(_index_tile(found[name], places[name], overall, records(found[name])) for name in sorted(found))
    columns, lines = max(place[0] for place in places.values()), max(place[1] for place in places.values())
    low = [tile.name for tile in tiles if tile.step == LOWER]
    summary = (
        f"各区县满意度指数；低于整体的有 {'、'.join(low)}。" if low else "各区县满意度指数；没有哪个区县确定低于整体。"
    )
    return TileMap(tiles, columns * (WIDTH + GAP) - GAP, lines * (HEIGHT + GAP) - GAP, summary)


def _index_tile(row: IndexRow, place: tuple[int, int], overall: float | None, url: str) -> Tile:
    step, told = None, f"样本不足，n={row.n}"
    if row.value is not None and row.low is not None and row.high is not None and overall is not None:
        step = LOWER if row.high < overall else 0 if row.low > overall else 1
        turn = {LOWER: "低于整体", 0: "高于整体", 1: "与整体无显著差别"}[step]
        told = f"{formats.interval(row.value, row.low, row.high)}，{turn}"
    x, y = (place[0] - 1) * (WIDTH + GAP), (place[1] - 1) * (HEIGHT + GAP)
    return Tile(row.key, round(row.value or 0), 0.0, step, x, y, f"{row.key} {told}", url)


def read_layout(path: Path) -> dict[str, tuple[int, int]]:
    """District → (column, row) from the city's file; nothing where there is none.

    Raises:
        BadSetting: a row that cannot be read, two districts at one place.
    """
    if not path.exists():
        return {}
    found: dict[str, tuple[int, int]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                name, place = row["区县"].strip(), (int(row["列"]), int(row["行"]))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadSetting(
                    name=f"{path.name} 第 {number} 行",
                    value=str(row)[:60],
                    reason="应有列 区县、列、行，后两列为从 1 起的整数",
                ) from error
            if min(place) < 1 or place in found.values():
                raise BadSetting(
                    name=f"{path.name} 第 {number} 行",
                    value=f"{name} {place}",
                    reason="列、行从 1 起，一个位置只放一个区县",
                )
            found[name] = place
    return found


def grid_of(points: Mapping[str, tuple[float, float]]) -> dict[str, tuple[int, int]]:
    """Places for districts whose centres (longitude, latitude) are known: rows from north to south, each from west to east."""
    order = sorted(points, key=lambda name: (-points[name][1], name))
    columns = ceil(sqrt(len(order))) if order else 0
    found = {}
    for begin in range(0, len(order), max(columns, 1)):
        for column, name in enumerate(
            sorted(order[begin : begin + columns], key=lambda name: (points[name][0], name)), start=1
        ):
            found[name] = (column, begin // columns + 1)
    return found


def _counts(reader: Reader, since: date, until: date, district: str | None) -> dict[str, int]:
    return {bucket.keys[0]: bucket.count for bucket in reader.aggregate(window(since, until, district), ["district"])}


def _places(names: list[str], layout: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The city's own places; what it left out stands below in order of names."""
    found = {name: layout[name] for name in names if name in layout}
    left = [name for name in names if name not in found]
    columns = max([ceil(sqrt(len(names))), *(place[0] for place in found.values())])
    below = max((place[1] for place in found.values()), default=0)
    return found | {name: (at % columns + 1, below + at // columns + 1) for at, name in enumerate(left)}


def _tile(name: str, count: int, expected: float, place: tuple[int, int], day: date) -> Tile:
    step = None
    told = "样本不足"
    if count + expected >= ENOUGH:
        step = min(3, max(0, ceil((count - expected) / sqrt(expected + 1)) - 1))
        told = NAMES[step]
    since = day - timedelta(days=DAYS - 1)
    url = link("/search", {}, district=name, since=since, until=day)
    words = f"{name} {formats.number(count)} 件，平常每周 {formats.number(expected, 1)} 件，{told}"
    return Tile(
        name, count, expected, step, (place[0] - 1) * (WIDTH + GAP), (place[1] - 1) * (HEIGHT + GAP), words, url
    )
