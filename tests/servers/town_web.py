"""A small town's web over real sockets: two dozen sites, each at a loopback address of its own, and a log of every request.

    with TownWeb() as web:
        source = web.source("mailbox")      # the definition that reads this site
        web.seen("mailbox")                 # what was asked, when, and by whom

`SITES` lists them. Good ones show the forms that sources have; bad ones do what the world does: traps, faults, redirects inside, storms of 429.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from tests.servers import town_sites, town_traps  # noqa: F401 - the second registers its sites
from tests.servers.town_sites import Answer, Asked

SITES = town_sites.SITES
"""Those of both modules."""


class Seen(NamedTuple):
    """A request as it arrived: monotonic seconds, and its headers in lower case."""

    path: str
    at: float
    headers: Mapping[str, str]
    form: Mapping[str, str]


@dataclass
class Town:
    """What the sites have in common: how much there is on each, which letters are answered, and switches for faults."""

    letters: int = 20
    answered: set[int] = field(default_factory=lambda: {1, 2, 3})
    refuse: int = 0
    """So many requests are answered 429 before the storm is over."""
    changed: dict[int, str] = field(default_factory=dict)
    body_seconds: float = 0.0
    think_seconds: float = 0.0
    """Before every answer."""
    inside_port: int = 0


class TownWeb:
    """All sites, one listener each. `delay`: pause of the definitions it gives."""

    def __init__(self, *, letters: int = 20, sites: tuple[str, ...] = ()) -> None:
        self.town = Town(letters=letters)
        self._log: dict[str, list[Seen]] = {}
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self._threads: list[threading.Thread] = []
        for number, (name, site) in enumerate(SITES.items(), 1):
            if sites and name not in sites:
                continue
            self._log[name] = []
            server = ThreadingHTTPServer((f"127.0.1.{number}", 0), _handler(self.town, self._log[name], site.answer))
            server.daemon_threads = True
            self._servers[name] = server

    def __enter__(self) -> Self:
        for server in self._servers.values():
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def address(self, name: str) -> str:
        host, port = self._servers[name].server_address[:2]
        return f"http://{host!s}:{port}"

    def seen(self, name: str) -> list[Seen]:
        """Without robots.txt."""
        return [one for one in self._log[name] if one.path != "/robots.txt"]

    def robots_seen(self, name: str) -> int:
        return sum(one.path == "/robots.txt" for one in self._log[name])

    def forget(self) -> None:
        for log in self._log.values():
            log.clear()

    def source(self, name: str, **changes: Any) -> dict[str, Any]:
        """The definition that reads a site, as a table of TOML."""
        address, site = self.address(name), SITES[name]
        told = {**site.source}
        start = told.pop("start", "/")
        starts = [f"{address}{one}" for one in ([start] if isinstance(start, str) else start)]
        return {"name": name, "start": starts, "legal_basis": "公开渠道", "contact": "data@city.example", "inside": True, "delay_seconds": 0.0,
                **told, **changes}  # fmt: skip


def _handler(town: Town, log: list[Seen], answer: Callable[[Town, Asked], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = {
                name: values[-1]
                for name, values in parse_qs(self.rfile.read(length).decode(), keep_blank_values=True).items()
            }
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            log.append(Seen(self.path, time.monotonic(), headers, sent))
            host, port = self.server.server_address[:2]
            time.sleep(town.think_seconds)
            self._send(answer(town, Asked(parts.path, query, sent, headers, f"http://{host!s}:{port}")))

        do_POST = do_GET

        def _send(self, one: Answer) -> None:
            self.send_response(one.status)
            body = b"" if one.status == 304 else one.body
            for name, value in {"Content-Type": one.kind, "Content-Length": str(len(body)), **one.headers}.items():
                if value:
                    self.send_header(name, value)
            if one.seconds or one.headers.get("Content-Length"):
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            step = max(1, len(body) // 20) if one.seconds else max(1, len(body))
            try:
                for begin in range(0, len(body), step):
                    self.wfile.write(body[begin : begin + step])
                    self.wfile.flush()
                    time.sleep(one.seconds / 20)
            except OSError:
                pass  # the other side went away

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def listener() -> Iterator[tuple[int, list[str]]]:
    """A service inside, and what it heard."""
    heard: list[str] = []

    class Inside(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Inside)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()
    thread.join()
