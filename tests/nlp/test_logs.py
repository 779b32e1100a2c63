from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from nlp.logs import JsonLines, PersonalDataFilter, configure_logging

CANARIES = ("13800138000", "110105199003070113", "王小明", "6222021234567890128", "wang@example.cn", "京A12345")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The whole process's log, put back afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    handler = configure_logging("INFO", stream)
    yield stream
    root.removeHandler(handler)
    for earlier in before:
        root.addHandler(earlier)
    root.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_one_json_object_a_line(log: io.StringIO) -> None:
    logging.getLogger("indices.intake").info(
        "item_stored", extra={"row": 7, "source": "hotline", "seconds": 0.5, "again": False}
    )
    (line,) = lines(log)
    assert line["time"].endswith("+00:00")
    assert {key: line[key] for key in ("level", "logger", "event", "row", "source", "seconds", "again")} == {
        "level": "INFO", "logger": "indices.intake", "event": "item_stored", "row": 7, "source": "hotline", "seconds": 0.5, "again": False,
    }  # fmt: skip


def test_line_breaks_in_a_message_make_no_second_line(log: io.StringIO) -> None:
    logging.getLogger("x").warning("one\ntwo")
    assert len(lines(log)) == 1


def test_no_canary_passes_by_any_way(log: io.StringIO) -> None:
    logger = logging.getLogger("canary")
    text = (
        f"我叫王小明，电话{CANARIES[0]}，身份证{CANARIES[1]}，卡号{CANARIES[3]}，邮箱{CANARIES[4]}，车牌{CANARIES[5]}"
    )
    logger.info(text)
    logger.info("bad_item %s", text)
    logger.info("bad_item %(text)s", {"text": text})
    logger.info(
        "bad_item",
        extra={
            "payload": {"text": text, text: 1},
            "items": [text, (text,)],
            "phone": int(CANARIES[0]),
            "error": ValueError(text),
        },
    )
    logger.info("does not fit %d", text)
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("item_failed")
        logger.info("stack", stack_info=True)
    logging.getLogger().warning(text)
    written = log.getvalue()
    assert len(lines(log)) == 8
    assert not [canary for canary in CANARIES if canary in written]
    assert "138****8000" in written
    assert "ValueError" in written


def test_other_handlers_see_the_masked_record_too() -> None:
    record = logging.makeLogRecord(
        {"msg": "phone %s", "args": ("13800138000",), "levelno": 20, "levelname": "INFO", "name": "x"}
    )
    assert PersonalDataFilter().filter(record)
    assert record.getMessage() == "phone 138****8000"
    assert json.loads(JsonLines().format(record))["event"] == "phone 138****8000"


def test_a_whole_text_is_cut(log: io.StringIO) -> None:
    logging.getLogger("x").info("路灯坏了。" * 10_000)
    assert len(lines(log)[0]["event"]) <= 2_001


def test_an_exception_is_written_where_no_filter_ran() -> None:
    try:
        raise KeyError("missing")
    except KeyError as error:
        record = logging.makeLogRecord({"msg": "item_failed", "exc_info": (type(error), error, error.__traceback__)})
    assert "KeyError" in json.loads(JsonLines().format(record))["error"]


def test_chatty_libraries_are_quiet(log: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1/?phone=13800138000")
    assert log.getvalue() == ""


def test_asks_for_one_handler_however_often(log: io.StringIO) -> None:
    configure_logging("WARNING", log)
    logging.getLogger("x").warning("once")
    logging.getLogger("x").info("not at all")
    assert len(lines(log)) == 1
