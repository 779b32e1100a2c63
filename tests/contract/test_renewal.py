"""Reading again what is kept, on every engine: all of it, through deaths, and never at the cost of a later state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indices.intake.renewal import Renewal
from models.ports import Store
from models.query import Bucket, Query, Receipt
from models.record import Annotation, Record
from nlp.annotate import Draft, Reading

Make = Callable[..., Record]


class Reader:
    version = "second"

    def annotate(self, drafts: Sequence[Draft]) -> list[Reading]:
        note = Annotation(model=self.version, topic="政法")
        return [Reading(d.title, d.text, d.reply, note, {}) for d in drafts]


class Death(BaseException):
    """The process is gone."""


class Deadly:
    """A store under which the process dies: before a write, after half of it, or after all of it."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self.store, self.dice = store, dice
        self.scan = store.scan

    def renew(self, batch: Sequence[Record]) -> Receipt:
        part = self.dice.choice((0, len(batch) // 2, len(batch), None))
        receipt = self.store.renew(batch if part is None else batch[:part])
        if part is not None:
            raise Death
        return receipt


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    import indices.intake.inbox  # noqa: F401 - declares its tables
    from indices.database import connect, make_declared_tables

    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    make_declared_tables(engine)
    yield engine
    engine.dispose()


def wish(database: Engine, store: object) -> Renewal:
    return Renewal(database, store, lease_seconds=0.0, max_attempts=1_000, portion=40)  # type: ignore[arg-type]


def test_everything_kept_is_read_again_and_nothing_else_changes(
    store: Store, corpus: list[Record], database: Engine
) -> None:
    store.upsert(corpus)
    before = {one.id: one.model_copy(update={"annotation": None}) for one in store.scan(Query())}
    one = wish(database, store)
    one.ask("second")
    while one.step(Reader):
        pass
    progress = one.progress()
    assert progress is not None
    assert (progress.renewed, progress.failed, progress.finished) == (len(corpus), 0, True)
    kept = list(store.scan(Query()))
    assert {each.id: each.model_copy(update={"annotation": None}) for each in kept} == before
    assert {each.annotation.model for each in kept if each.annotation} == {"second"}
    assert store.aggregate(Query(), ["topic"]) == [Bucket(keys=("政法",), count=len(corpus))]


def test_deaths_and_states_that_come_in_between(
    store: Store, corpus: list[Record], record: Make, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each death a later state of some record has come, one is forgotten, and another process goes on."""
    monkeypatch.setattr(Renewal, "_give_back", lambda *_: None)
    dice = random.Random(11)
    store.upsert(corpus)
    gone: set[str] = set()
    later: dict[str, int] = {}
    wish(database, store).ask("second")
    for _ in range(500):
        one = wish(database, Deadly(store, dice))
        try:
            while one.step(Reader):
                pass
            break
        except Death:
            name, lost = dice.choice(corpus).id, dice.choice(corpus).id
            revision = later.get(name, 10) + 1
            if name not in gone:
                store.upsert([record(name, revision=revision, status=f"第{revision}")])
                later[name] = revision
            store.forget([lost])
            gone.add(lost)
            later.pop(lost, None)
    assert len(gone) > 5
    assert len(later) > 5
    kept = {each.id: each for each in store.scan(Query())}
    assert set(kept) == {each.id for each in corpus} - gone
    assert {name: kept[name].revision for name in later} == later
    assert {kept[name].status for name in later} == {f"第{revision}" for revision in later.values()}
    assert {each.annotation.model for each in kept.values() if each.annotation} == {"second"}
