from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise

import pytest

from crawlers.simulation.city import QUALITY_SD, City, load_names, make_city
from crawlers.simulation.grammar import PLACE_KINDS, load_issues
from indices.civic.catalogue import COLUMNS, Catalogue, _entry
from models.labels import DEPARTMENTS
from nlp.places import find_places

SEEDS = range(1, 16)


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(1)


def test_same_seed_same_city(city: City) -> None:
    make_city.cache_clear()
    again = make_city(1)
    assert again is not city
    assert again == city
    assert make_city(2) != city


@pytest.mark.parametrize("seed", SEEDS)
def test_a_prefecture_of_the_promised_size(seed: int) -> None:
    city = make_city(seed)
    assert 8 <= len(city.districts) <= 12
    assert all(6 <= len(district.streets) <= 8 for district in city.districts)
    for names in ([d.name for d in city.districts], [s.name for s in city.streets], [u.name for u in city.units]):
        assert len(set(names)) == len(names)
    communities = Counter(name for street in city.streets for name in street.places["community"])
    assert communities.most_common(1)[0][1] == 1, "a community names one place"


def test_every_kind_of_place_is_somewhere(city: City) -> None:
    for kind in set(PLACE_KINDS) - {"street"}:
        assert any(street.places[kind] for street in city.streets), kind
    assert all(street.places["village"] for street in city.streets if street.town)
    assert not any(street.places["village"] for street in city.streets if not street.town)


def test_cities_and_districts_are_not_real() -> None:
    names = load_names()
    for stem in names["cities"] + names["districts"]:
        for name in (stem + "市", stem + "区", stem + "县", stem + "街道", stem + "镇"):
            assert not list(find_places(name)), name


def test_offices(city: City) -> None:
    assert {unit.code for unit in city.units} == set(DEPARTMENTS)
    district = city.districts[0].name
    assert city.unit("城管", district).name == f"{district}城管局"
    assert city.unit("交警", district) is city.unit("交警", city.districts[1].name)
    qualities = [unit.quality for seed in SEEDS for unit in make_city(seed).units]
    mean = sum(qualities) / len(qualities)
    sd = (sum((q - mean) ** 2 for q in qualities) / len(qualities)) ** 0.5
    assert abs(mean) < 0.1
    assert sd == pytest.approx(QUALITY_SD, rel=0.15)


def test_the_catalogue_sends_every_matter_to_the_office_that_has_it(city: City) -> None:
    rows = city.catalogue_rows()
    assert all(tuple(row) == COLUMNS for row in rows)
    catalogue = Catalogue(_entry(dict(row), "catalogue.csv", number) for number, row in enumerate(rows, start=2))
    day = date(2026, 11, 24)
    for issue in load_issues():
        for district in city.districts:
            told = catalogue.office(issue.department, issue.topic, issue.subtopic, district.name, day)
            assert told == city.unit(issue.department, district.name).name
    assert catalogue.binding(rows[0]["topic"], None, None, day) is None


def test_outlines_are_closed_tiles_without_gaps(city: City) -> None:
    outline = city.outline()
    assert [f["properties"]["name"] for f in outline["features"]] == [d.name for d in city.districts]
    edges: Counter[frozenset[tuple[float, float]]] = Counter()
    for feature in outline["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        points = [tuple(point) for point in ring]
        assert points[0] == points[-1]
        assert _area(points) > 0, "counter-clockwise, as GeoJSON wants it"
        edges.update(frozenset(pair) for pair in pairwise(points))
    assert set(edges.values()) == {1, 2}, "an edge belongs to one district or is shared by two"
    for district in city.districts:
        assert all(_inside(street.centre, district.ring) for street in district.streets)


def _area(points: list[tuple[float, ...]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(points)) / 2


def _inside(point: tuple[float, float], ring: tuple[tuple[float, float], ...]) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
