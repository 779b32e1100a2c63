"""How fast the inbox takes items: single commits and batches (promise R1: at least 2,000/s and 30,000 rows/s)."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

SINGLES, ROUNDS, BATCH = 1_000, 10, 2_000


def _items(start: int, count: int) -> list[Any]:
    from models.item import Item, Payload

    text = "小区南门外的路灯连续三晚不亮，老人出门看不清台阶，请尽快派人检修。"
    return [
        Item(source="bench", native_id=str(number), payload=Payload(title="路灯不亮", text=f"{text}编号{number}"))
        for number in range(start, start + count)
    ]


def raw_commits(folder: Path) -> float:
    """Commits per second of bare SQLite with the same durability: what this disk allows."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE one (row INTEGER PRIMARY KEY, body TEXT)")
    start = time.perf_counter()
    for number in range(SINGLES):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO one VALUES (?, ?)", (number, "x" * 300))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return SINGLES / seconds


def run() -> dict[str, float]:
    """Items per second by one sender, and by one sender in batches; the items are made before the clock starts."""
    from indices.database import connect, make_declared_tables
    from indices.intake.inbox import Inbox

    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/state.db")
        inbox = Inbox(engine, limit=10**6, lease_seconds=60)
        make_declared_tables(engine)
        singles, batches = _items(0, SINGLES), [_items(SINGLES + n * BATCH, BATCH) for n in range(ROUNDS)]
        inbox.accept(_items(10**6, 1))
        start = time.perf_counter()
        for item in singles:
            inbox.accept([item])
        single = SINGLES / (time.perf_counter() - start)
        start = time.perf_counter()
        for batch in batches:
            inbox.accept(batch)
        many = ROUNDS * BATCH / (time.perf_counter() - start)
        engine.dispose()
        raw = raw_commits(Path(folder))
    return {"single_commits_per_second": single, "batch_rows_per_second": many, "bare_sqlite_commits_per_second": raw}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
