"""The engines under contract, by name, and the records they are tried with."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from models.ports import Store
from models.query import All, Exactly, Expression, Not, Query, Some, Tokens
from models.record import Annotation, Candidate, Record

Opener = Callable[[], Store]
START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
WORDS = (
    "噪音",
    "夜间",
    "施工",
    "物业",
    "收费",
    "漏水",
    "停电",
    "公交",
    "路灯",
    "垃圾",
    "小区",
    "学校",
    "wifi",
    "a-b",
    "ß",
    "𠮷野家",
)
DISTRICTS = ("甲区", "乙区", "丙县", "D & E", "")


def split_words(text: str) -> list[str]:
    """The segmenter of the contract suite: needs no dictionary."""
    return text.lower().split()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "state_machine: engines against the reference; the full count runs under `make crash`"
    )


def open_memory(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    from indices.stores.memory import MemoryStore

    return lambda: MemoryStore(segmenter=split_words)


def open_embedded(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """In memory-backed files where there are any: what the disk does at a commit is not under contract, and slow."""
    from indices.stores.embedded import EmbeddedStore

    folder = tmp_path / "index"
    if os.access("/dev/shm", os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="minsheng-contract-", dir="/dev/shm"))
        request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    return lambda: EmbeddedStore(folder, segmenter=split_words)


def open_elastic(version: str) -> Callable[[Path, pytest.FixtureRequest], Opener]:
    """Each call of the opener is the same index; `elastic_server(version)` gives an address or skips with a reason."""

    def factory(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
        from tests.servers.elastic import elastic_server

        url = elastic_server(version)
        from elasticsearch import Elasticsearch

        from indices.stores.elastic import ElasticStore
        from indices.stores.elastic_http import BoundedNode

        name = f"contract-{uuid4().hex[:12]}"

        def remove() -> None:
            with Elasticsearch(url) as client:
                client.indices.delete(index=f"{name}-*", ignore_unavailable=True)
                client.options(ignore_status=404).indices.delete_index_template(name=name)

        request.addfinalizer(remove)
        return lambda: ElasticStore(Elasticsearch(url, node_class=BoundedNode), name, segmenter=split_words)

    return factory


ENGINES: dict[str, Callable[[Path, pytest.FixtureRequest], Opener]] = {
    "memory": open_memory,
    "embedded": open_embedded,
    "elastic-8": open_elastic("8"),
    "elastic-9": open_elastic("9"),
}
ON_SERVERS = {"elastic-8", "elastic-9"}
LASTING = [name for name in ENGINES if name != "memory"]


def _parameters(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.server] if name in ON_SERVERS else []) for name in names]


@pytest.fixture(params=_parameters(list(ENGINES)))
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the store under test; called again it opens the same data again (but for the memory engine)."""
    return ENGINES[request.param](tmp_path, request)


@pytest.fixture(params=_parameters(LASTING))
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """As `opener`, for the engines that keep their records after `close`."""
    return ENGINES[request.param](tmp_path, request)


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    store = opener()
    yield store
    store.close()


def record(name: str = "r1", **fields: Any) -> Record:
    """A record; `title`, `text` and `reply` are words parted by spaces, annotation fields are given by their name."""
    note = {key: fields.pop(key) for key in list(fields) if key in Annotation.model_fields}
    plain: dict[str, Any] = {"revision": 1, "intake": "row-1", "source": "test", "created_at": START} | fields
    tokens = {
        "title_tokens": tuple(split_words(plain.get("title", ""))),
        "text_tokens": tuple(split_words(plain.get("text", ""))),
    }
    return Record(id=name, annotation=Annotation(**({"model": "test"} | tokens | note)), **plain)


@pytest.fixture(name="record")
def record_fixture() -> Callable[..., Record]:
    return record


def random_record(random: Random, name: str) -> Record:
    def words(most: int) -> str:
        return " ".join(random.choices(WORDS, k=random.randint(0, most)))

    def maybe(values: tuple[Any, ...]) -> Any:
        return random.choice((None, *values))

    return record(
        name,
        revision=random.randint(1, 3),
        title=words(4),
        text=words(12),
        reply=words(3),
        created_at=START + timedelta(hours=random.randint(0, 24 * 70), microseconds=random.choice((0, 0, 1, 999_999))),
        channel=random.choice(("hotline", "board")),
        district=maybe(DISTRICTS),
        department=maybe(("住建局", "城管局")),
        rating=maybe((1, 3, 5)),
        contacted=maybe((True, False)),
        topic=maybe(("环境保护", "其他")),
        urgency=random.randint(0, 3),
        positive=random.random(),
        departments=random.choice(((), (Candidate(label="城管", probability=0.7),))),
    )


def random_expression(random: Random, depth: int = 3) -> Expression:
    kind = (
        random.choice(("word", "phrase", "exact"))
        if depth == 0
        else random.choice(("word", "phrase", "exact", "all", "some", "not"))
    )
    if kind in ("word", "phrase"):
        tokens = tuple(random.choices(WORDS[:8], k=1 if kind == "word" else 2))
        return Tokens(tokens=tokens, field=random.choice((None, None, "title", "text", "reply")))
    if kind == "exact":
        field, value = random.choice((("district", "甲区"), ("rating", "5"), ("month", "2026-04"), ("topic", "没有")))
        return Exactly(field=field, value=value)
    if kind == "not":
        return Not(part=random_expression(random, depth - 1))
    parts = tuple(random_expression(random, depth - 1) for _ in range(random.randint(0, 3)))
    return All(parts=parts) if kind == "all" else Some(parts=parts)


def random_query(random: Random) -> Query:
    filters: dict[str, tuple[str, ...]] = {}
    if random.random() < 0.4:
        filters["district"] = tuple(random.sample(DISTRICTS, k=random.randint(0, 3)))
    if random.random() < 0.2:
        filters["channel"] = ("hotline",)
    since = START + timedelta(hours=random.randint(0, 24 * 70))
    return Query(
        match=random_expression(random) if random.random() < 0.7 else None,
        filters=filters,
        since=since if random.random() < 0.3 else None,
        until=since + timedelta(days=random.randint(0, 30)) if random.random() < 0.3 else None,
    )


@pytest.fixture
def corpus() -> list[Record]:
    """300 records, the same in every run."""
    random = Random(20260301)
    return [random_record(random, f"id-{random.getrandbits(64):016x}") for _ in range(300)]


@pytest.fixture
def queries() -> list[Query]:
    random = Random(7)
    return [random_query(random) for _ in range(60)]
