"""The node with a true deadline, against servers that misbehave on real sockets."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread, active_count

import pytest

pytest.importorskip("elasticsearch")
from elastic_transport import ConnectionError, ConnectionTimeout, HttpHeaders, NodeConfig, TlsError

from indices.stores.elastic_http import BoundedNode

Talk = Callable[[socket.socket], None]
over = Event()  # the client has got what it will get: a server that says nothing may go
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@contextmanager
def serving(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that hands each connection to `talk` in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    over.clear()
    threads: list[Thread] = []

    def one(raw: socket.socket) -> None:
        with suppress(OSError), raw:
            raw.settimeout(5)
            with context.wrap_socket(raw, server_side=True) if context else raw as connection:
                talk(connection)

    def accept() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                threads.append(Thread(target=one, args=(listener.accept()[0],), daemon=True))
                threads[-1].start()

    acceptor = Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        for thread in (acceptor, *threads):
            thread.join(10)
        listener.close()


def request_of(connection: socket.socket) -> bytes:
    """One whole request; empty where the client has hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65_536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(connection: socket.socket) -> None:
    while request_of(connection):
        connection.sendall(WHOLE)


def node(port: int, scheme: str = "http", host: str = "127.0.0.1", ca: str | None = None) -> BoundedNode:
    return BoundedNode(NodeConfig(scheme, host, port, ca_certs=ca))


def test_a_request_and_its_answer() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(request_of(connection))
        connection.sendall(WHOLE)

    with serving(talk) as port:
        one = node(port)
        answer = one.perform_request("POST", "/x?y=1", b"body", HttpHeaders({"authorization": "Basic eA=="}), 2)
        one.close()
    assert (answer.meta.status, answer.body) == (200, b"{}")
    assert answer.meta.headers["content-type"] == "application/json"
    assert heard[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert b"authorization: Basic eA==" in heard[0]
    assert heard[0].endswith(b"\r\n\r\nbody")


def test_connections_are_kept_and_closed_in_the_end() -> None:
    opened: list[int] = []

    def talk(connection: socket.socket) -> None:
        opened.append(1)
        answering(connection)

    with serving(talk) as port:
        one = node(port)
        for _ in range(5):
            one.perform_request("GET", "/", request_timeout=2)
        assert len(opened) == 1
        one.close()
        assert not one._idle


def test_a_kept_connection_that_the_server_closed_is_not_used() -> None:
    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(WHOLE)

    with serving(talk) as port:
        one = node(port)
        for _ in range(3):
            assert one.perform_request("GET", "/", request_timeout=2).meta.status == 200
            time.sleep(0.05)
        one.close()


def slow_headers(connection: socket.socket) -> None:
    request_of(connection)
    for byte in WHOLE[:-2] * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def slow_body(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(WHOLE[:-2].replace(b"length: 2", b"length: 999"))
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


def silent(connection: socket.socket) -> None:
    request_of(connection)
    over.wait(5)


def deaf(connection: socket.socket) -> None:
    over.wait(5)


@pytest.mark.parametrize("talk", [slow_headers, slow_body, silent, deaf])
def test_the_deadline_holds_whatever_the_server_does(talk: Talk) -> None:
    with serving(talk) as port:
        one, begin = node(port), time.monotonic()
        with pytest.raises(ConnectionTimeout):
            one.perform_request("POST", "/", b"x" * (8_000_000 if talk is deaf else 10), request_timeout=0.4)
        assert 0.35 <= time.monotonic() - begin <= 0.9
        one.close()


def test_a_name_that_is_not_looked_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> list[object]:
        time.sleep(1.5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    begin = time.monotonic()
    with pytest.raises(ConnectionTimeout):
        node(9200, host="slow.invalid").perform_request("GET", "/", request_timeout=0.3)
    assert time.monotonic() - begin < 0.8


def test_a_name_is_looked_up_and_its_addresses_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering) as port, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", p)) for p in (closed.getsockname()[1], port)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        one = node(port, host="two.invalid")
        assert one.perform_request("GET", "/", request_timeout=2).meta.status == 200
        one.close()


def test_a_deadline_that_has_passed_already() -> None:
    with pytest.raises(ConnectionTimeout):
        node(1).perform_request("GET", "/", request_timeout=-1)


def cut(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(WHOLE[:40])


def hang_up(connection: socket.socket) -> None:
    request_of(connection)


def reset(connection: socket.socket) -> None:
    request_of(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_http(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("talk", [cut, hang_up, reset, no_http])
def test_broken_answers_are_connection_errors(talk: Talk) -> None:
    with serving(talk) as port, pytest.raises(ConnectionError):
        node(port).perform_request("GET", "/", request_timeout=2)


def test_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        with pytest.raises(ConnectionError, match="refused"):
            node(closed.getsockname()[1]).perform_request("GET", "/", request_timeout=5)
        assert time.monotonic() - begin < 1


# --- TLS --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    pytest.importorskip("cryptography")
    from tests.servers.elastic import certify

    folder: Path = tmp_path_factory.mktemp("tls")
    certify(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context, str(folder / "ca.pem")


def test_tls_with_our_authority(certificate: tuple[ssl.SSLContext, str]) -> None:
    with serving(answering, certificate[0]) as port:
        one = node(port, "https", ca=certificate[1])
        for _ in range(3):
            assert one.perform_request("POST", "/", b"x" * 300_000, request_timeout=2).meta.status == 200
        one.close()


def test_tls_of_an_unknown_authority_is_refused(certificate: tuple[ssl.SSLContext, str]) -> None:
    with serving(answering, certificate[0]) as port, pytest.raises(TlsError):
        node(port, "https").perform_request("GET", "/", request_timeout=2)


def test_tls_to_another_host_name_is_refused(
    certificate: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering, certificate[0]) as port:
        address = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: address)
        with pytest.raises(TlsError):
            node(port, "https", "other.invalid", certificate[1]).perform_request("GET", "/", request_timeout=2)


@pytest.mark.parametrize("talk", [slow_body, silent])
def test_the_deadline_holds_over_tls(talk: Talk, certificate: tuple[ssl.SSLContext, str]) -> None:
    with serving(talk, certificate[0]) as port:
        begin = time.monotonic()
        with pytest.raises(ConnectionTimeout):
            node(port, "https", ca=certificate[1]).perform_request("GET", "/", request_timeout=0.4)
        assert time.monotonic() - begin < 0.9


def test_a_handshake_that_never_ends(certificate: tuple[ssl.SSLContext, str]) -> None:
    with serving(deaf) as port:
        begin = time.monotonic()
        with pytest.raises(ConnectionTimeout):
            node(port, "https", ca=certificate[1]).perform_request("GET", "/", request_timeout=0.4)
        assert time.monotonic() - begin < 0.9


# --- threads ----------------------------------------------------------------------------------------------------
def test_many_threads_share_a_node() -> None:
    with serving(answering) as port:
        one, statuses = node(port), list[int]()

        def ask() -> None:
            statuses.extend(one.perform_request("GET", "/", request_timeout=5).meta.status for _ in range(20))

        before = active_count()
        threads = [Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 160
        assert len(one._idle) <= one.config.connections_per_node
        one.close()
        assert active_count() <= before + 8, "the node itself starts no thread"
