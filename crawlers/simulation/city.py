"""An invented prefecture city: districts, streets, places, offices and a dispatch catalogue. The same seed, the same city.

Names are put together from parts (`names.toml`); the outlines are tiles with jittered edges at an arbitrary spot and show
no real territory. Codes begin with 99, which no province has.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from random import Random
from typing import Any, Final

from models.labels import DEPARTMENTS

Point = tuple[float, float]

WEST, SOUTH, TILE_DEGREES = 116.4, 31.2, 0.18
GRIDS: Final = {8: (4, 2), 9: (3, 3), 10: (5, 2), 12: (4, 3)}
"""Number of districts → columns and rows of tiles."""
URBAN_SHARE: Final = 0.6
QUALITY_SD: Final = 0.55
"""Spread of the offices' true quality, in logits of the rating scale; offices of one code share half of the variance."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street office (街道) or town (镇). `places`: kind → names; `weight`: share of the city's orders, up to a factor."""

    name: str
    district: str
    adcode: str
    town: bool
    weight: float
    centre: Point
    places: dict[str, tuple[str, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class District:
    name: str
    adcode: str
    ring: tuple[Point, ...] = field(repr=False)
    streets: tuple[Street, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """An office. `quality`: its true effect on ratings in logits, 0 = the city's middle; never shown to the product."""

    name: str
    code: str
    district: str | None
    quality: float


@dataclass(frozen=True)
class City:
    seed: int
    name: str
    plate: str
    districts: tuple[District, ...]
    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_units", {(unit.code, unit.district): unit for unit in self.units})

    @property
    def streets(self) -> list[Street]:
        return [street for district in self.districts for street in district.streets]

    def unit(self, code: str, district: str) -> Unit:
        """The office that takes matters of `code` in `district`."""
        units: dict[tuple[str, str | None], Unit] = self._units  # type: ignore[attr-defined]
        return units.get((code, district)) or units[code, None]

    def catalogue_rows(self) -> list[dict[str, str]]:
        """The dispatch catalogue: columns topic, subtopic, district, code, unit, binding, from, until."""
        from crawlers.simulation.grammar import load_issues

        matters = sorted({(issue.topic, issue.subtopic, issue.department) for issue in load_issues()})
        wanted = [*matters, *(("", "", code) for code in DEPARTMENTS)]
        return [
            {"topic": topic, "subtopic": subtopic, "district": unit.district or "", "code": code, "unit": unit.name,
             "binding": "", "from": "", "until": ""}
            for topic, subtopic, code in wanted for unit in self.units if unit.code == code
        ]  # fmt: skip

    def outline(self) -> dict[str, Any]:
        """The districts as a GeoJSON FeatureCollection of polygons."""
        features = [
            {
                "type": "Feature",
                "properties": {"name": district.name, "adcode": district.adcode},
                "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in (*district.ring, district.ring[0])]]},
            }
            for district in self.districts
        ]
        return {"type": "FeatureCollection", "name": self.name, "features": features}


@lru_cache(maxsize=1)
def load_names() -> dict[str, Any]:
    """The parts of names."""
    return tomllib.loads(files("crawlers.simulation").joinpath("names.toml").read_text("utf-8"))


@lru_cache(maxsize=8)
def make_city(seed: int = 1) -> City:
    """The city of this seed."""
    rng = Random(f"city {seed}")
    names = load_names()
    count = rng.choice(list(GRIDS))
    city = rng.choice(names["cities"]) + "市"
    districts = _districts(rng, names, count)
    return City(seed, city, names["plate"], districts, tuple(_units(rng, names, city, districts)))


def _districts(rng: Random, names: dict[str, Any], count: int) -> tuple[District, ...]:
    columns, rows = GRIDS[count]
    rings = _tiles(rng, columns, rows)
    streets = iter(rng.sample(names["streets"], len(names["streets"])))
    communities = iter(_pairs(rng, names["community_stems"], names["community_ends"]))
    villages = iter(_pairs(rng, names["village_stems"], names["village_ends"]))
    roads = iter(_pairs(rng, names["road_stems"], names["road_ends"]))
    made = []
    for number, (stem, ring) in enumerate(zip(rng.sample(names["districts"], count), rings, strict=True), start=1):
        name, adcode = stem + rng.choice(names["district_kinds"]), f"9901{number:02d}"
        size = rng.lognormvariate(0.0, 0.45)
        urban = URBAN_SHARE if name.endswith("区") else 0.25
        rivers = [
            a + b for a, b in zip(rng.sample(names["river_stems"], 2), rng.sample(names["river_ends"], 2), strict=True)
        ]
        made_streets = []
        for _ in range(rng.randint(6, 8)):
            town = rng.random() > urban
            label = next(streets)
            made_streets.append(
                Street(
                    name=label + ("镇" if town else "街道"),
                    district=name,
                    adcode=adcode,
                    town=town,
                    weight=size * rng.lognormvariate(-0.6 if town else 0.0, 0.4),
                    centre=_inside(rng, ring),
                    places=_places(rng, names, label, town, rivers, communities, villages, roads),
                )
            )
        made.append(District(name, adcode, ring, tuple(made_streets)))
    return tuple(made)


