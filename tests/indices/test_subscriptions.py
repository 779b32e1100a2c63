from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indices.access import ScopedStore
from indices.audit import AuditLog
from indices.database import connect, create_tables
from indices.stores.memory import MemoryStore
from indices.subscriptions import KEPT, LOOK_BACK, MOST_EACH, hits_of, match_all, mine, subscribe, unsubscribe
from models.errors import BadQuery, BadRequest, NotFound
from models.labels import Role
from models.record import Annotation, Record
from models.viewer import Viewer

AT = datetime(2026, 9, 8, 2, tzinfo=UTC)
WANG = Viewer(name="王", role=Role.ANALYST)
EAST = Viewer(name="东", role=Role.ANALYST, districts=frozenset({"河东区"}))


def split(text: str) -> list[str]:
    return text.split()


def record(number: int, words: str, *, hours: float = 1, district: str = "河东区") -> Record:
    note = Annotation(model="m", title_tokens=tuple(words.split()))
    return Record.model_validate({"id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "title": words, "text": words,
                                  "created_at": AT + timedelta(hours=hours), "district": district, "annotation": note})  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()


def look(state: Engine, store: MemoryStore, hours: float = 2) -> int:
    return match_all(
        state, lambda viewer: ScopedStore(store, viewer, AuditLog(state)), split, at=AT + timedelta(hours=hours)
    )


def test_a_record_is_named_once_a_subscription(state: Engine) -> None:
    one = subscribe(state, WANG, "燃气  泄漏", split, at=AT)
    assert one.query == "燃气 泄漏"
    store = MemoryStore()
    store.upsert(
        [record(1, "燃气 泄漏"), record(2, "燃气 缴费"), record(3, "燃气 泄漏", hours=-1)]
    )  # the last was said before
    assert look(state, store) == 1
    assert look(state, store) == 0
    store.upsert([record(4, "又 闻到 燃气 泄漏", hours=3)])
    assert look(state, store, hours=4) == 1
    assert [record_id for record_id, _ in hits_of(state, "王", one.id)] == [f"{4:032x}", f"{1:032x}"]
    assert mine(state, "王")[0].count == 2


def test_each_owner_looks_through_the_own_door(state: Engine) -> None:
    for viewer in (WANG, EAST):
        subscribe(state, viewer, "燃气", split, at=AT)
    store = MemoryStore()
    store.upsert([record(1, "燃气", district="河东区"), record(2, "燃气", district="河西区")])
    assert look(state, store) == 3
    assert [one.count for one in mine(state, "东")] == [1]
    assert [one.count for one in mine(state, "王")] == [2]
    for ask in (
        lambda: hits_of(state, "东", mine(state, "王")[0].id),
        lambda: unsubscribe(state, "东", mine(state, "王")[0].id),
    ):
        with pytest.raises(NotFound):
            ask()


def test_what_is_wrong_is_named(state: Engine) -> None:
    for bad in ("", "   ", "长" * 301):
        with pytest.raises(BadRequest):
            subscribe(state, WANG, bad, split)
    with pytest.raises(BadQuery):
        subscribe(state, WANG, "(燃气 AND", split)
    subscribe(state, WANG, "燃气", split)
    with pytest.raises(BadRequest, match="已经订阅"):
        subscribe(state, WANG, " 燃气 ", split)
    for number in range(MOST_EACH - 1):
        subscribe(state, WANG, f"词{number}", split)
    with pytest.raises(BadRequest, match=str(MOST_EACH)):
        subscribe(state, WANG, "再来", split)
    with pytest.raises(NotFound):
        unsubscribe(state, "王", 999)


def test_who_unsubscribes_hears_no_more(state: Engine) -> None:
    one = subscribe(state, WANG, "燃气", split, at=AT)
    store = MemoryStore()
    store.upsert([record(1, "燃气")])
    look(state, store)
    unsubscribe(state, "王", one.id)
    assert mine(state, "王") == []
    assert look(state, store) == 0


def test_old_hits_are_forgotten_and_none_is_named_again(state: Engine) -> None:
    one = subscribe(state, WANG, "燃气", split, at=AT)
    store = MemoryStore()
    named = []
    for day in range(0, 60, 2):
        store.upsert([record(day, "燃气", hours=24 * day + 1)])
        named.append(look(state, store, hours=24 * day + 2))
    assert named == [1] * 30
    assert KEPT > LOOK_BACK
    assert 15 <= mine(state, "王")[0].count <= 16
    assert hits_of(state, "王", one.id)[0][0] == f"{58:032x}"
