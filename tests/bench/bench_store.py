"""How fast a store takes and answers, and how that grows with its size. Works for every engine of the store port.

    python tests/bench/bench_store.py --engine embedded
    python tests/bench/bench_store.py --engine elastic --url http://127.0.0.1:9200

Records are made here: 150 characters in words of two ideographs drawn by Zipf's law, tokens given (no annotator), spread
over 400 days, 12 districts and 34 departments. Making them is not timed. The store grows from size to size.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import log
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from models.ports import Store
    from models.record import Record

EngineFactory = Callable[[Path], "Store"]
Row = dict[str, Any]

SIZES: Final = (10_000, 100_000, 400_000)
BATCH: Final = 500
CHARACTERS: Final = 150
VOCABULARY: Final = 20_000
DAYS: Final = 400
END: Final = datetime(2026, 3, 1, tzinfo=UTC)
QUESTIONS: Final = 60
MEASURES: Final = ("search_ms", "search_counts_ms", "dashboard_ms", "scan_90_days_s", "upsert_ms_per_batch")


def vocabulary(random: Random) -> list[str]:
    """Different words of two common ideographs, the most frequent first."""
    signs = [chr(code) for code in random.sample(range(0x4E00, 0x7E00), 800)]
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(random.choices(signs, k=2))] = None
    return list(words)


def records(random: Random, words: Sequence[str]) -> Iterator[Record]:
    """Endless records, in no order of time."""
    from models.labels import CHANNELS, DEPARTMENTS, EMOTIONS, TOPICS
    from models.record import Annotation, Candidate, Record

    weights = list(accumulate(1 / (rank + 5) for rank in range(len(words))))
    departments, topics, number = list(DEPARTMENTS), list(TOPICS), 0
    while True:
        number += 1
        tokens = tuple(random.choices(words, cum_weights=weights, k=CHARACTERS // 2))
        topic = random.choice(topics)
        note = Annotation(
            model="bench",
            title_tokens=tokens[:6],
            text_tokens=tokens[6:],
            topic=topic,
            subtopic=random.choice(TOPICS[topic]),
            topics=(Candidate(label=topic, probability=0.8),),
            demand_type=random.choice(("投诉", "求助", "咨询")),
            departments=(Candidate(label=random.choice(departments), probability=0.7),),
            urgency=random.choice((0, 0, 0, 1, 2)),
            positive=random.random(),
            emotion=random.choice(EMOTIONS),
            keywords=tokens[:8],
            fingerprint=f"{random.getrandbits(64):016x}",
        )
        yield Record(
            id=f"{random.getrandbits(128):032x}",
            revision=number,
            intake=str(number),
            source="bench",
            native_id=f"B{number:08}",
            channel=random.choice(CHANNELS),
            title="".join(tokens[:6]),
            text="".join(tokens[6:]),
            created_at=END - timedelta(seconds=random.randrange(DAYS * 86_400)),
            district=f"第{random.randrange(12)}区",
            street=f"第{random.randrange(120)}街道",
            department=random.choice(departments),
            status=random.choice(("已办结", "办理中")),
            rating=random.choice((None, None, 1, 4, 5)),
            speaker=f"{random.randrange(50_000):016x}",
            annotation=note,
        )


def questions(random: Random, words: Sequence[str]) -> list[Any]:
    """Two of the 100 most common words, either of them, in one district and on two channels."""
    from models.query import Query, Some, Tokens

    def one() -> Query:
        pair = random.sample(words[:100], k=2)
        filters = {"district": (f"第{random.randrange(12)}区",), "channel": ("hotline", "board", "app")}
        return Query(match=Some(parts=tuple(Tokens(tokens=(word,)) for word in pair)), filters=filters)

    return [one() for _ in range(QUESTIONS)]


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    ordered = sorted(seconds)
    return {f"p{p}": round(1e3 * ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 2) for p in (50, 95)}


def timed(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    """p50 and p95 of the wall time, and p50 of the CPU time of this process, all in milliseconds.

    On a machine that is shared the CPU time says more; for a server it says only what the client spends.
    """
    calls[0]()
    wall, cpu = [], []
    for call in calls:
        begun, cpu_begun = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - cpu_begun)
    return percentiles(wall) | {"cpu_p50": percentiles(cpu)["p50"]}


def private_mb() -> float:
    """Resident memory without mapped files, which the system takes back when it needs to."""
    resident, shared = (int(pages) for pages in Path("/proc/self/statm").read_text().split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def fill(store: Store, source: Iterator[Record], count: int) -> tuple[float, float, list[float]]:
    """Wall seconds, CPU seconds of this process (all threads) and wall seconds of each batch, for `count` new records."""
    from models.query import Outcome

    wall, cpu, batches = 0.0, 0.0, []
    for start in range(0, count, BATCH):
        batch = [next(source) for _ in range(min(BATCH, count - start))]
        begun, cpu_begun = time.perf_counter(), time.process_time()
        receipt = store.upsert(batch)
        batches.append(time.perf_counter() - begun)
        cpu += time.process_time() - cpu_begun
        wall += batches[-1]
        if set(receipt.outcomes) != {Outcome.STORED}:
            raise RuntimeError(f"not stored: {set(receipt.reasons)}")
    return wall, cpu, batches


def ask(store: Store, asked: Sequence[Any]) -> Row:
    """Times of the questions: a page of 20; the page with three counts; a dashboard of 90 days; a scan of 90 days."""
    from models.query import Query

    recent = Query(since=END - timedelta(days=90))
    counts = (["district"], ["topic"], ["department"])
    dashboard = (["day"], ["topic"], ["district", "demand_type"])

    def with_counts(query: Query) -> None:
        store.search(query)
        for by in counts:
            store.aggregate(query, by)

    before, start, cpu_start = private_mb(), time.perf_counter(), time.process_time()
    scanned = sum(1 for _ in store.scan(recent))
    scan_seconds, scan_cpu = time.perf_counter() - start, time.process_time() - cpu_start
    return {
        "search_ms": timed([lambda q=query: store.search(q) for query in asked]),  # type: ignore[misc]
        "search_counts_ms": timed([lambda q=query: with_counts(q) for query in asked]),  # type: ignore[misc]
        "dashboard_ms": timed([lambda: [store.aggregate(recent, by) for by in dashboard]] * 20),
        "scan_90_days_s": round(scan_seconds, 2),
        "scan_records_per_s": round(scanned / scan_seconds),
        "scan_records_per_cpu_s": round(scanned / scan_cpu),
        "scan_memory_mb": round(private_mb() - before, 1),
    }


def run(
    engine_factory: EngineFactory, sizes: Sequence[int] = SIZES, *, disk_bytes: Callable[[], int] | None = None
) -> list[Row]:
    """One row for each size.

    Args:
        engine_factory: opens an empty store; the folder it is given is thrown away afterwards.
        disk_bytes: what the store takes on disk, where that is not the folder (a server).
    """
    random = Random(20260301)
    words = vocabulary(random)
    source, asked, rows, filled = records(random, words), questions(random, words), [], 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store = engine_factory(folder)
        try:
            for size in sorted(sizes):
                wall, cpu, batches = fill(store, source, size - filled)
                row = {
                    "engine": store.engine,
                    "records": size,
                    "index_records_per_s": round((size - filled) / wall),
                    "index_records_per_cpu_s": round((size - filled) / cpu),
                    "upsert_ms_per_batch": percentiles(batches[-100:]),
                    "disk_mb": round((disk_bytes() if disk_bytes else folder_bytes(folder)) / 1e6, 1),
                }
                rows.append(row | ask(store, asked) | {"memory_mb": round(private_mb())})
                print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr, flush=True)
                filled = size
        finally:
            store.close()
    return rows


def exponents(rows: Sequence[Row]) -> dict[str, float]:
    """Exponent k of time ~ size**k for each measure (its p50), by least squares over the sizes; {} for a single size."""
    if len(rows) < 2:
        return {}
    sizes = [log(row["records"]) for row in rows]
    mean = sum(sizes) / len(sizes)
    spread = sum((size - mean) ** 2 for size in sizes)

    def slope(name: str) -> float:
        times = [log(max(1e-6, value["p50"] if isinstance(value := row[name], dict) else value)) for row in rows]
        return sum((size - mean) * t for size, t in zip(sizes, times, strict=True)) / spread

    return {name: round(slope(name), 2) for name in MEASURES}


def engines(url: str) -> dict[str, EngineFactory]:
    def embedded(folder: Path) -> Store:
        from indices.stores.embedded import EmbeddedStore

        return EmbeddedStore(folder / "index", segmenter=str.split)

    def memory(folder: Path) -> Store:
        from indices.stores.memory import MemoryStore

        return MemoryStore(segmenter=str.split)

    def elastic(folder: Path) -> Store:
        from indices.stores.elastic import ElasticStore
        from models.settings import Settings

        return ElasticStore.from_settings(Settings(elastic_url=url, elastic_index=f"bench-{os.getpid()}"))

    return {"embedded": embedded, "memory": memory, "elastic": elastic}


def main() -> None:
    parser = argparse.ArgumentParser(description="Store benchmark.")
    parser.add_argument("--engine", choices=sorted(engines("")), default="embedded")
    parser.add_argument("--url", default="http://127.0.0.1:9200", help="address of Elasticsearch")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    given = parser.parse_args()
    rows = run(engines(given.url)[given.engine], given.sizes)
    print(json.dumps({"rows": rows, "exponents": exponents(rows)}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
