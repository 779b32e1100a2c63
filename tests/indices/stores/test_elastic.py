"""What Elasticsearch does beyond the contract suite: versions, long answers, lost states, credentials, leaks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

pytest.importorskip("elasticsearch")


from indices.stores import elastic, elastic_buckets
from indices.stores.elastic import ElasticStore, connect
from indices.stores.elastic_calls import Deadline
from indices.stores.elastic_index import version
from indices.stores.elastic_query import MAX_DEPTH
from indices.stores.elastic_rebuild import rebuild
from models.errors import BadQuery, BadSetting, Retry, StoreUnavailable
from models.query import All, Bucket, Expression, Not, Outcome, Query, Some, Tokens
from models.record import Record
from models.settings import Settings
from tests.servers.elastic import Server, ask, fresh_store, server_or_skip, start, stop
from tests.servers.elastic_files import NoServer

AT = datetime(2026, 3, 1, tzinfo=UTC)
server_needed = pytest.mark.server


def record(name: str, **fields: Any) -> Record:
    return Record(**({"id": name, "revision": 1, "intake": f"row-{name}", "source": "test", "created_at": AT} | fields))


# --- settings: no server needed ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"elastic_url": "localhost"}, "MINSHENG_ELASTIC_URL"),
        ({"elastic_url": "http://search.example"}, "主机:端口"),
        ({"elastic_url": " , "}, "MINSHENG_ELASTIC_URL"),
        ({"elastic_user": "u", "elastic_api_key": "k"}, "MINSHENG_ELASTIC_API_KEY"),
        ({"elastic_ca": "/no/such/file.pem"}, "/no/such/file.pem"),
    ],
)
def test_settings_that_cannot_be_used(fields: dict[str, Any], shown: str) -> None:
    with pytest.raises(BadSetting, match=shown):
        connect(Settings(**fields))


def test_opening_asks_nothing_of_the_server() -> None:
    store = ElasticStore.from_settings(Settings(elastic_url="http://127.0.0.1:9,http://127.0.0.1:10"))
    store.close()


def test_errors_do_not_show_credentials() -> None:
    settings = Settings(
        elastic_url="http://127.0.0.1:9", elastic_user="u", elastic_password="geheim", elastic_index="x"
    )
    store = ElasticStore.from_settings(settings)
    with pytest.raises(StoreUnavailable) as caught:
        store.search(Query())
    assert "geheim" not in repr(caught.value) + str(caught.value)
    store.close()


# --- on a server ------------------------------------------------------------------------------------------------
@pytest.fixture(params=["8", "9"])
def server(request: pytest.FixtureRequest) -> Server:
    return server_or_skip(request.param)


@pytest.fixture
def store(server: Server) -> Iterator[ElasticStore]:
    with fresh_store(server) as store:
        yield store


@server_needed
def test_a_forgotten_revision_can_come_again_at_once(store: ElasticStore) -> None:
    """The server remembers deleted versions for a minute by default; `gc_deletes` is off."""
    for _ in range(5):
        assert store.upsert([record("a", revision=9), record("b")]).outcomes == (Outcome.STORED,) * 2
        assert store.forget(["a", "b"]) == 2


@server_needed
def test_a_batch_of_several_requests(store: ElasticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indices.stores.elastic_bulk.REQUEST_BYTES", 20_000)
    batch = [record(f"r{n % 150:03}", revision=n // 150 + 1, text="字 " * 50) for n in range(300)]
    assert store.upsert(batch).outcomes == (Outcome.STORED,) * 150 + (Outcome.UPDATED,) * 150
    assert store.search(Query()).total == 150


@server_needed
def test_one_document_that_spoils_the_whole_request(store: ElasticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative version fails the request, not the item: it is found by halving."""
    monkeypatch.setattr(elastic, "why_not_kept", lambda _: "")
    batch = [record(f"r{n}", revision=-5 if n in (3, 11) else 1) for n in range(16)]
    receipt = store.upsert(batch)
    assert [n for n, outcome in enumerate(receipt.outcomes) if outcome is Outcome.REJECTED] == [3, 11]
    assert "version" in receipt.reasons[3]
    assert store.search(Query()).total == 14


@server_needed
def test_a_document_that_the_mapping_refuses(store: ElasticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic, "why_not_kept", lambda _: "")
    receipt = store.upsert([record("a"), record("b", place="路" * 20_000), record("c")])
    assert receipt.outcomes == (Outcome.STORED, Outcome.REJECTED, Outcome.STORED)
    assert "immense term" in receipt.reasons[1]


