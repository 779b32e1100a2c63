"""HTTP to one Elasticsearch node, with a true deadline.

The client's own nodes count their time-out from byte to byte: a server that dribbles one byte a second holds them for ever. Here
name lookup, connection, handshake, sending and the whole answer share one deadline, checked before every socket operation.
"""

from __future__ import annotations

import http.client
import platform
import select
import socket
import ssl
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, ClassVar

from elastic_transport import (
    ApiResponseMeta,
    BaseNode,
    ConnectionError,
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TlsError,
)
from elastic_transport._node import NodeApiResponse  # what a node returns; the package exports no name for it
from elastic_transport.client_utils import DEFAULT, DefaultType

DEFAULT_TIMEOUT_SECONDS = 10.0


def remaining(limit: float) -> float:
    """Seconds until `limit` (monotonic clock). Raises TimeoutError where there are none."""
    if (left := limit - monotonic()) <= 0:
        raise TimeoutError("deadline exceeded")
    return left


class _Bounded(socket.socket):
    """A socket whose every operation ends by `limit`."""

    limit: float = float("inf")

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(remaining(self.limit))
        return super().recv_into(*arguments, **named)

    def sendall(self, *arguments: Any, **named: Any) -> None:
        self.settimeout(remaining(self.limit))
        super().sendall(*arguments, **named)


class _BoundedTls(ssl.SSLSocket):
    """The same over TLS; `sendall` of an SSLSocket is a loop over `send`."""

    limit: float = float("inf")

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(remaining(self.limit))
        return super().recv_into(*arguments, **named)

    def send(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(remaining(self.limit))
        return super().send(*arguments, **named)

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(remaining(self.limit))
        super().do_handshake(block)


def resolve(host: str, port: int, limit: float) -> list[tuple[Any, ...]]:
    """Addresses of a host. The system's lookup has no time-out of its own, so it runs beside us.

    Raises OSError where there is none, TimeoutError at `limit`.
    """
    answers: SimpleQueue[list[tuple[Any, ...]] | OSError] = SimpleQueue()

    def look() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    with suppress(ValueError):
        return [_literal(host, port)]
    Thread(target=look, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=remaining(limit))
    except Empty:
        raise TimeoutError(f"name lookup of {host} exceeded the deadline") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _literal(host: str, port: int) -> tuple[Any, ...]:
    from ipaddress import ip_address

    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    return (family, socket.SOCK_STREAM, 0, "", (host, port))


def open_socket(host: str, port: int, limit: float, context: ssl.SSLContext | None) -> _Bounded | _BoundedTls:
    """A connected socket. Addresses are tried in turn; each gets its share of the time that is left."""
    addresses = resolve(host, port, limit)
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        opened: _Bounded | _BoundedTls = _Bounded(family, kind, protocol)
        try:
            opened.settimeout(remaining(limit) / (len(addresses) - number))
            opened.connect(address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                secure = context.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
                assert isinstance(secure, _BoundedTls)
                opened = secure
            opened.limit = limit
            if isinstance(opened, _BoundedTls):
                opened.do_handshake()
            return opened
        except OSError:
            opened.close()
            if number == len(addresses) - 1:
                raise
    raise OSError(f"{host} has no address")


class BoundedNode(BaseNode):
    """A node of the client's transport. Safe to use from several threads; keeps idle connections for the next call."""

    _CLIENT_META_HTTP_CLIENT: ClassVar[tuple[str, str]] = ("hc", platform.python_version())

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._lock = Lock()
        self._closed = False
        self._context: ssl.SSLContext | None = None
        if config.scheme == "https":
            self._context = config.ssl_context or ssl.create_default_context(cafile=config.ca_certs)
            self._context.sslsocket_class = _BoundedTls

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """One request and its whole answer within `request_timeout` seconds.

        Raises ConnectionTimeout, TlsError or ConnectionError; after each of them the request may have had its effect.
        """
        start = monotonic()
        seconds = request_timeout if isinstance(request_timeout, int | float) else self.config.request_timeout
        limit = start + (DEFAULT_TIMEOUT_SECONDS if seconds is None else float(seconds))
        sent = dict(self.headers) | dict(headers or {})
        connection = None
        try:
            connection = self._take(limit)
            connection.request(method, self.path_prefix + target, body=body, headers=sent)
            response = connection.getresponse()
            if response.length is None and not response.chunked:
                # Cut within the headers, which http.client takes for their end; Elasticsearch always states a length.
                raise http.client.IncompleteRead(b"")
            content = response.read()
        except BaseException as error:
            if connection:
                connection.close()
            if isinstance(error, TimeoutError):
                raise ConnectionTimeout(f"no answer within {seconds} s", errors=(error,)) from error
            if isinstance(error, ssl.SSLError):
                raise TlsError(str(error), errors=(error,)) from error
            if isinstance(error, OSError | http.client.HTTPException):
                raise ConnectionError(f"{type(error).__name__}: {error}", errors=(error,)) from error
            raise
        self._give(connection, keep=not response.will_close)
        meta = ApiResponseMeta(
            node=self.config,
            duration=monotonic() - start,
            http_version="1.1",
            status=response.status,
            headers=HttpHeaders(response.getheaders()),
        )
        return NodeApiResponse(meta, content)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, deque()
        for connection in idle:
            connection.close()

    def _take(self, limit: float) -> http.client.HTTPConnection:
        """An idle connection that the server has not closed meanwhile, else a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = http.client.HTTPConnection(self.host, self.port)
                connection.sock = open_socket(self.host, self.port, limit, self._context)
                return connection
            if not _has_something_to_read(connection.sock):
                connection.sock.limit = limit  # type: ignore[union-attr]  # made by open_socket
                return connection
            connection.close()

    def _give(self, connection: http.client.HTTPConnection, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed and len(self._idle) < self.config.connections_per_node:
                self._idle.append(connection)
                return
        connection.close()


def _has_something_to_read(connected: socket.socket) -> bool:
    """On an idle connection that can only be the server's goodbye."""
    watch = select.poll()
    watch.register(connected, select.POLLIN)
    return bool(watch.poll(0))
