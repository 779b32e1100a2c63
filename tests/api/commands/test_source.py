"""Sources from the first definition to the pause, with a real table behind them; heavier tests of the web are in tests/crawlers/web."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, DateTime, Engine, Integer, MetaData, String, Table, create_engine, insert, update

from api.collecting import held
from api.wiring import House
from models.errors import BadFile, BadRequest, NotFound
from models.settings import Settings
from tests.api.commands.conftest import Minsheng

metadata = MetaData()
orders = Table("orders", metadata, Column("id", Integer, primary_key=True), Column("number", String(20)), Column("title", String(100)),
               Column("content", String(500)), Column("created", DateTime), Column("office", String(50)))  # fmt: skip
DEFINITION = """
name = "hall"
owner = "热线办"
legal_basis = "共享协议"
system = "sql"
url = "{url}"
table = "orders"
cursor = "created"
key = "id"
[columns]
number = "native_id"
title = "title"
content = "text"
created = "created_at"
"""


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'hall.db'}")
    metadata.create_all(engine)
    rows = [{"id": n, "number": f"H{n}", "title": f"柳堤路第{n}盏路灯不亮", "content": f"已有{n}天没有人修", "office": "市城管局",
             "created": datetime(2026, 3, 1) + timedelta(hours=6 * n)} for n in range(1, 13)]  # noqa: DTZ001  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(orders), rows)
    yield engine
    engine.dispose()


@pytest.fixture
def definition(hall: Engine, tmp_path: Path) -> Path:
    path = tmp_path / "hall.toml"
    path.write_text(DEFINITION.format(url=hall.url), encoding="utf-8")
    return path


def test_a_source_is_tried_added_read_paused_and_read_again(minsheng: Minsheng, definition: Path, home: Path) -> None:
    tried = minsheng("source", "test", definition).output
    assert "连上了，列：id、number、title" in tried
    assert "柳堤路第1盏路灯不亮" in tried
    assert "已启用 hall" in minsheng("source", "add", definition).output
    with pytest.raises(BadFile, match="已经有了"):
        minsheng("source", "add", definition)
    assert "hall：1 批，12 行" in minsheng("pull").output
    assert "读 12 行" in minsheng("source", "list").output
    minsheng("source", "pause", "hall")
    assert "暂停" in minsheng("source", "list").output
    minsheng("pull", "--due")
    with House(Settings(home=home), read_only=True) as house:
        began = house.places.get("hall").began_at
    minsheng("source", "run", "hall")
    assert "hall：0 批，0 行" in minsheng("pull", "--due").output
    with House(Settings(home=home), read_only=True) as house:
        assert house.places.get("hall").began_at != began
        assert house.inbox.books("hall").received == 12
    assert "恢复" in minsheng("source", "resume", "hall").output
    with pytest.raises(NotFound, match="有 hall"):
        minsheng("source", "pause", "nothing")


def test_a_backfill_reads_days_again_and_counts_nothing_twice(minsheng: Minsheng, definition: Path, home: Path) -> None:
    minsheng("source", "add", definition)
    minsheng("pull")
    minsheng("work", "--drain")
    assert "1 批，4 行" in minsheng("source", "backfill", "hall", "--from", "2026-03-02", "--to", "2026-03-02").output
    minsheng("work", "--drain")
    with House(Settings(home=home), read_only=True) as house:
        books = house.inbox.books("hall")
    assert (books.received, books.stored, books.duplicate, books.difference) == (16, 12, 4, 0)
    for begin, end in (("2026-03-09", "2026-03-02"), ("yesterday", "2026-03-02")):
        with pytest.raises(BadRequest, match="--from"):
            minsheng("source", "backfill", "hall", "--from", begin, "--to", end)


def test_what_a_person_has_to_fill_in_is_asked_for(minsheng: Minsheng, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    minsheng("source", "new", "https://www.city.example/letters", "--template", "mailbox", "--name", "信箱", "-o", path)
    with pytest.raises(BadFile, match="owner、legal_basis、contact 还没有填写"):
        minsheng("source", "add", path)
    with pytest.raises(BadRequest, match="应为 board、ckan"):
        minsheng("source", "new", "https://www.city.example/", "--template", "fax")


def test_one_source_is_read_by_one_process(minsheng: Minsheng, definition: Path, home: Path) -> None:
    minsheng("source", "add", definition)
    with House(Settings(home=home), read_only=True) as house, held(house, "hall") as mine:
        assert mine
        assert "另一个进程正在取" in minsheng("pull").output
        assert minsheng("source", "backfill", "hall", "--from", "2026-03-02", "--to", "2026-03-02").exit_code == 1
    assert "12 行" in minsheng("pull").output


def test_a_bad_file_stops_no_other_source(minsheng: Minsheng, definition: Path, home: Path) -> None:
    minsheng("source", "add", definition)
    (home / "sources" / "broken.toml").write_text("name =", encoding="utf-8")
    told = minsheng("pull", "--due").output
    assert "broken.toml" in told
    assert "12 行" in told


# --- replays -----------------------------------------------------------------------------------------------------------
def test_a_replay_shows_the_difference_first_and_then_puts_it_in_place(
    minsheng: Minsheng, definition: Path, home: Path
) -> None:
    minsheng("source", "add", definition)
    minsheng("pull")
    minsheng("work", "--drain")
    assert "相同 12，新增 0，改变 0，消失 0" in minsheng("replay", "--source", "hall").output
    kept = home / "sources" / "hall.toml"
    kept.write_text(kept.read_text(encoding="utf-8") + 'office = "department"\n', encoding="utf-8")
    shown = minsheng("replay", "--source", "hall")
    assert "新增 0，改变 12，消失 0" in shown.output
    assert "department 12" in shown.output
    assert "没有写入" in shown.output
    with House(Settings(home=home), read_only=True) as house:
        assert {record.department for record in house.store.scan(_everything())} == {None}
    assert "已切换到新版本" in minsheng("replay", "--source", "hall", "--apply", "--yes").output
    with House(Settings(home=home), read_only=True) as house:
        records = list(house.store.scan(_everything()))
    assert [record.department for record in records] == ["市城管局"] * 12
    assert "相同 12" in minsheng("replay", "--source", "hall").output


def test_what_is_read_no_more_is_lost_and_what_is_known_later_stays(
    minsheng: Minsheng, definition: Path, home: Path, hall: Engine
) -> None:
    minsheng("source", "add", definition)
    minsheng("pull")
    minsheng("work", "--drain")
    with hall.begin() as connection:
        connection.execute(
            update(orders).where(orders.c.id == 12).values(title="改过的标题", created=datetime(2026, 3, 9))  # noqa: DTZ001
        )
    minsheng("pull")
    minsheng("work", "--drain")
    kept = home / "sources" / "hall.toml"
    kept.write_text(
        kept.read_text(encoding="utf-8").replace('number = "native_id"', 'id = "native_id"'), encoding="utf-8"
    )
    told = minsheng("replay", "--source", "hall").output
    assert "新增 12，改变 0，消失 12" in told, "another identity makes other records"
    minsheng("replay", "--source", "hall", "--apply", "--yes")
    with House(Settings(home=home), read_only=True) as house:
        records = list(house.store.scan(_everything()))
    assert sorted(record.native_id or "" for record in records) == sorted(str(n) for n in range(1, 13))
    assert [record.title for record in records if record.native_id == "12"] == ["改过的标题"], "the later of two states"


def test_the_archive_is_listed_verified_and_broken_parts_are_told(
    minsheng: Minsheng, definition: Path, home: Path
) -> None:
    minsheng("source", "add", definition)
    minsheng("pull")
    assert "hall" in minsheng("archive", "list").output
    assert "hall：1 块完好，0 块不符" in minsheng("archive", "verify").output
    [path] = (home / "archive" / "hall").glob("*.sealed")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    broken = minsheng("archive", "verify")
    assert (broken.exit_code, "与校验和不符" in broken.output) == (1, True)
    with pytest.raises(BadFile, match="与校验和不符"):
        minsheng("replay", "--source", "hall")
    with pytest.raises(BadRequest, match="归档里没有它"):
        minsheng("replay", "--source", "nothing")


def test_a_field_that_vanished_from_the_reading_is_named(minsheng: Minsheng, definition: Path, home: Path) -> None:
    minsheng("source", "add", definition)
    minsheng("pull")
    minsheng("work", "--drain")
    assert "没有字段消失" in minsheng("source", "check", "hall").output
    kept = home / "sources" / "hall.toml"
    kept.write_text(kept.read_text(encoding="utf-8").replace('content = "text"', 'contents = "text"'), encoding="utf-8")
    told = minsheng("source", "check", "hall")
    assert (told.exit_code, "字段消失：text" in told.output) == (1, True)


def test_what_is_pushed_or_ingested_can_be_replayed_too(minsheng: Minsheng, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "工单编号,标题,诉求内容,受理时间\nF1,路灯不亮,柳堤路路灯不亮三天了,2026-03-01 08:00\n", encoding="utf-8"
    )
    minsheng("ingest", path, "--source", "export")
    assert "得 1 件：相同 1" in minsheng("replay", "--source", "export").output


def _everything() -> object:
    from models.query import Query

    return Query()