@server_needed
def test_more_buckets_than_a_page(store: ElasticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic_buckets, "BUCKETS_PAGE", 7)
    store.upsert([record(f"r{n:02}", district=f"区{n % 24:02}", rating=n % 3 + 1) for n in range(60)])
    counted = store.aggregate(Query(), ["district", "rating"])
    assert (len(counted), sum(bucket.count for bucket in counted)) == (24, 60)
    assert counted[0] == Bucket(keys=("区00", "1"), count=3)
    assert len(store.aggregate(Query(), ["id"])) == 60
    table = store.tabulate(Query(), ["department", "id"])
    assert (len(table), table[0].keys[0]) == (60, ""), "a page may end in the middle of what has no value"


@server_needed
def test_a_scan_of_many_pages(store: ElasticStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elastic, "SCAN_PAGE", 10)
    batch = [record(f"r{n:03}", created_at=AT + timedelta(microseconds=n % 7)) for n in range(100)]
    store.upsert(batch)
    assert list(store.scan(Query())) == sorted(batch, key=lambda r: (r.created_at, r.id))


@server_needed
def test_a_scan_goes_on_when_the_server_has_lost_its_state(
    store: ElasticStore, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elastic, "SCAN_PAGE", 10)
    batch = [record(f"r{n:03}", created_at=AT + timedelta(seconds=n % 3)) for n in range(100)]
    store.upsert(batch)
    states, real = list[str](), store._open_state

    def remembered(deadline: Deadline) -> str:
        states.append(real(deadline))
        return states[-1]

    monkeypatch.setattr(store, "_open_state", remembered)
    scan = store.scan(Query())
    seen = [next(scan) for _ in range(35)]
    ask(server, "/_pit", "DELETE", {"id": states[0]})
    assert seen + list(scan) == sorted(batch, key=lambda r: (r.created_at, r.id))
    assert len(states) == 2


@server_needed
def test_the_newest_state_of_a_left_scan_is_given_back(store: ElasticStore, server: Server) -> None:
    store.upsert([record(f"r{n}") for n in range(3)])
    before = open_contexts(server)
    for _ in range(3):
        next(store.scan(Query()))
    assert open_contexts(server) == before


def open_contexts(server: Server) -> int:
    stats = ask(server, "/_nodes/stats/indices/search")
    return sum(node["indices"]["search"]["open_contexts"] for node in stats["nodes"].values())


@server_needed
@pytest.mark.parametrize("combine", [All, Some])
def test_the_deepest_question_that_is_let_through_is_understood(
    store: ElasticStore, combine: Callable[..., Expression]
) -> None:
    store.upsert([record("a", text="甲")])
    expression: Expression = Tokens(tokens=("甲",))
    for _ in range(MAX_DEPTH - 1):
        expression = combine(parts=(expression, Tokens(tokens=("甲",))))
    assert store.search(Query(match=expression, filters={"source": ("test",)})).total == 1
    with pytest.raises(BadQuery):
        store.search(Query(match=Not(part=expression)))


@server_needed
def test_an_index_that_somebody_removed_is_made_again(store: ElasticStore, server: Server) -> None:
    store.upsert([record("a")])
    ask(server, f"/{store.status()['index']}", "DELETE")
    with pytest.raises(StoreUnavailable, match="不见了"):
        store.upsert([record("a")])
    assert store.upsert([record("a")]).outcomes == (Outcome.STORED,)
    assert store.status()["mapping_version"] == version(), "not an index that the write itself has made up"


@server_needed
def test_an_index_that_cannot_be_used_is_nobody_s_fault_but_retried(store: ElasticStore, server: Server) -> None:
    """The worker line would quarantine records for any error that is not of the Retry family."""
    name = store.status()["alias"]
    for shown, meta in (("MS321", version() + 1), ("minsheng store rebuild", version() - 1)):
        ask(server, f"/{name}/_mapping", "PUT", {"_meta": {"minsheng": {"version": meta}}})
        other = ElasticStore.from_settings(server.settings(elastic_index=name))
        with pytest.raises(Retry, match=shown):
            other.upsert([record("a")])
        other.close()


@server_needed
def test_ids_that_no_record_can_have(store: ElasticStore) -> None:
    assert [store.get(name) for name in ("", "长" * 5_000, "../_search", "a/b?c#d", "_")] == [None] * 5
    assert store.forget(["", "长" * 5_000, "a/b"]) == 0
    odd = [record(name) for name in ("a/b?c#d", "%2e%2e", "_x", " ", "𠮷")]
    store.upsert(odd)
    assert [store.get(r.id) for r in odd] == odd
    assert store.forget([r.id for r in odd]) == 5


