"""R1: what was acknowledged survives kill -9; R3 and R7: each thing once, and the books balance."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from indices.intake import tables
from indices.intake.inbox import Inbox
from models.identity import record_id
from models.item import Item, Payload
from models.query import Query

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_nothing_acknowledged_is_lost_or_torn(
    mother: Any, kills: int, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    report, dice = tmp_path / "acknowledged", random.Random()
    for number in range(kills):
        child = mother.bear("accept", url=database_url, report=str(report), name=f"p{number}")
        born = len(lines(report))
        time.sleep(dice.uniform(0.0, 0.15))
        if number % 3:  # two of three die in the middle of their work, one while it starts
            while len(lines(report)) == born:
                time.sleep(0.002)
            time.sleep(dice.uniform(0.0, 0.1))
        mother.kill(child)
    acknowledged = lines(report)
    with database.connect() as connection:
        bodies = connection.execute(select(tables.inbox.c.body)).scalars().all()
    there = Counter(str(Item.model_validate_json(body).native_id).rpartition("-")[0] for body in bodies)
    lost = [batch for batch in acknowledged if batch not in there]
    torn = [batch for batch, n in there.items() if n != int(batch.rpartition("-")[2])]
    inbox = Inbox(database, limit=10**6, lease_seconds=1)
    books = inbox.books()
    figure(f"R1: {kills} kills, {len(acknowledged)} batches acknowledged: lost {len(lost)}, torn {len(torn)}")
    assert acknowledged
    assert (lost, torn) == ([], [])
    assert max(there.values()) <= 20
    assert books.received == books.waiting == len(bodies) == inbox.rows_waiting()
    assert books.difference == 0


def test_a_worker_killed_at_work_neither_loses_nor_doubles(
    mother: Any, kills: int, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    inbox, dice, folder = Inbox(database, limit=10**6, lease_seconds=0.2), random.Random(), tmp_path / "index"
    sent: list[Item] = []
    for number in range(kills):
        batch = [item(str(dice.randrange(number * 30 + 30))) for _ in range(60)]
        inbox.accept(batch)
        sent += batch
        left = inbox.waiting()
        child = mother.bear("work", url=database_url, folder=str(folder))
        if number % 3:
            deadline = time.monotonic() + 30
            while inbox.waiting() == left and time.monotonic() < deadline:
                time.sleep(0.002)
        time.sleep(dice.uniform(0.0, 0.1))
        mother.kill(child)
        assert inbox.books().difference == 0
    books, distinct = finish(inbox, database_url, folder)
    figure(
        f"R3/R7: {kills} kills of a worker, {len(sent)} items of {len({record_id(one) for one in sent})} things:"
        f" stored {books.stored}, in the store {distinct}, duplicate {books.duplicate}, difference {books.difference}"
    )
    assert books.received == len(sent)
    assert (books.waiting, books.quarantined, books.refused, books.difference) == (0, 0, 0, 0)
    assert books.stored == distinct == len({record_id(one) for one in sent})


def item(name: str) -> Item:
    return Item(source="crash", native_id=name, payload=Payload(title=name, text="路灯不亮"))


def finish(inbox: Inbox, url: str, folder: Path) -> tuple[Any, int]:
    """Drain what is left, in this process; the books and the number of records."""
    from indices.intake.worker import Worker
    from indices.stores.embedded import EmbeddedStore
    from models.settings import Settings

    class Plain:
        def annotate(self, drafts: Any) -> Any:
            from models.record import Annotation
            from nlp.annotate import Reading

            note = Annotation(model="none")
            return [
                Reading(title=d.title, text=d.text, reply=d.reply, annotation=note, probabilities={}) for d in drafts
            ]

    store = EmbeddedStore(folder, segmenter=lambda text: text.lower().split())
    Worker(inbox, store, Plain(), b"k" * 32, Settings(max_attempts=20)).drain()
    distinct = store.search(Query(size=0)).total
    store.close()
    return inbox.books(), distinct
