"""The catalogue lists every table there is, and nothing that there is not."""

from __future__ import annotations

from sqlalchemy import Engine

from indices.data_catalogue import data_catalogue
from indices.database import create_tables, metadata
from models.labels import Grade


def test_every_table_has_an_owner_a_period_and_a_grade(database: Engine) -> None:
    create_tables(database)
    listed = [one.name for one in data_catalogue() if one.kind == "table"]
    assert sorted(listed) == sorted(metadata.tables)
    for one in data_catalogue():
        assert len(one.about) >= 6
        assert one.owner
        assert one.period


def test_what_holds_the_words_of_citizens_as_they_came_has_the_highest_grade_of_general_data() -> None:
    grades = {one.name: one.grade for one in data_catalogue()}
    assert {grades[name] for name in ("incoming", "inbox", "quarantine")} == {Grade.GENERAL_4}
    assert grades["records"] is Grade.GENERAL_3
