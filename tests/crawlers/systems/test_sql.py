"""Tables read on by a number and by the time of a change, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, DateTime, Engine, Integer, MetaData, String, Table, create_engine, insert, update

from crawlers.systems.source import Span
from models.clock import CITY_TIME
from models.identity import record_id, revision
from tests.crawlers.systems.conftest import Desk, definition

FIRST = datetime(2026, 3, 1, 8, 0)  # noqa: DTZ001 - hotline tables carry no zone
metadata = MetaData()
orders = Table("orders", metadata, Column("id", Integer, primary_key=True), Column("number", String(20)), Column("title", String(100)),
               Column("content", String(500)), Column("created", DateTime), Column("changed", DateTime), Column("answer", String(500)))  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def hall(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'hall.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    metadata.create_all(engine)
    yield engine
    metadata.drop_all(engine)
    engine.dispose()


def put(engine: Engine, *numbers: int, changed: datetime | None = None) -> None:
    rows = [{"id": n, "number": f"H{n}", "title": f"第{n}件", "content": "路灯不亮", "created": FIRST + timedelta(hours=n),
             "changed": changed or FIRST + timedelta(hours=n)} for n in numbers]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(orders), rows)


def numbers(desk: Desk) -> list[str]:
    return [item.native_id or "" for item in desk.items]


def test_a_table_is_read_on_by_its_growing_number(desk: Desk, hall: Engine) -> None:
    hall_source = definition(url=hall.url.render_as_string(hide_password=False), batch=10)
    put(hall, *range(1, 26))
    assert (desk.pull(hall_source).rows, desk.pull(hall_source).rows) == (25, 0)
    put(hall, 26, 27)
    done = desk.pull(hall_source)
    assert (done.rows, numbers(desk)) == (2, ["H26", "H27"])
    assert desk.items[0].payload.created_at == (FIRST + timedelta(hours=26)).replace(tzinfo=CITY_TIME)
    assert desk.places.get("hall").position == {"cursor": 27, "key": None}


def test_changes_arrive_as_later_revisions_of_the_same_order(desk: Desk, hall: Engine) -> None:
    hall_source = definition(url=hall.url.render_as_string(hide_password=False), cursor="changed", key="id", batch=3)
    put(hall, *range(1, 8), changed=FIRST)  # all at one moment: the key tells them apart over the batches
    assert desk.pull(hall_source).rows == 7
    first = desk.items[2]
    with hall.begin() as connection:
        connection.execute(
            update(orders).where(orders.c.id == 3).values(answer="已修复", changed=FIRST + timedelta(days=1))
        )
    assert desk.pull(hall_source).rows == 1
    [later] = desk.items
    assert later.payload.reply == "已修复"
    assert record_id(later) == record_id(first)
    assert revision(later) > revision(first)


def test_rows_whose_transaction_ended_late_are_met_by_the_overlap(desk: Desk, hall: Engine) -> None:
    plain = definition(url=hall.url.render_as_string(hide_password=False))
    wide = definition(url=hall.url.render_as_string(hide_password=False), overlap=5)
    put(hall, 1, 2, 4)
    desk.pull(plain)
    put(hall, 3)  # begun before 4, ended after it
    assert desk.pull(plain).rows == 0
    desk.pull(wide)
    assert "H3" in numbers(desk)
    assert desk.places.get("hall").position["cursor"] == 4, "it never goes back"


def test_a_backfill_reads_the_days_and_leaves_the_position(desk: Desk, hall: Engine) -> None:
    hall_source = definition(url=hall.url.render_as_string(hide_password=False), cursor="created", key="id")
    put(hall, *range(1, 73))
    desk.pull(hall_source)
    position = desk.places.get("hall").position
    begin = datetime(2026, 3, 2, tzinfo=CITY_TIME)
    done = desk.pull(hall_source, Span(begin, begin + timedelta(days=1) - timedelta(microseconds=1)))
    assert done.rows == 24
    assert {item.payload.created_at.day for item in desk.items if item.payload.created_at} == {2}
    assert desk.places.get("hall").position == position


@pytest.mark.parametrize(("changes", "why"), [({"table": "nothing"}, "没有表 nothing；有 orders"), ({"cursor": "nr"}, "没有列 nr；有 id"),
                                              ({"url": "nosuch://x"}, "数据库地址不可用")])  # fmt: skip
def test_what_is_not_there_is_named_with_what_is(desk: Desk, tmp_path: Path, changes: dict[str, str], why: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'hall.db'}")
    metadata.create_all(engine)
    engine.dispose()
    done = desk.pull(definition(**{"url": str(engine.url), **changes}))
    assert why in done.error
    assert why in desk.places.get("hall").error


@pytest.mark.timeout(60)
def test_a_database_that_is_away_is_told_and_nothing_moves(desk: Desk) -> None:
    done = desk.pull(definition(url="postgresql+psycopg://nobody@127.0.0.1:9/none"))
    assert "MS108 来源 hall 取不到" in done.error
    assert desk.places.get("hall").position == {}


def test_a_batch_that_is_not_accepted_is_read_again(desk: Desk, hall: Engine) -> None:
    from models.errors import DatabaseBusy

    hall_source = definition(url=hall.url.render_as_string(hide_password=False), batch=4)
    put(hall, *range(1, 9))
    taken: list[str] = []

    def refuse_the_second(items: list) -> int:  # type: ignore[type-arg]
        if taken:
            raise DatabaseBusy(reason="voll")
        taken.extend(item.native_id for item in items)
        return len(items)

    from crawlers.systems.pulling import pull

    done = pull(hall_source, desk.places, desk.archive, refuse_the_second)
    assert "MS102" in done.error
    desk.pull(hall_source)
    assert [*taken, *numbers(desk)] == [f"H{n}" for n in range(1, 9)]
