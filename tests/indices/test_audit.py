import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError

from indices.audit import AuditLog, Note, audit, gathering
from indices.database import connect, metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def filled(engine: Engine, count: int = 10) -> AuditLog:
    times = iter(range(1, 1_000))
    log = AuditLog(engine, clock=lambda: next(times) * 86_400.0)
    for number in range(count):
        log.note("wang", "record.read", f"记录{number}", success=number % 3 > 0)
    return log


def test_rows_come_newest_first_with_what_was_noted(engine: Engine) -> None:
    log = filled(engine)
    rows = log.rows(limit=2)
    assert [(r.number, r.object, r.success) for r in rows] == [(10, "记录9", False), (9, "记录8", True)]
    assert [r.number for r in log.rows(before=3)] == [2, 1]


def test_a_whole_chain_verifies(engine: Engine) -> None:
    assert filled(engine).verify() is None


@pytest.mark.parametrize("column", ["who", "action", "object"])
def test_a_changed_row_is_found(engine: Engine, column: str) -> None:
    log = filled(engine)
    with engine.begin() as connection:
        connection.execute(update(audit).where(audit.c.number == 4).values({column: "别的"}))
    assert log.verify() == 4


def test_a_changed_success_is_found(engine: Engine) -> None:
    log = filled(engine)
    with engine.begin() as connection:
        connection.execute(update(audit).where(audit.c.number == 1).values(success=True))
    assert log.verify() == 1


def test_a_removed_row_is_found(engine: Engine) -> None:
    log = filled(engine)
    with engine.begin() as connection:
        connection.execute(delete(audit).where(audit.c.number == 6))
    assert log.verify() == 7


def test_old_rows_leave_from_the_old_end_and_the_rest_verifies(engine: Engine) -> None:
    log = filled(engine)
    assert log.expire(days=180) == 0
    assert log.expire(days=4) == 6  # the clock stands at day 12: rows of days 1…7 are older, the newest of them stays
    assert [r.number for r in log.rows()][-1] == 7
    assert log.verify() is None


def test_writers_at_the_same_time_make_one_chain(engine: Engine) -> None:
    log = AuditLog(engine)
    threads = [threading.Thread(target=lambda: [log.note("a", "b", "c") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log.rows(limit=200)) == 80
    assert log.verify() is None


def test_gathered_rows_are_written_together_in_their_order(engine: Engine) -> None:
    log = filled(engine, 1)
    with gathering() as gathered:
        for number in range(3):
            log.note("li", "record.count", str(number), success=number != 1)
        assert len(log.rows()) == 1
        log.write(gathered.close())
        assert [(row.object, row.success) for row in log.rows(limit=3)] == [("2", True), ("1", False), ("0", True)]
        assert gathered.close() == []
        log.note("li", "record.read", "after")
        assert log.rows(limit=1)[0].object == "after"
    log.note("li", "record.read", "outside")
    assert [row.number for row in log.rows()] == [6, 5, 4, 3, 2, 1]
    assert [row.at for row in log.rows()] == sorted((row.at for row in log.rows()), reverse=True)
    assert log.verify() is None


def test_gathered_rows_are_written_all_or_none(engine: Engine) -> None:
    log = filled(engine, 2)
    notes = [Note(1.0, "li", "a", "1", True), Note(2.0, "li", "a", None, True)]  # type: ignore[arg-type]
    with pytest.raises((IntegrityError, TypeError)):
        log.write(notes)
    assert len(log.rows()) == 2
    log.write([])
    assert len(log.rows()) == 2


def test_any_text_can_be_noted(engine: Engine) -> None:
    log = AuditLog(engine)
    for text in ("", "\x00\ud800", "长" * 5_000, "\x1f"):
        log.note("w" * 100, "x", text)
    assert log.verify() is None


def test_any_name_can_be_noted(engine: Engine) -> None:
    log = AuditLog(engine)
    log.note("无\x00名\ud800" + "x" * 100, "session.open", "-", success=False)
    assert log.rows()[0].who == "无名?" + "x" * 61
    assert log.verify() is None
