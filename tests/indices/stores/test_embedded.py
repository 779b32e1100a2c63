"""What is particular to the embedded engine; what it shares with the others is in tests/contract."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tantivy

from indices.stores import embedded_reading
from indices.stores.embedded import EmbeddedStore
from indices.stores.matching import microseconds
from indices.stores.memory import MemoryStore
from models.errors import StoreUnavailable
from models.ports import Store
from models.query import Bucket, Outcome, Query, Sort, Tokens
from models.record import Record

Make = Callable[..., Record]
START = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from indices.stores.embedded import EmbeddedStore
from models.record import Record

store = EmbeddedStore(Path(sys.argv[1]), segmenter=str.split)
for number in range(int(sys.argv[2])):
    records = [
        Record(id=f"{number}-{n}", revision=1, intake="", source="t", created_at=datetime(2026, 3, 1, tzinfo=UTC))
        for n in range(int(sys.argv[3]))
    ]
    store.upsert(records)
    print(number, flush=True)
sys.stdin.readline()
"""


def open_store(folder: Path, **options: Any) -> EmbeddedStore:
    return EmbeddedStore(folder, segmenter=str.split, **options)


@pytest.fixture
def store(folder: Path) -> Iterator[EmbeddedStore]:
    store = open_store(folder)
    yield store
    store.close()