def _places(rng: Random, names: dict[str, Any], label: str, town: bool, rivers: list[str], communities: Iterator[str],
            villages: Iterator[str], roads: Iterator[str]) -> dict[str, tuple[str, ...]]:  # fmt: skip
    def named(ends: str, count: int) -> tuple[str, ...]:
        return tuple(label + end for end in rng.sample(names[ends], count))

    def firms(stems: str, ends: str, count: int) -> tuple[str, ...]:
        return tuple(
            a + b for a, b in zip(rng.sample(names[stems], count), rng.sample(names[ends], count), strict=True)
        )

    own_roads = tuple(next(roads) for _ in range(4))
    own_communities = tuple(next(communities) for _ in range(3 if town else 7))
    return {
        "community": own_communities,
        "village": tuple(next(villages) for _ in range(4)) if town else (),
        "road": own_roads,
        "company": firms("company_stems", "company_ends", 3),
        "factory": firms("company_stems", "factory_ends", 2),
        "developer": firms("company_stems", "developer_ends", 2),
        "builder": firms("company_stems", "builder_ends", 2),
        "site": tuple(rng.choice(own_communities) + end for end in rng.sample(names["site_ends"], 2)),
        "school": named("school_ends", 2),
        "market": named("market_ends", 2),
        "park": named("park_ends", 1),
        "river": tuple(rivers),
        "hospital": named("hospital_ends", 1),
        "station": (own_roads[0] + "公交站", label + rng.choice(names["station_ends"])),
        "mall": named("mall_ends", 1),
        "hall": (label + ("镇" if town else "街道") + rng.choice(names["hall_ends"]),),
        "eatery": firms("eatery_stems", "eatery_ends", 3),
        "shop": firms("shop_stems", "shop_ends", 4),
    }


def _units(rng: Random, names: dict[str, Any], city: str, districts: tuple[District, ...]) -> Iterator[Unit]:
    for code, pattern in names["units"].items():
        shared = rng.gauss(0.0, QUALITY_SD * 0.5**0.5)
        places: list[str | None] = [d.name for d in districts] if "{district}" in pattern else [None]
        for place in places:
            own = rng.gauss(0.0, QUALITY_SD * 0.5**0.5)
            yield Unit(pattern.format(city=city, district=place), code, place, round(shared + own, 4))


def _pairs(rng: Random, stems: list[str], ends: list[str]) -> list[str]:
    return rng.sample(pairs := [a + b for a in stems for b in dict.fromkeys(ends)], len(pairs))


def _tiles(rng: Random, columns: int, rows: int) -> list[tuple[Point, ...]]:
    """Tiles that share corners and edge middles, so that there is no gap between districts."""

    @cache
    def point(x: int, y: int) -> Point:
        """Corners have even coordinates, edge middles one odd one."""
        shift = 0.3 if x % 2 == y % 2 == 0 else 0.18
        return (round(WEST + (x / 2 + rng.uniform(-shift, shift) / 2) * TILE_DEGREES, 4),
                round(SOUTH + (y / 2 + rng.uniform(-shift, shift) / 2) * TILE_DEGREES, 4))  # fmt: skip

    around = ((0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return [
        tuple(point(2 * column + dx, 2 * row + dy) for dx, dy in around)
        for row in range(rows)
        for column in range(columns)
    ]


def _inside(rng: Random, ring: tuple[Point, ...]) -> Point:
    """A spot well inside the tile: from its middle at most half way to its border."""
    x, y = (sum(p[axis] for p in ring) / len(ring) for axis in (0, 1))
    corner = rng.choice(ring)
    share = rng.uniform(0.05, 0.55)
    return round(x + (corner[0] - x) * share, 4), round(y + (corner[1] - y) * share, 4)
