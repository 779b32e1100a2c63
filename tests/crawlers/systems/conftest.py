"""A house's parts around a connector, and the servers that are started for it."""

from __future__ import annotations

import imaplib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine

from crawlers.archive.archive import Archive
from crawlers.definitions import parse
from crawlers.systems.pulling import Pulled, pull
from crawlers.systems.source import Connector, Span, SystemSource
from indices.collection.places import Places
from indices.database import connect, create_tables
from models.item import Item
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


class Desk:
    """Runs over one source; `items` are what was accepted."""

    def __init__(self, home: Path) -> None:
        self.engine: Engine = connect(f"sqlite:///{home / 'state.db'}")
        create_tables(self.engine)
        self.places, self.archive = Places(self.engine), Archive(home / "archive", home / "archive.key")
        self.items: list[Item] = []

    def accept(self, items: list[Item]) -> int:
        self.items += items
        return len(items)

    def pull(self, source: SystemSource, span: Span | None = None, connector: Connector | None = None) -> Pulled:
        self.items = []
        return pull(source, self.places, self.archive, self.accept, span=span, connector=connector)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.engine.dispose()


def definition(**changes: Any) -> SystemSource:
    columns = {
        "number": "native_id",
        "title": "title",
        "content": "text",
        "created": "created_at",
        "changed": "changed_at",
        "answer": "reply",
    }
    values = {
        "name": "hall",
        "system": "sql",
        "legal_basis": "共享协议",
        "table": "orders",
        "cursor": "id",
        "columns": columns,
        **changes,
    }
    source = parse(values, "hall.toml")
    assert isinstance(source, SystemSource)
    return source


class Interface:
    """A REST interface over a list of rows; `fail` statuses are answered first."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.fail: list[tuple[int, dict[str, str]]] = []
        self.url = ""

    def answer(self, path: str, query: dict[str, str]) -> Any:
        if path == "/pages":
            page = int(query["page"])
            return {"data": self.rows[5 * page - 5 : 5 * page]}
        if path == "/linked":
            start = int(query.get("start", 0))
            return {
                "data": self.rows[start : start + 5],
                "next": f"/linked?start={start + 5}" if start + 5 < len(self.rows) else None,
            }
        if path == "/since":
            later = [row for row in self.rows if row["changed"] > query.get("after", "")]
            return sorted(later, key=lambda row: str(row["changed"]))[:5]
        return {"data": "not a list"}


@pytest.fixture
def interface() -> Iterator[Interface]:
    made = Interface()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            made.asked.append((self.path, dict(self.headers)))
            status, headers = made.fail.pop(0) if made.fail else (200, {})
            body = json.dumps(made.answer(parts.path, query)).encode() if status == 200 else b"{}"
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class Mailbox:
    """A real IMAP server with one mailbox."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"imap://demouser:${{MAIL_PASSWORD}}@127.0.0.1:{port}"

    def open(self) -> imaplib.IMAP4:
        box = imaplib.IMAP4("127.0.0.1", self.port)
        box.login("demouser", "demopass")
        return box

    def put(self, *letters: bytes, folder: str = "Letters") -> None:
        with self.open() as box:
            with suppress(imaplib.IMAP4.error):
                box.create(folder)
            for letter in letters:
                status, told = box.append(folder, "", imaplib.Time2Internaldate(time.time()), letter)
                assert status == "OK", told


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    pytest.importorskip("pymap", reason="pymap is not installed: no IMAP server to ask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from pymap.main import main; main()", "--host", "127.0.0.1", "--port", str(port), "--no-tls",
               "dict", "--demo-data"]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        if server.poll() is not None or time.monotonic() > until:
            server.kill()
            pytest.fail("the IMAP server did not start")
        time.sleep(0.05)
    yield Mailbox(port)
    server.terminate()
    server.wait(10)
