"""`minsheng work`, `quarantine` and `schedule`, on a house of their own."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import load_commands
from api.commands.work import describe
from api.signals import stop_on_signals
from api.wiring import House
from indices.intake.inbox import Books, Settled
from models.errors import BadRequest, BadSetting
from models.item import Item, Payload
from models.query import Outcome, Query
from models.settings import Settings

PHONE = "13912345678"
Command = Callable[..., Result]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path))
    monkeypatch.setenv("MINSHENG_STORE", "embedded")
    with House(Settings()) as house:
        yield house


@pytest.fixture
def command() -> Command:
    """Runs a command; errors of our own tree are raised. The logging that it sets up ends with it."""

    def run(*words: str) -> Result:
        handlers, level = logging.root.handlers[:], logging.root.level
        result = CliRunner().invoke(load_commands(), words)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def item(name: str, text: str, source: str = "热线") -> Item:
    return Item(source=source, native_id=name, payload=Payload(title="路灯不亮", text=text))


@pytest.fixture
def held(house: House) -> House:
    """Three waiting, then two of them in the quarantine."""
    house.inbox.accept([item("a", f"请回电{PHONE}"), item("b", "[b]路灯[/b]", "信箱"), item("c", "路灯")])
    leased = house.inbox.lease(2, "w")
    reason = f"字段 speaker 的值 {PHONE} 无法识别"
    house.inbox.settle([Settled(one.row, Outcome.REJECTED, reason, "MS202", 1) for one in leased])
    return house


def test_the_quarantine_is_shown_masked_and_short(held: House, command: Command) -> None:
    shown = command("quarantine", "list").stdout
    assert PHONE not in shown
    assert "热线：MS202 1 件" in shown
    answer = json.loads(command("quarantine", "list", "--json").stdout)
    assert PHONE not in json.dumps(answer)
    assert answer["total"] == 2
    first = answer["items"][1]
    assert {name: first[name] for name in ("row", "source", "native_id", "code", "attempts")} == {
        "row": 1, "source": "热线", "native_id": "a", "code": "MS202", "attempts": 1,
    }  # fmt: skip
    assert first["text"].startswith("路灯不亮 请回电139****")
    assert "speaker 的值 139****" in first["reason"]


def test_an_empty_quarantine_says_so(house: House, command: Command) -> None:
    assert command("quarantine", "list").stdout == "隔离区是空的。\n"


def test_retry_and_drop_name_what_they_mean(held: House, command: Command) -> None:
    with pytest.raises(BadRequest, match="用 --all 表示全部"):
        command("quarantine", "drop")
    assert command("quarantine", "retry", "1").stdout == "已放回收件箱 1 件。\n"
    assert held.inbox.books() == Books(received=3, quarantined=1, waiting=2)
    assert command("quarantine", "drop", "--source", "没有").stdout == "已丢弃 0 件。\n"
    assert command("quarantine", "drop", "--all").stdout == "已丢弃 1 件。\n"
    assert held.inbox.books() == Books(received=3, quarantined=1, waiting=2)


def test_a_halted_line_is_told(held: House, command: Command) -> None:
    leased = held.inbox.lease(1, "w")
    held.inbox.settle([Settled(one.row, Outcome.REJECTED, "", "MS204", 1) for one in leased], run_limit=1)
    assert "处理线已停" in command("quarantine", "list").stdout


@pytest.mark.slow
def test_work_drains_the_inbox_and_prints_the_books(house: House, command: Command) -> None:
    house.inbox.accept(
        [item("a", f"请回电{PHONE}，路灯三天不亮"), item("b", "垃圾没人收"), item("a", f"请回电{PHONE}，路灯三天不亮")]
    )
    house.inbox.accept([Item(source="热线", native_id="c", payload=Payload())])
    books = json.loads(command("work", "--drain", "--json").stdout)
    assert books == {
        "received": 4,
        "stored": 2,
        "updated": 0,
        "duplicate": 1,
        "quarantined": 1,
        "refused": 0,
        "waiting": 0,
    }
    records = [hit.record for hit in house.store.search(Query()).hits]
    assert {record.native_id for record in records} == {"a", "b"}
    assert PHONE not in "".join(record.model_dump_json() for record in records)
    assert all(record.annotation and record.annotation.model for record in records)


def test_books_that_do_not_balance_are_told() -> None:
    assert "账目" not in describe(Books(received=2, stored=1, waiting=1))
    assert describe(Books(received=3, stored=1)).endswith("账目不平，差 2")


def test_the_clock_lists_its_jobs(house: House, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = command("schedule", "--list").stdout
    for words in ("ingest", "briefing", "30 7 * * *", "从未"):
        assert words in shown
    monkeypatch.setenv("MINSHENG_JOBS", "crawl,nothing")
    with pytest.raises(BadSetting, match="没有任务 nothing"):
        command("schedule")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop = stop_on_signals()
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
