from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from indices.database import (
    Line,
    Prepared,
    connect,
    database_seconds,
    make_declared_tables,
    reading,
    upsert,
    writing,
    writing_directly,
)
from indices.intake.tables import counts
from models.errors import DatabaseBusy


def sources(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(counts.c.source).order_by(counts.c.source)).scalars())


def test_sqlite_is_durable_and_lets_readers_read(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/new/folder/state.db")
    with engine.connect() as connection:
        values = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
    assert values == {"journal_mode": "wal", "synchronous": 2}
    engine.dispose()


def test_postgresql_gets_the_driver_that_we_ship() -> None:
    pytest.importorskip("psycopg")
    for address in ("postgresql://a@b/c", "postgresql+psycopg://a@b/c"):
        assert connect(address).url.drivername == "postgresql+psycopg"


def test_a_postgresql_that_is_away_is_busy() -> None:
    pytest.importorskip("psycopg")
    engine = connect("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseBusy, match="状态库忙"), reading(engine):
        pass
    engine.dispose()


def test_processes_that_start_together_make_the_tables_once(database_url: str) -> None:
    errors: list[Exception] = []
    gate = threading.Barrier(4)

    def start() -> None:
        engine = connect(database_url)
        gate.wait()
        try:
            make_declared_tables(engine)
        except (DatabaseBusy, SQLAlchemyError) as error:
            errors.append(error)
        engine.dispose()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("way", [writing, writing_directly])
def test_a_transaction_is_all_or_nothing(database: Engine, way: object) -> None:
    add = Prepared(database, insert(counts), ["source"])
    with way(database) as connection:  # type: ignore[operator]
        assert add.run(connection, [{"source": "a"}]) == 1
        assert add.run(connection, [{"source": "b"}, {"source": "c"}]) == 2

    def fail() -> None:
        with way(database) as connection:  # type: ignore[operator]
            add.run(connection, [{"source": "d"}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sources(database) == ["a", "b", "c"]
    with way(database) as connection:  # type: ignore[operator]
        add.run(connection, [{"source": "e"}])
    assert sources(database) == ["a", "b", "c", "e"]


@pytest.mark.parametrize("way", [writing, writing_directly])
def test_a_locked_file_is_busy(tmp_path: Path, way: object) -> None:
    holder = connect(f"sqlite:///{tmp_path}/state.db")
    waiter = connect(f"sqlite:///{tmp_path}/state.db", timeout_seconds=0.05)
    make_declared_tables(holder)
    with holder.begin(), pytest.raises(DatabaseBusy, match="locked"), way(waiter):  # type: ignore[operator]
        pass
    with way(waiter):  # type: ignore[operator]
        pass
    for engine in (holder, waiter):
        engine.dispose()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert true()


def test_a_line_goes_to_who_waits_longest_and_not_back_to_who_had_it() -> None:
    line, order = Line(), list[int]()
    assert line.acquire(0)

    def wait(number: int) -> None:
        assert line.acquire(10)
        order.append(number)
        line.release()

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    for number, thread in enumerate(threads):
        thread.start()
        wait_until(lambda n=number: len(line._waiting) == n + 1)  # type: ignore[misc]
    line.release()
    wait(99)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4, 99]


def test_who_waited_too_long_leaves_the_line_to_the_others() -> None:
    line = Line()
    assert line.acquire(0)
    assert not line.acquire(0.02)
    line.release()
    assert line.acquire(0)
    assert not line.acquire(0)
    line.release()
    assert not line._held


@pytest.mark.parametrize("way", [writing, writing_directly])
def test_threads_write_in_the_order_in_which_they_came(tmp_path: Path, way: object) -> None:
    """By SQLite's own waiting, who asks again in the right moment writes, and others wait for as long as it goes on."""
    engine = connect(f"sqlite:///{tmp_path}/state.db", timeout_seconds=10)
    make_declared_tables(engine)
    add, line = Prepared(engine, insert(counts), ["source"]), engine.get_execution_options()["write_line"][0]

    def write(name: str) -> None:
        with way(engine) as connection:  # type: ignore[operator]
            add.run(connection, [{"source": name}])
            written.append(name)

    written: list[str] = []
    threads = [threading.Thread(target=write, args=(f"{number}",)) for number in range(4)]
    with writing(engine):
        for number, thread in enumerate(threads):
            thread.start()
            wait_until(lambda n=number: len(line._waiting) == n + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert written == ["0", "1", "2", "3"]
    engine.dispose()


def test_a_line_that_does_not_move_is_busy(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/state.db", timeout_seconds=0.05)
    make_declared_tables(engine)
    raised: list[DatabaseBusy] = []

    def write() -> None:
        with pytest.raises(DatabaseBusy, match="没有轮到写入") as caught, writing(engine):
            pass
        raised.append(caught.value)

    with writing(engine):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert raised
    with writing(engine):
        pass
    engine.dispose()


def test_upsert_speaks_both_dialects(database: Engine) -> None:
    add = upsert(database, counts)
    add = add.on_conflict_do_update(index_elements=["source"], set_={"stored": counts.c.stored + add.excluded.stored})
    with writing(database) as connection:
        for n in (2, 3):
            connection.execute(add.values(source="a", stored=n))
        assert connection.execute(select(counts.c.stored)).scalar_one() == 5


def test_the_database_has_the_time(database: Engine) -> None:
    with reading(database) as connection:
        first = database_seconds(connection)
        time.sleep(0.02)
        second = database_seconds(connection)
    assert abs(first - time.time()) < 5
    assert 0.01 < second - first < 5
