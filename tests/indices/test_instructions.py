from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.database import connect, create_tables
from indices.instructions import LONGEST, Instructions, lines
from models.errors import BadRequest, NotFound

AT = datetime(2026, 9, 8, 2, tzinfo=UTC)
TODAY, DUE = date(2026, 9, 8), date(2026, 9, 15)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Instructions]:
    engine: Engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield Instructions(engine)
    engine.dispose()


def add(register: Instructions, text: str = "请住建局核实", due: date = DUE, about: str = "briefing:2026-09-07") -> int:
    return register.add(about, text, "李市长", "住建局", due, at=AT).id


def test_from_the_note_to_its_end(register: Instructions) -> None:
    number = add(register)
    with pytest.raises(BadRequest, match="先写反馈"):
        register.close(number)
    register.answer(number, "已到现场", "王科长", at=AT + timedelta(days=1))
    again = register.answer(number, "已整改", "王科长", at=AT + timedelta(days=2))
    assert (again.state, again.answer, again.answered_by) == ("answered", "已整改", "王科长")
    closed = register.close(number, at=AT + timedelta(days=3))
    assert (closed.state, closed.closed_at) == ("closed", AT + timedelta(days=3))
    for late in (lambda: register.answer(number, "再写", "王"), lambda: register.close(number)):
        with pytest.raises(BadRequest, match="不再改动"):
            late()
    assert register.list(only_open=True) == []
    assert [one.id for one in register.list()] == [number]


def test_the_most_pressing_first_and_urgency_in_words(register: Instructions) -> None:
    later, soon, today = add(register, due=DUE), add(register, due=TODAY + timedelta(days=1)), add(register, due=TODAY)
    done = add(register, due=TODAY)
    register.answer(done, "办完", "王")
    register.close(done)
    assert [one.id for one in register.list()] == [today, soon, later, done]
    assert [one.urgency(TODAY) for one in register.list()] == ["今日到期", "明日到期", "", ""]
    assert register.get(today).urgency(TODAY + timedelta(days=3)) == "已逾期 3 天"
    register.answer(today, "在办", "王")
    assert register.get(today).urgency(TODAY + timedelta(days=3)) == ""  # it is the leader's turn


def test_lines_for_the_briefing(register: Instructions) -> None:
    first, _ = add(register), add(register, "查明原因", about="incident:SJ2026-00001")
    register.answer(first, "已核实", "王")
    told = lines(register.list(only_open=True), TODAY + timedelta(days=10))
    assert told[0] == "李市长批示（2026-09-08）：“请住建局核实”。承办：住建局，期限 2026-09-15。反馈：“已核实”。"
    assert told[1].endswith("期限 2026-09-15，已逾期 3 天，尚未反馈。")
    assert len(register.list(about="incident:SJ2026-00001")) == 1


@pytest.mark.parametrize(
    "bad",
    [
        lambda r: r.add("elsewhere", "x", "w", "o", DUE, at=AT),
        lambda r: r.add("briefing:2026-9-7", "x", "w", "o", DUE, at=AT),
        lambda r: r.add("briefing:2026-09-07", " ", "w", "o", DUE, at=AT),
        lambda r: r.add("briefing:2026-09-07", "x" * (LONGEST + 1), "w", "o", DUE, at=AT),
        lambda r: r.add("briefing:2026-09-07", "x", "w", "", DUE, at=AT),
        lambda r: r.add("briefing:2026-09-07", "x", "w", "o", TODAY - timedelta(days=1), at=AT),
    ],
)
def test_what_is_missing_is_named(register: Instructions, bad: Callable[[Instructions], Any]) -> None:
    with pytest.raises(BadRequest):
        bad(register)
    assert register.list() == []


def test_unknown_numbers(register: Instructions) -> None:
    for ask in (lambda: register.get(7), lambda: register.answer(7, "x", "w"), lambda: register.close(7)):
        with pytest.raises(NotFound):
            ask()
