"""A folder of an earlier version is rewritten when it is opened: every record is there again, a kill leaves the old or the new one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tantivy

from indices.stores import embedded_rewriting, embedded_schema
from indices.stores.embedded import EmbeddedStore
from models.errors import StoreUnavailable
from models.query import FIELDS, Bucket, Query
from models.record import Record

AT = datetime(2026, 3, 2, tzinfo=UTC)


def record(number: int, **fields: Any) -> Record:
    base = {
        "id": f"{number:032x}",
        "revision": 1,
        "intake": "1",
        "source": "t",
        "text": f"路灯 {number}",
        "created_at": AT + timedelta(hours=number),
    }
    return Record.model_validate({**base, **fields})


def older() -> tantivy.Schema:
    """The fields as they were before the last one came."""
    builder = tantivy.SchemaBuilder()
    for name in FIELDS:
        if name != "reopened":
            builder.add_text_field(name, stored=name == "id", fast=True, tokenizer_name="raw", index_option="basic")
    for name in embedded_schema.TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in (embedded_schema.CREATED, embedded_schema.REVISION, embedded_schema.RANK):
        builder.add_integer_field(name, fast=True)
    builder.add_bytes_field(embedded_schema.RECORD, stored=True)
    return builder.build()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty records in an index of the earlier version, five of them forgotten again."""
    path = tmp_path / "index"
    with monkeypatch.context() as patch:
        patch.setattr(embedded_rewriting, "schema", older)
        document = embedded_schema.document

        def without(kept: Any) -> Any:
            kept.keywords.pop("reopened", None)
            return document(kept)

        patch.setattr("indices.stores.embedded.document", without)
        store = EmbeddedStore(path, segmenter=str.split)
        store.upsert([record(n, reopens=n % 2, district="河东区") for n in range(60)])
        store.forget([f"{n:032x}" for n in range(5)])
        store.close()
    return path


def test_every_record_is_there_with_the_new_field(folder: Path) -> None:
    store = EmbeddedStore(folder, segmenter=str.split)
    assert list(store.scan(Query())) == [record(n, reopens=n % 2, district="河东区") for n in range(5, 60)]
    assert store.aggregate(Query(), ["reopened"]) == [Bucket(keys=("yes",), count=28), Bucket(keys=("no",), count=27)]
    assert store.search(Query(filters={"reopened": ("yes",)})).total == 28
    store.upsert([record(99, reopens=3)])
    assert store.search(Query()).total == 56
    store.close()
    again = EmbeddedStore(folder, read_only=True)
    assert again.search(Query()).total == 56
    again.close()
    assert not (folder / embedded_rewriting.ASIDE).exists()


@pytest.mark.parametrize("at", ["document", "_swap", "os.replace"])
def test_a_kill_half_way_leaves_the_old_index_and_the_next_start_rewrites_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    class Killed(BaseException):
        pass

    calls = 0

    def killed(*_: Any) -> None:
        raise Killed

    def late(source: Any, target: Any) -> None:
        nonlocal calls
        calls += 1
        if str(target).endswith("meta.json"):
            raise Killed
        Path(source).rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(f"indices.stores.embedded_rewriting.{at}", late if at == "os.replace" else killed)
        with pytest.raises(Killed):
            EmbeddedStore(folder, segmenter=str.split)
    store = EmbeddedStore(folder, segmenter=str.split)
    assert store.search(Query()).total == 55
    store.close()


def test_an_earlier_program_that_is_still_writing_is_named(folder: Path) -> None:
    writer = tantivy.Index.open(str(folder)).writer(15_000_000, 1)
    with pytest.raises(StoreUnavailable, match="旧版程序"):
        EmbeddedStore(folder, segmenter=str.split)
    del writer
    EmbeddedStore(folder, segmenter=str.split).close()


def test_the_present_version_is_opened_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(tmp_path, segmenter=str.split)
    store.upsert([record(1)])
    store.close()

    def never(*_: Any) -> None:
        raise AssertionError("rewritten")

    monkeypatch.setattr(embedded_rewriting, "_rewrite", never)
    again = EmbeddedStore(tmp_path, segmenter=str.split)
    assert again.search(Query()).total == 1
    again.close()