@server_needed
def test_status(store: ElasticStore) -> None:
    store.upsert([record("a"), record("b")])
    shown = store.status()
    assert shown["records"] == 2
    assert shown["health"] == "green"
    assert shown["nodes"] == 1
    assert shown["breaker"] == "closed"
    assert shown["size_bytes"] > 0
    assert shown["index"] == f"{shown['alias']}-000001"


@server_needed
def test_nothing_leaks() -> None:
    """Promise R13: at most two descriptors and threads more after 50 times open, ask, close."""
    server = server_or_skip("8")

    def once() -> None:
        settings = server.settings(elastic_index="leaks")
        store = ElasticStore.from_settings(settings)
        store.search(Query())
        next(store.scan(Query()), None)
        store.close()

    try:
        once()
        before = (len(os.listdir("/proc/self/fd")), threading.active_count())
        for _ in range(50):
            once()
        after = (len(os.listdir("/proc/self/fd")), threading.active_count())
        assert [a - b <= 2 for a, b in zip(after, before, strict=True)] == [True, True], (before, after)
    finally:
        ask(server, "/leaks-000001", "DELETE")
        ask(server, "/_index_template/leaks", "DELETE")


@contextmanager
def another_server(status: int, kind: str, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A web server that is no Elasticsearch: its address, and the Authorization headers that it heard."""
    heard: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("authorization", ""))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{other.server_address[1]}", heard
        finally:
            other.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "application/json", b"{}"),
        (404, "application/json", b"{}"),
        (404, "text/html", b"<h1>no</h1>"),
        (200, "text/html", b"<h1>yes</h1>"),
        (200, "application/json", b"<h1>yes</h1>"),
    ],
)
def test_a_server_of_another_kind(status: int, kind: str, body: bytes) -> None:
    with another_server(status, kind, body) as (url, _), pytest.raises(StoreUnavailable, match="MINSHENG_ELASTIC_URL"):
        total(Settings(elastic_url=url))


def test_an_api_key_is_sent() -> None:
    """The server without modules cannot make keys (its security index needs an analyser), so the header is looked at."""
    with another_server(200, "application/json", b"{}") as (url, heard), pytest.raises(StoreUnavailable):
        total(Settings(elastic_url=url, elastic_api_key=SecretStr("aWQ6a2V5")))
    assert heard[0] == "ApiKey aWQ6a2V5"


@pytest.mark.parametrize("in_address", [True, False])
def test_user_and_password_are_sent_wherever_they_stand(in_address: bool) -> None:
    with another_server(200, "application/json", b"{}") as (url, heard):
        address = url.replace("//", "//u:p@") if in_address else url
        user = {} if in_address else {"elastic_user": "u", "elastic_password": SecretStr("p")}
        with pytest.raises(StoreUnavailable):
            total(Settings.model_validate({"elastic_url": address} | user))
    assert heard[0] == "Basic dTpw"


def test_without_the_client_the_part_and_its_installation_are_named() -> None:
    program = "import sys; sys.modules['elasticsearch'] = None; import indices.stores.elastic"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MissingPart" in done.stderr
    assert "pip install 'minsheng[cluster]'" in done.stderr


# --- with authentication and TLS --------------------------------------------------------------------------------
@server_needed
@pytest.mark.slow
def test_user_password_and_authority() -> None:
    """A server of its own: basic authentication, TLS, and no more rights than docs/deploy.md asks for."""
    try:
        server = start("8.19.5", secure=True)
    except NoServer as reason:
        pytest.skip(str(reason))
    try:
        good = server.settings(elastic_index="minsheng")
        store = ElasticStore.from_settings(good)
        assert store.upsert([record("a")]).outcomes == (Outcome.STORED,)
        assert [r.id for r in store.scan(Query())] == ["a"]
        assert store.aggregate(Query(), ["day"])
        assert store.status()["records"] == 1
        assert store.forget(["a"]) == 1
        store.close()
        assert rebuild(good).new == "minsheng-000002"
        refused = {
            "401": {"elastic_password": "wrong"},
            "MINSHENG_ELASTIC_CA": {"elastic_ca": ""},
        }
        for shown, fields in refused.items():
            begin = time.monotonic()
            with pytest.raises(StoreUnavailable, match=shown):
                total(server.settings(elastic_index="minsheng", **fields))
            assert time.monotonic() - begin < 3, "a wrong key is not tried again and again"
    finally:
        stop(server)


def total(settings: Settings) -> int:
    store = ElasticStore.from_settings(settings)
    try:
        return store.search(Query()).total
    finally:
        store.close()
