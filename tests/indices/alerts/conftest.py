"""Alerts in a state database, a clock that the tests set, and receivers on sockets that behave well or badly."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.civic.alerts import Alert, record_alerts
from indices.database import connect, create_tables
from models.figures import Hotspot, Hotspots, Source
from models.labels import Level
from models.query import Query

AT = datetime(2026, 9, 8, 2, tzinfo=UTC)  # a Tuesday, ten in the morning in the city


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **spans: float) -> datetime:
        self.now += timedelta(**spans)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def raise_alert(state: Engine) -> Callable[..., Alert]:
    """raise_alert(level, at=…, rule=…) -> Alert"""
    count = iter(range(1_000))

    def make(level: Level = Level.YELLOW, *, at: datetime = AT, **changed: Any) -> Alert:
        number = next(count)
        one = Hotspot.model_validate({
            "rank": 1, "title": f"柳堤路第{number}处路灯不亮", "heat": 80, "parts": {}, "count": 9, "people": 8, "first": at, "last": at,
            "places": ("柳堤路",), "topic": "城乡建设", "level": level, "members": ("1",), "sentences": (), "key": f"k{number}",
            "record_ids": (f"r{number}",), "rule": "突增 3（7 天内最多 8 人） → 预警", **changed,
        })  # fmt: skip
        source = Source(query=Query(since=at - timedelta(days=7), until=at), n=9, computed_at=at)
        [alert] = record_alerts(state, Hotspots(hotspots=(one,), source=source), at=at)
        return alert

    return make


class HookServer(ThreadingHTTPServer):
    """A web hook: `mode` is a status, or stall, or close."""

    daemon_threads = True
    mode: int | str = 200

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Hook)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/secret-path"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that gave up is what some tests are about."""


class _Hook(BaseHTTPRequestHandler):
    server: HookServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.mode == "stall":
            time.sleep(3)
        if self.server.mode in ("stall", "close"):
            self.connection.close()
            return
        self.server.received.append(json.loads(body))
        self.send_response(int(self.server.mode))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as a letter needs. `refuse`: the answer to RCPT instead of 250."""

    daemon_threads = True
    allow_reuse_address = True
    refuse = ""

    def __init__(self) -> None:
        self.letters: list[str] = []
        super().__init__(("127.0.0.1", 0), _Mail)


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line[:4].upper()
            if word == "DATA":
                self.say("354 go on")
                letter = []
                while (part := self.rfile.readline().decode()) not in (".\r\n", ""):
                    letter.append(part)
                self.server.letters.append("".join(letter))
                self.say("250 kept")
            elif word == "RCPT" and self.server.refuse:
                self.say(self.server.refuse)
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 well")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
