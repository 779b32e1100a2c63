"""What a store counts and scans: exactly what the reference does, on every engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.errors import BadRequest
from models.ports import Store
from models.query import FIELDS, Bucket, Query, Sort
from models.record import Record

START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
Make = Callable[..., Record]


def brute_force(records: list[Record], by: list[str]) -> list[Bucket]:
    keywords = [r.keywords_of() for r in records]
    counts = Counter(tuple(k[field] for field in by) for k in keywords if all(field in k for field in by))
    return [Bucket(keys=keys, count=n) for keys, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]


@pytest.mark.parametrize(
    "by", [["day"], ["district"], ["week", "topic"], ["district", "rating", "month"], ["contacted"], ["id"]]
)
def test_counts_against_brute_force(store: Store, corpus: list[Record], by: list[str]) -> None:
    store.upsert(corpus)
    assert store.aggregate(Query(), by) == brute_force(corpus, by)
    some = [r for r in corpus if r.channel == "board"]
    assert store.aggregate(Query(filters={"channel": ("board",)}), by) == brute_force(some, by)


def test_counting_ignores_the_page(store: Store, corpus: list[Record]) -> None:
    store.upsert(corpus)
    assert store.aggregate(Query(size=0, offset=50), ["channel"]) == brute_force(corpus, ["channel"])


@pytest.mark.parametrize("by", [[], ["day", "week", "month", "channel"], ["day", "day"], ["text"], ["created_at"]])
def test_bad_counts_are_refused(store: Store, by: list[str]) -> None:
    with pytest.raises(BadRequest):
        store.aggregate(Query(), by)


@pytest.mark.parametrize("fields", [["rating"], ["district", "topic", "channel", "rating", "contacted", "week"]])
def test_a_table_holds_every_record(store: Store, corpus: list[Record], fields: list[str]) -> None:
    store.upsert(corpus)
    counts = Counter(tuple(r.keywords_of().get(field, "") for field in fields) for r in corpus)
    table = store.tabulate(Query(), fields)
    assert table == [Bucket(keys=k, count=n) for k, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    assert sum(bucket.count for bucket in table) == len(corpus)
    assert any("" in bucket.keys for bucket in table), "some records have no value"
    some = store.tabulate(Query(filters={"channel": ("board",)}), fields)
    assert sum(bucket.count for bucket in some) == sum(r.channel == "board" for r in corpus)


@pytest.mark.parametrize("fields", [[], ["day", "day"], ["text"], list(FIELDS[:13])])
def test_bad_tables_are_refused(store: Store, fields: list[str]) -> None:
    with pytest.raises(BadRequest):
        store.tabulate(Query(), fields)


# --- scanning ---------------------------------------------------------------------------------------------------
def test_scan_is_in_order_and_whole(store: Store, corpus: list[Record]) -> None:
    store.upsert(corpus)
    question = Query(filters={"channel": ("board",)}, size=3, offset=7, sort=Sort.NEWEST)
    expected = sorted((r for r in corpus if r.channel == "board"), key=lambda r: (r.created_at, r.id))
    assert list(store.scan(question)) == expected, "page and order of the query do not matter to a scan"


def test_scan_does_not_see_later_writes(store: Store, corpus: list[Record]) -> None:
    store.upsert(corpus)
    scan = store.scan(Query())
    seen = [next(scan) for _ in range(5)]
    store.forget([r.id for r in corpus[::2]])
    store.upsert([r.model_copy(update={"id": f"new-{r.id}"}) for r in corpus[:50]])
    store.upsert([r.model_copy(update={"revision": 99, "text": "改了"}) for r in corpus])
    seen += scan
    assert seen == sorted(corpus, key=lambda r: (r.created_at, r.id))


def test_a_scan_left_half_way_does_no_harm(store: Store, corpus: list[Record]) -> None:
    store.upsert(corpus)
    scan = store.scan(Query())
    next(scan)
    del scan
    assert store.search(Query()).total == len(corpus)


# --- agreement --------------------------------------------------------------------------------------------------
def test_agrees_with_the_reference(store: Store, corpus: list[Record], queries: list[Query]) -> None:
    from indices.stores.memory import MemoryStore

    reference = MemoryStore(segmenter=lambda text: text.lower().split())
    for target in (store, reference):
        target.upsert(corpus[:200])
        target.forget([r.id for r in corpus[50:60]])
        target.upsert([r.model_copy(update={"revision": r.revision + 1, "title": "改 了"}) for r in corpus[:30]])
        target.upsert(corpus[150:])
    for question in queries:
        mine, its = store.search(question), reference.search(question)
        assert mine.total == its.total, question
        assert [hit.record for hit in mine.hits] == [hit.record for hit in its.hits], question
        assert store.aggregate(question, ["month", "channel"]) == reference.aggregate(question, ["month", "channel"]), (
            question
        )


# --- life -------------------------------------------------------------------------------------------------------
