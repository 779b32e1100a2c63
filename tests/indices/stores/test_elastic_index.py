"""Template, alias and index versions, on a real server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any

import pytest

pytest.importorskip("elasticsearch")
from elasticsearch import Elasticsearch

from indices.stores import elastic_index
from indices.stores.elastic_calls import Deadline
from indices.stores.elastic_index import create, look, prepare, template, version
from models.errors import BadSetting, StoreNewer
from models.query import FIELDS
from tests.servers.elastic import Server, ask, server_or_skip


def test_the_template_maps_every_exact_field_and_nothing_dynamic() -> None:
    mappings = template()["mappings"]
    assert mappings["dynamic"] == "strict"
    assert all(mappings["properties"][field] == {"type": "keyword"} for field in FIELDS)
    assert {mappings["properties"][field]["analyzer"] for field in ("title", "text", "reply")} == {"whitespace"}
    assert version() >= 1


pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server() -> Server:
    return server_or_skip("8")


@pytest.fixture
def client(server: Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(server.login) as client:
        yield client


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    name = f"index-{secrets.token_hex(6)}"
    yield name
    ask(server, f"/{name}*", "DELETE")
    with Elasticsearch(server.login) as client:
        client.options(ignore_status=404).indices.delete_index_template(name=name)


def made(client: Elasticsearch, name: str, shards: int = 1, replicas: int = 0) -> str:
    return prepare(client, name, shards, replicas, Deadline(10))


def change_version(client: Elasticsearch, index: str, number: int) -> None:
    client.indices.put_mapping(index=index, meta={"minsheng": {"version": number}})


def test_makes_template_index_and_alias_once(client: Elasticsearch, name: str) -> None:
    assert look(client, name, Deadline(10)) is None
    assert made(client, name, shards=2) == f"{name}-000001"
    assert made(client, name, shards=5) == f"{name}-000001"
    found = client.indices.get(index=name)[f"{name}-000001"]
    assert found["settings"]["index"]["number_of_shards"] == "2"
    assert found["aliases"] == {name: {"is_write_index": True}}
    assert found["mappings"]["_meta"] == {"minsheng": {"version": version()}}
    kept = client.indices.get_index_template(name=name)["index_templates"][0]["index_template"]
    assert kept["version"] == version()
    assert kept["index_patterns"] == [f"{name}-0*"]


def test_a_newer_mapping_is_not_written_to(client: Elasticsearch, name: str) -> None:
    change_version(client, made(client, name), version() + 1)
    with pytest.raises(StoreNewer, match=f"{name}-000001.* {version() + 1} .* {version()} "):
        made(client, name)


def test_an_older_mapping_says_how_to_renew_it(client: Elasticsearch, name: str) -> None:
    change_version(client, made(client, name), version() - 1)
    with pytest.raises(BadSetting, match="minsheng store rebuild"):
        made(client, name)


def test_a_new_field_is_added_in_place(client: Elasticsearch, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = made(client, name)
    monkeypatch.setattr(elastic_index, "FIELDS", (*FIELDS, "new_field"))
    assert made(client, name) == index
    assert client.indices.get_mapping(index=name)[index]["mappings"]["properties"]["new_field"] == {"type": "keyword"}


def test_a_name_that_is_an_index_itself(client: Elasticsearch, name: str) -> None:
    client.indices.create(index=name)
    with pytest.raises(BadSetting, match="同名"):
        made(client, name)


def test_an_alias_of_several_indices(client: Elasticsearch, name: str) -> None:
    for number in (1, 2):
        client.indices.create(index=f"{name}-00000{number}", aliases={name: {}})
    with pytest.raises(BadSetting, match=f"{name}-000001、{name}-000002"):
        made(client, name)


def test_an_index_that_lost_its_alias_is_named(client: Elasticsearch, name: str) -> None:
    client.indices.delete_alias(index=made(client, name), name=name)
    with pytest.raises(BadSetting, match=f"{name}-000001"):
        made(client, name)


def test_names_that_begin_alike_have_templates_of_their_own(client: Elasticsearch, name: str) -> None:
    made(client, name)
    other = f"{name}-test"
    try:
        made(client, other, shards=3)
        assert client.indices.get(index=other)[f"{other}-000001"]["settings"]["index"]["number_of_shards"] == "3"
        assert look(client, name, Deadline(10)) is not None
    finally:
        client.indices.delete_index_template(name=other)


def test_many_processes_may_begin_at_once(client: Elasticsearch, name: str) -> None:
    start, results = Barrier(6), list[Any]()

    def begin() -> None:
        start.wait()
        try:
            results.append(made(client, name))
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            results.append(error)

    threads = [Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [f"{name}-000001"] * 6


def test_an_index_version_beside_the_one_in_use(client: Elasticsearch, name: str) -> None:
    made(client, name)
    assert create(client, name, 2, 1, 0, Deadline(10), alias=False) == f"{name}-000002"
    found = look(client, name, Deadline(10))
    assert found is not None
    assert found.index == f"{name}-000001"
