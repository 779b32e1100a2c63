"""Every definition of the registry against a table that was counted by hand, on both engines."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.civic import metrics
from indices.civic.base_data import BaseData, BaseFigure
from indices.civic.metrics import measure, measure_by, registry, series
from indices.stores.embedded import EmbeddedStore
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.ports import Store
from models.query import Query
from models.record import Annotation, Record

GOLDEN: dict[str, Any] = tomllib.loads(Path(__file__).with_name("golden_metrics.toml").read_text(encoding="utf-8"))
CASES = [
    (row["metric"], year, *row[year]) for row in GOLDEN["expected"] for year in ("2025", "2026") if year in row
]  # fmt: skip
TODAY = datetime(2026, 4, 30, 4, tzinfo=UTC)


def order(row: dict[str, Any]) -> Record:
    fields = dict(row)
    note = {name: fields.pop(name) for name in ("urgency", "positive") if name in fields}
    annotation = Annotation(model="m", **note) if note else None
    return Record.model_validate(
        {"revision": 1, "intake": "1", "source": "t", "text": "x", "annotation": annotation, **fields}
    )


@pytest.fixture(params=["memory", "embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(metrics, "now", lambda: TODAY)
    made: Store = MemoryStore() if request.param == "memory" else EmbeddedStore(tmp_path / "index")
    made.upsert([order(row) for row in GOLDEN["order"]])
    yield made
    made.close()


@pytest.fixture
def base(database: Engine) -> BaseData:
    made = BaseData(database)
    people = {2024: (20_000, 30_000), 2026: (25_000, 30_000)}
    made.keep(
        [
            BaseFigure(code=code, name=name, indicator="population", year=year, value=value, source="年鉴")
            for year, values in people.items()
            for (code, name), value in zip((("990101", "河东区"), ("990102", "河西区")), values, strict=True)
        ],
        "t",
    )
    return made


def year_of(year: str) -> Query:
    return Query(since=day_start(date(int(year), 1, 1)), until=day_start(date(int(year) + 1, 1, 1)))


def test_every_version_of_every_metric_has_a_case() -> None:
    assert {metric for metric, *_ in CASES} == {one.version for one in registry()}


@pytest.mark.parametrize(
    ("metric", "year", "numerator", "denominator", "value"), CASES, ids=[f"{m}-{y}" for m, y, *_ in CASES]
)
def test_metric_by_hand(
    store: Store, base: BaseData, metric: str, year: str, numerator: int, denominator: int, value: float
) -> None:
    found = measure(store, metric.split("@")[0], year_of(year), base=base)
    assert found.source is not None
    assert found.source.versions == {"metric": metric}
    assert (found.numerator, found.denominator or denominator) == (numerator, denominator)
    assert found.value is None if math.isnan(value) else found.value == value
    if found.low is not None and found.high is not None and found.value is not None:
        assert 0 <= found.low <= found.low90 <= found.value <= found.high90 <= found.high <= 100  # type: ignore[operator]


@pytest.mark.parametrize("name", metrics.names())
@pytest.mark.parametrize("by", ["district", "month"])
def test_units_add_up_to_the_whole(store: Store, base: BaseData, name: str, by: str) -> None:
    whole, parts = (
        measure(store, name, year_of("2026"), base=base),
        measure_by(store, name, year_of("2026"), by, base=base),
    )  # type: ignore[arg-type]
    assert sum(part.numerator or 0 for part in parts.values()) == whole.numerator
    if whole.denominator is not None and not (name == "received_per_10k" and by == "month"):
        assert sum(part.denominator or 0 for part in parts.values()) == whole.denominator


@pytest.mark.parametrize("name", metrics.names())
def test_a_month_of_the_series_is_the_measure_of_that_month(store: Store, base: BaseData, name: str) -> None:
    found = series(store, name, Query(), base=base)
    assert list(found.points) == ["2025-03", "2026-02", "2026-03", "2026-04"]
    for month, point in found.points.items():
        year, number = map(int, month.split("-"))
        window = Query(since=day_start(date(year, number, 1)), until=day_start(date(year, number + 1, 1)))
        alone = measure(store, name, window, base=base)
        assert (point.numerator, point.effective) == (alone.numerator, alone.effective)
        if name != "received_per_10k":  # people of the year of the window's end
            assert (point.value, point.denominator, point.low) == (alone.value, alone.denominator, alone.low)


def test_a_series_says_where_the_definition_changed(store: Store) -> None:
    changed = series(store, "satisfaction_rate", Query())
    assert [(one.month, one.day) for one in changed.changes] == [("2026-02", date(2026, 1, 1))]
    assert "已并入他单" in changed.changes[0].definition
    assert series(store, "timely_rate", Query()).changes == ()


def test_without_people_there_is_no_rate_and_one_missing_district_is_enough(
    store: Store, base: BaseData, database: Engine
) -> None:
    assert measure(store, "received_per_10k", Query()).value is None
    store.upsert([order({"id": "c", "created_at": datetime(2026, 3, 3, tzinfo=UTC), "district": "河北区"})])
    assert measure(store, "received_per_10k", year_of("2026"), base=base).value is None
    assert measure_by(store, "received_per_10k", year_of("2026"), "district", base=base)["河北区"].value is None
    assert measure(store, "received_per_10k", year_of("2026").narrowed(district=("河东区",)), base=base).value == 1.2
