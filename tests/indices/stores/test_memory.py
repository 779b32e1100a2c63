from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from indices.stores.memory import MemoryStore
from models.query import Outcome, Query
from models.record import Record


def test_threads_may_share_it(record: Callable[..., Record]) -> None:
    store = MemoryStore(segmenter=str.split)

    def work(number: int) -> int:
        receipt = store.upsert(
            [record(f"{number}-{n}", text="甲") for n in range(20)] + [record("same", revision=number)]
        )
        assert store.search(Query()).total >= 20
        return receipt.outcomes.count(Outcome.STORED)

    with ThreadPoolExecutor(8) as pool:
        stored = sum(pool.map(work, range(16)))
    assert stored == store.search(Query()).total == 16 * 20 + 1
    kept = store.get("same")
    assert kept is not None
    assert kept.revision == 15
