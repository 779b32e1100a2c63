"""A proxy before a real Elasticsearch that does what bad networks and busy servers do. Real sockets; faults drawn from a seed.

    with FaultyProxy(server.url, Faults(item_busy=0.05, drop=0.02), seed=1) as proxy:
        client = Elasticsearch(proxy.url, ...)

`mode` overrides the draw for every request: `stall`, `dribble`, `drop`, `reset`, `busy`, `garbage` or `None`.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

DRIBBLE_SECONDS = 0.05
JSON = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}


class Faults(NamedTuple):
    """Shares of requests (of bulk items: `item_busy`) that meet with each fault."""

    item_busy: float = 0.0  # the item is answered 429 and never reaches the server
    busy: float = 0.0  # the whole request is answered 429
    drop: float = 0.0  # carried out, but the connection closes before the answer
    reset: float = 0.0  # never carried out, the connection is reset
    stall: float = 0.0  # carried out, but no answer ever comes


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class FaultyProxy:
    """Use as a context manager. `seen` counts what happened, `requests` counts by method and path."""

    def __init__(self, upstream: str, faults: Faults = Faults(), *, seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 9200))
        self.faults = faults
        self.mode: str | None = None
        self.seen: Counter[str] = Counter()
        self._random, self._lock = random.Random(seed), Lock()
        self.stopping = Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def draw(self) -> str | None:
        """The fault of the next request."""
        if self.mode:
            return self.mode
        with self._lock:
            at = self._random.random()
        for name in ("busy", "drop", "reset", "stall"):
            if at < (share := getattr(self.faults, name)):
                return name
            at -= share
        return None

    def count(self, what: str, times: int = 1) -> None:
        with self._lock:
            self.seen[what] += times

    def refused_items(self, number: int) -> set[int]:
        with self._lock:
            return {i for i in range(number) if self._random.random() < self.faults.item_busy}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is what this proxy is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultyProxy

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._up = http.client.HTTPConnection(*self.owner.upstream, timeout=30)

    def finish(self) -> None:
        self._up.close()
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.owner.draw()
        self.owner.count(fault or "fine")
        if fault == "reset":
            self._reset()
        elif fault == "busy":
            self._reply(_busy())
        elif fault == "garbage":
            self._reply(Answer(200, JSON, b'{"took": 1, "errors":'))
        else:
            answer = self._forward(body)
            if fault == "drop":
                self.close_connection = True
            elif fault == "stall":
                self.owner.stopping.wait(60)
                self.close_connection = True
            else:
                self._reply(answer, slowly=fault == "dribble")

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def _forward(self, body: bytes) -> Answer:
        if urlsplit(self.path).path.endswith("/_bulk"):
            return self._forward_bulk(body)
        return self._ask(body)

    def _ask(self, body: bytes) -> Answer:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length", "connection")}
        self._up.request(self.command, self.path, body=body or None, headers=headers)
        reply = self._up.getresponse()
        kept = {k.lower(): v for k, v in reply.getheaders()}
        return Answer(reply.status, kept, reply.read())

    def _forward_bulk(self, body: bytes) -> Answer:
        """Answer some items with 429; the others go to the server."""
        pairs = operations(body)
        refused = self.owner.refused_items(len(pairs))
        self.owner.count("items busy", len(refused))
        passed = [pair for i, pair in enumerate(pairs) if i not in refused]
        answer = self._ask(b"".join(passed)) if passed else Answer(200, JSON, b'{"took":1,"errors":false,"items":[]}')
        if not refused or answer.status != 200:
            return answer
        told = json.loads(answer.body)
        items = iter(told["items"])
        told["items"] = [_busy_item(pair) if i in refused else next(items) for i, pair in enumerate(pairs)]
        return answer._replace(body=json.dumps(told | {"errors": True}).encode())

    def _reply(self, answer: Answer, *, slowly: bool = False) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if not slowly:
            self.wfile.write(answer.body)
            return
        for byte in answer.body:
            if self.owner.stopping.is_set():
                return
            self.wfile.write(bytes([byte]))
            time.sleep(DRIBBLE_SECONDS)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def operations(body: bytes) -> list[bytes]:
    """The operations of a bulk body, each with its document and line ends."""
    found: list[bytes] = []
    lines = iter(line for line in body.split(b"\n") if line)
    for order in lines:
        document = b"" if b'"delete"' in order[:10] else next(lines) + b"\n"
        found.append(order + b"\n" + document)
    return found


def _busy() -> Answer:
    error = {"type": "es_rejected_execution_exception", "reason": "rejected execution of the proxy"}
    return Answer(429, JSON, json.dumps({"error": error, "status": 429}).encode())


def _busy_item(pair: bytes) -> dict[str, Any]:
    ((kind, order),) = json.loads(pair.split(b"\n", 1)[0]).items()
    error = {"type": "es_rejected_execution_exception", "reason": "rejected execution of the proxy"}
    return {kind: {"_id": order["_id"], "status": 429, "error": error}}
