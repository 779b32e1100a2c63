"""Logging without personal data: JSON lines, English event names, every string masked on its way out (promise S11)."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from nlp.mask import mask

_LIMIT_CHARACTERS: Final = 2_000  # of one string in a log line; a whole text has no business there
_LONGEST_TRACE_CHARACTERS: Final = 20_000
# What every record carries; anything else came by `extra=`.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class PersonalDataFilter(logging.Filter):
    """Masks personal data in the message, its arguments, `extra` fields, and the exception of a log record.

    Put it on a handler: there it sees the records of every logger. The record is changed in place, so handlers that come after
    see it masked as well.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _masked(_message(record))
        record.args = None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = _masked(logging.Formatter().formatException(record.exc_info), _LONGEST_TRACE_CHARACTERS)
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = _masked(record.exc_text, _LONGEST_TRACE_CHARACTERS)
        if record.stack_info:
            record.stack_info = _masked(record.stack_info, _LONGEST_TRACE_CHARACTERS)
        for name in vars(record).keys() - _OWN:
            setattr(record, name, _masked_value(getattr(record, name)))
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, event, the fields given by `extra`, error."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _OWN and name not in line})
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["error"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> logging.Handler:
    """The whole process logs JSON lines without personal data to `stream` (standard error); earlier handlers are taken away.

    Libraries that log requests or statements at INFO are quiet below WARNING, whatever the level.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(PersonalDataFilter())
    root = logging.getLogger()
    for earlier in list(root.handlers):
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    for name in (
        "httpx",
        "httpcore",
        "urllib3",
        "elastic_transport",
        "elasticsearch",
        "sqlalchemy",
        "asyncio",
        "apscheduler",
    ):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    return handler


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the message: both are of use
        return f"{record.msg} {record.args}"


def _masked(text: str, limit: int = _LIMIT_CHARACTERS) -> str:
    masked = mask(text[: 2 * limit]).text
    return masked if len(masked) <= limit else f"{masked[:limit]}…"


def _masked_value(value: object) -> object:
    """Strings masked, in containers too; other objects by their text."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if mask(str(value)).text == str(value) else _masked(str(value))
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, Mapping):
        return {_masked(str(key)): _masked_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(item) for item in value]
    return _masked(str(value))