def writer(folder: Path, batches: int, size: int) -> subprocess.Popen[str]:
    """Another process that writes, prints the number of each batch that was acknowledged, and waits for a line."""
    command = [sys.executable, "-c", WRITER, str(folder), str(batches), str(size)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# --- processes --------------------------------------------------------------------------------------------------
def test_many_read_one_writes(tmp_path: Path, record: Make) -> None:
    reader = open_store(tmp_path / "index")
    with writer(tmp_path / "index", 3, 2) as process:
        assert process.stdout
        for number in range(3):
            assert process.stdout.readline() == f"{number}\n"
            assert reader.search(Query()).total >= 2 * (number + 1)
        with pytest.raises(StoreUnavailable, match="另一个进程正在写"):
            reader.upsert([record()])
        with pytest.raises(StoreUnavailable, match="另一个进程正在写"):
            reader.forget(["0-0"])
        assert reader.forget(["absent"]) == 0
        assert reader.get("2-1") is not None
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert reader.upsert([record()]).outcomes == (Outcome.STORED,), "the lock went with the writer"
    assert reader.search(Query()).total == 7
    reader.close()


def test_read_only_never_writes(tmp_path: Path, record: Make) -> None:
    store = open_store(tmp_path / "index", read_only=True)
    assert store.search(Query()).total == 0
    with pytest.raises(StoreUnavailable, match="只读"):
        store.upsert([record()])
    store.close()


@pytest.mark.crash
def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Each kill falls somewhere within a batch; a batch is there whole or not at all."""
    size = 40
    for run in range(int(os.environ.get("MINSHENG_STORE_KILLS", "2"))):
        folder = tmp_path / str(run)
        with writer(folder, 10_000, size) as process:
            assert process.stdout
            acknowledged = [process.stdout.readline() for _ in range(4)]
            time.sleep(0.013 * (run % 17))
            process.send_signal(signal.SIGKILL)
            acknowledged += process.stdout.readlines()
        store = open_store(folder)
        kept = store.search(Query()).total
        assert kept % size == 0
        assert len(acknowledged) <= kept / size <= len(acknowledged) + 1
        assert store.upsert([Record(id="after", revision=1, intake="", source="t", created_at=START)]).outcomes == (
            Outcome.STORED,
        )
        store.close()


def test_makers_at_the_same_time_make_one_index(tmp_path: Path, record: Make) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: open_store(tmp_path / "index"), range(6)))
    stores[0].upsert([record()])
    assert [store.search(Query()).total for store in stores] == [1] * 6
    for store in stores:
        store.close()


def test_threads_may_share_it(store: EmbeddedStore, record: Make) -> None:
    def work(number: int) -> int:
        receipt = store.upsert(
            [record(f"{number}-{n}", text="甲") for n in range(5)] + [record("same", revision=number)]
        )
        assert store.search(Query(match=Tokens(tokens=("甲",)))).total >= 5
        return receipt.outcomes.count(Outcome.STORED)

    with ThreadPoolExecutor(4) as pool:
        stored = sum(pool.map(work, range(8)))
    assert stored == store.search(Query()).total == 41


# --- failures ---------------------------------------------------------------------------------------------------
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnavailable, match="file"):
        open_store(tmp_path / "file")


def test_an_index_of_another_layout_is_refused(tmp_path: Path) -> None:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("other")
    tantivy.Index(builder.build(), str(tmp_path))
    with pytest.raises(StoreUnavailable, match="schema"):
        open_store(tmp_path)


def test_a_torn_list_of_segments_is_refused(tmp_path: Path, record: Make) -> None:
    store = open_store(tmp_path)
    store.upsert([record()])
    (tmp_path / "meta.json").write_text('{"torn')
    with pytest.raises(StoreUnavailable):
        store.search(Query())
    store.close()
    with pytest.raises(StoreUnavailable):
        open_store(tmp_path)


def test_a_lost_folder_is_said(tmp_path: Path, record: Make) -> None:
    store = open_store(tmp_path / "index")
    (tmp_path / "index" / "meta.json").unlink()
    with pytest.raises(StoreUnavailable, match=r"meta\.json"):
        store.search(Query())
    store.close()


class _Full:
    """A writer on a full disk."""

    def __init__(self, inner: tantivy.IndexWriter) -> None:
        self.delete_documents_by_term, self.add_document = inner.delete_documents_by_term, inner.add_document

    def commit(self) -> int:
        raise OSError(28, "No space left on device")


def test_a_failed_commit_keeps_nothing_and_the_next_one_works(store: EmbeddedStore, record: Make) -> None:
    store.upsert([record("r1", text="旧"), record("r2")])
    store._writer = _Full(store._open_writer())  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="No space"):
        store.upsert([record("r1", revision=2, text="新"), record("r3")])
    gc.collect()
    assert store.search(Query()).total == 2
    assert store.upsert([record("r4")]).outcomes == (Outcome.STORED,)
    assert [hit.record.id for hit in store.search(Query(sort=Sort.OLDEST)).hits] == ["r1", "r2", "r4"]
    kept = store.get("r1")
    assert kept is not None
    assert kept.text == "旧"


def test_a_record_that_cannot_be_written_is_rejected_alone(store: EmbeddedStore, record: Make) -> None:
    bad = record("bad").model_copy(update={"stated_topic": object()})
    receipt = store.upsert([record("r1"), bad])
    assert receipt.outcomes == (Outcome.STORED, Outcome.REJECTED)
    assert "无法写入" in receipt.reasons[1]


# --- order ------------------------------------------------------------------------------------------------------
IDS = [f"same-beginning-{n:03}" for n in range(150)] + [f"{n:03}" for n in range(150)]


@pytest.mark.parametrize("sort", [Sort.NEWEST, Sort.OLDEST])
def test_pages_through_instants_that_many_records_share(store: EmbeddedStore, record: Make, sort: Sort) -> None:
    """Orders by day only: each instant is longer than a page, and ids tie in the rank column."""
    records = [record(name, created_at=START + timedelta(days=n % 3)) for n, name in enumerate(IDS)]
    for part in range(0, 300, 60):
        store.upsert(records[part : part + 60])
    reverse = sort is Sort.NEWEST
    by_id = sorted(records, key=lambda r: r.id)
    expected = [r.id for r in sorted(by_id, key=lambda r: r.created_at, reverse=reverse)]
    for size in (7, 100):
        pages = [store.search(Query(sort=sort, offset=n, size=size)) for n in range(0, 300, size)]
        assert [hit.record.id for page in pages for hit in page.hits] == expected


@pytest.mark.parametrize("slice_size", [1, 7, 100, 5_000])
def test_scans_whatever_the_slice(store: EmbeddedStore, record: Make, slice_size: int) -> None:
    records = [record(name, created_at=START + timedelta(days=(n % 7) ** 2)) for n, name in enumerate(IDS)]
    store.upsert(records)
    scanned = list(embedded_reading.scan(store._searcher(), tantivy.Query.all_query(), slice_size))
    assert scanned == sorted(records, key=lambda r: (r.created_at, r.id))


def test_equal_scores_are_ordered_across_pages(store: EmbeddedStore, record: Make) -> None:
    for part in range(0, 300, 100):
        store.upsert(
            [
                record(name, text="甲 乙", created_at=START + timedelta(days=n % 3))
                for n, name in enumerate(IDS)
                if n // 100 == part // 100
            ]
        )
    query = Query(match=Tokens(tokens=("甲",)), sort=Sort.RELEVANCE, size=11)
    pages = [store.search(query.model_copy(update={"offset": n})) for n in range(0, 300, 11)]
    newest = [hit.record.id for n in (0, 100, 200) for hit in store.search(Query(offset=n, size=100)).hits]
    assert [hit.record.id for page in pages for hit in page.hits] == newest


def test_times_before_1970_are_ordered(store: EmbeddedStore, record: Make) -> None:
    store.upsert([record(str(year), created_at=datetime(year, 1, 1, tzinfo=UTC)) for year in (1969, 1900, 1971, 2199)])
    assert [r.id for r in store.scan(Query())] == ["1900", "1969", "1971", "2199"]
    assert [hit.record.id for hit in store.search(Query(until=datetime(1970, 1, 1, tzinfo=UTC))).hits] == [
        "1969",
        "1900",
    ]


# --- counts -----------------------------------------------------------------------------------------------------
def test_counts_when_there_are_too_many_values_for_one_pass(
    store: EmbeddedStore, record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tantivy's limit made small: halving by time and paging one instant give what one pass gives."""
    records = [
        record(name, created_at=START + timedelta(days=n % 5 // 2), district=f"区{n % 4}") for n, name in enumerate(IDS)
    ]
    store.upsert(records)
    expected = {by: store.aggregate(Query(), by) for by in (("id",), ("district", "id"), ("day", "district"))}
    one_pass, passes = embedded_reading._terms, []

    def limited(searcher: tantivy.Searcher, found: tantivy.Query, by: Any) -> Any:
        answer = one_pass(searcher, found, by)
        passes.append(len(answer))
        if len(answer) > 60:
            raise ValueError("Aborting aggregation because bucket limit was exceeded. Limit: 60")
        return answer

    monkeypatch.setattr(embedded_reading, "_terms", limited)
    monkeypatch.setattr(embedded_reading, "_COMPOSITE_PAGE", 25)
    assert {by: store.aggregate(Query(), by) for by in expected} == expected
    assert len(passes) > 6


def test_counts_of_more_values_than_one_pass_allows(store: EmbeddedStore) -> None:
    """Above tantivy's own limit of 65,000 buckets, half of the records in one instant. Bare rows: records take too long."""
    many, writer = 66_000, store._open_writer()
    for n in range(many):
        created = microseconds(START + timedelta(hours=n % 2 * n))
        writer.add_document(tantivy.Document(id=f"{n:08}", speaker=f"p{n % 65_500}", created=created))
    writer.commit()
    speakers = store.aggregate(Query(), ["speaker"])
    assert len(speakers) == 65_500
    assert speakers[:2] == [Bucket(keys=("p0",), count=2), Bucket(keys=("p1",), count=2)]
    assert [bucket.count for bucket in speakers].count(2) == 500
    assert sum(bucket.count for bucket in speakers) == many


# --- keeping house ----------------------------------------------------------------------------------------------
def test_segments_stay_few(store: EmbeddedStore, record: Make) -> None:
    for number in range(60):
        store.upsert([record(f"r{number}", text="甲")])
    store.close()
    again = open_store(store._folder)
    assert again._searcher().num_segments <= 16
    assert again.search(Query()).total == 60
    again.close()


def test_rewriting_the_same_records_does_not_grow_the_folder(folder: Path, record: Make) -> None:
    def rewrite(revision: int) -> int:
        store = open_store(folder)
        store.upsert([record(f"r{n}", revision=revision, text="甲 乙 丙") for n in range(100)])
        store.close()
        return sum(path.stat().st_size for path in folder.iterdir())

    sizes = [rewrite(revision) for revision in range(1, 30)]
    assert max(sizes) < 12 * sizes[0]


def open_files_and_threads() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


@pytest.mark.parametrize("engine", ["memory", "embedded"])
def test_nothing_leaks(folder: Path, record: Make, engine: str) -> None:
    """Promise R13: at most 2 descriptors and threads after 50 times opening, using and closing."""

    def cycle(number: int) -> None:
        store: Store = open_store(folder) if engine == "embedded" else MemoryStore(segmenter=str.split)
        store.upsert([record(f"r{number}")])
        store.search(Query())
        next(store.scan(Query()))
        store.close()

    cycle(0)
    gc.collect()
    files, threads = open_files_and_threads()
    for number in range(50):
        cycle(number)
    gc.collect()
    deadline = time.monotonic() + 5
    while open_files_and_threads()[1] > threads + 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    now_files, now_threads = open_files_and_threads()
    assert now_files <= files + 2
    assert now_threads <= threads + 2
