"""Base data is kept whole, the newest import stands, and the year asked for decides."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from indices.civic.base_data import BaseData, BaseFigure, strangers, unmatched


def figure(
    name: str, year: int, value: float, *, indicator: str = "population", part: str = "", code: str = "990101"
) -> BaseFigure:
    return BaseFigure(code=code, name=name, indicator=indicator, year=year, value=value, source="年鉴", part=part)


@pytest.fixture
def base(database: Engine) -> BaseData:
    return BaseData(database)


def test_the_newest_year_up_to_the_one_asked_for_counts(base: BaseData) -> None:
    base.keep([figure("河东区", 2020, 1), figure("河东区", 2023, 2), figure("河西区", 2025, 3, code="990102")], "t")
    assert {year: base.of("population", year)["河东区"].value for year in (2019, 2020, 2022, 2023, 2026)} == {
        2019: 1, 2020: 1, 2022: 1, 2023: 2, 2026: 2,
    }  # fmt: skip
    assert base.of("population", 2021)["河西区"].value == 3, "where all are later, the earliest"
    assert list(base.of("population", 2026, names=["河西区"])) == ["河西区"]
    assert base.of("households", 2026) == {}


def test_a_second_import_of_the_same_year_stands_and_parts_lie_apart(base: BaseData) -> None:
    base.keep([figure("河东区", 2025, 1), figure("河东区", 2025, 9, part="60岁以上")], "t")
    base.keep([figure("河东区", 2025, 2)], "t")
    assert base.of("population", 2025)["河东区"].value == 2
    assert base.of("population", 2025, part="60岁以上")["河东区"].value == 9
    assert [(row.part, row.value) for row in base.all()] == [("", 2.0), ("60岁以上", 9.0)]


def test_divisions_that_no_record_names_are_told_once_each() -> None:
    rows = [
        figure("河东区", 2025, 1),
        figure("河冻区", 2025, 1, code="990109"),
        figure("河冻区", 2024, 1, code="990109"),
    ]
    assert unmatched(rows, {"河东区", "河西区"}) == ["990109 河冻区"]


def test_codes_of_another_city_are_told() -> None:
    rows = [figure("河东区", 2025, 1), figure("河西区", 2025, 1, code="990102"), figure("远县", 2025, 1, code="980101")]
    assert strangers(rows) == ["980101 远县"]
    assert strangers([]) == []
