"""`annotate --again` through kill -9: every record read again, every later state kept, the books as they were."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from indices.intake.inbox import Inbox
from indices.intake.renewal import Renewal
from indices.stores.embedded import EmbeddedStore
from models.item import Item, Payload
from models.query import Query

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

PORTION = 25


def item(number: int, revision: int) -> Item:
    payload = Payload(title=str(number), text="路灯不亮 " * 40, status=f"第{revision}步")
    return Item(source="crash", native_id=str(number), revision=revision, payload=payload)


def open_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, segmenter=lambda text: text.lower().split())


def test_killed_at_any_moment_it_goes_on_and_no_later_state_is_lost(
    mother: Any, kills: int, database: Engine, database_url: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    n, folder, dice = 3 * PORTION * (kills + 4), tmp_path / "index", random.Random()
    inbox = Inbox(database, limit=10**6, lease_seconds=0.2)
    latest = dict.fromkeys(range(n), 1)
    inbox.accept([item(number, 1) for number in range(n)])
    child = mother.bear("work", url=database_url, folder=str(folder))
    until(lambda: not inbox.waiting())
    mother.kill(child)
    store = open_store(folder)
    wish = Renewal(database, store, lease_seconds=0.2, max_attempts=20)
    wish.ask("second")
    for number in range(kills):
        before = wish.progress()
        child = mother.bear("renew", url=database_url, folder=str(folder))
        for changed in (dice.randrange(n) for _ in range(3)):  # while it is at work
            latest[changed] += 1
            inbox.accept([item(changed, latest[changed])])
        if number % 3:
            until(lambda: (at := wish.progress()) != before or bool(at and at.finished))  # noqa: B023 - called before the next turn
        time.sleep(dice.uniform(0.0, 0.05))
        mother.kill(child)
        assert inbox.books().difference == 0
    child = mother.bear("renew", url=database_url, folder=str(folder))
    until(lambda: not inbox.waiting() and bool((now := wish.progress()) and now.finished))
    mother.kill(child)
    kept = {int(one.native_id or -1): one for one in store.scan(Query())}
    models = [one.annotation.model for one in kept.values() if one.annotation]
    wrong = [number for number, revision in latest.items() if kept[number].status != f"第{revision}步"]
    books = inbox.books()
    figure(
        f"annotate --again: {kills} kills, {n} records, {sum(latest.values()) - n} later states meanwhile:"
        f" read by the new model {models.count('second')}, states lost {len(wrong)}, difference {books.difference}"
    )
    store.close()
    assert set(kept) == set(latest)
    assert wrong == []
    assert models == ["second"] * n
    assert (books.waiting, books.quarantined, books.difference) == (0, 0, 0)
    assert books.received == sum(latest.values())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.01)
