from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indices.access import ScopedStore
from indices.audit import AuditLog
from indices.database import connect, metadata
from indices.stores.memory import MemoryStore
from models.labels import BUSINESS_ROLES, Role
from models.ports import Reader
from models.query import Query
from models.record import Record
from models.viewer import Viewer


def record(name: str, district: str | None) -> Record:
    return Record(
        id=name,
        revision=1,
        intake="1",
        source="t",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        text="x",
        district=district,
    )


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    metadata.create_all(engine)
    yield AuditLog(engine)
    engine.dispose()


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.upsert([record("east", "河东区"), record("west", "河西区"), record("nowhere", None)])
    return store


def seen(reader: Reader) -> tuple[set[str], int, set[str], set[str]]:
    """What four ways of reading show: get, search, aggregate, scan."""
    gotten = {name for name in ("east", "west", "nowhere", "absent") if reader.get(name)}
    counted = {bucket.keys[0] for bucket in reader.aggregate(Query(), ["id"])}
    return gotten, reader.search(Query()).total, counted, {r.id for r in reader.scan(Query())}


@pytest.mark.parametrize("role", sorted(BUSINESS_ROLES))
def test_the_whole_city_sees_everything(store: MemoryStore, log: AuditLog, role: Role) -> None:
    everything = {"east", "west", "nowhere"}
    assert seen(ScopedStore(store, Viewer(name="w", role=role), log)) == (everything, 3, everything, everything)


@pytest.mark.parametrize("role", sorted(BUSINESS_ROLES))
def test_a_district_sees_itself_only(store: MemoryStore, log: AuditLog, role: Role) -> None:
    viewer = Viewer(name="w", role=role, districts=frozenset({"河东区"}))
    assert seen(ScopedStore(store, viewer, log)) == ({"east"}, 1, {"east"}, {"east"})


def test_no_district_is_nothing(store: MemoryStore, log: AuditLog) -> None:
    viewer = Viewer(name="w", role=Role.ANALYST, districts=frozenset())
    assert seen(ScopedStore(store, viewer, log)) == (set(), 0, set(), set())


@pytest.mark.parametrize("role", sorted(set(Role) - BUSINESS_ROLES))
def test_administrators_see_no_business_data(store: MemoryStore, log: AuditLog, role: Role) -> None:
    assert seen(ScopedStore(store, Viewer(name="w", role=role), log)) == (set(), 0, set(), set())


def test_asking_for_another_district_does_not_widen_the_scope(store: MemoryStore, log: AuditLog) -> None:
    reader = ScopedStore(store, Viewer(name="w", role=Role.ANALYST, districts=frozenset({"河东区"})), log)
    asked = Query(filters={"district": ("河西区",)})
    assert reader.search(asked).total == 0
    assert list(reader.scan(asked)) == []
    assert reader.aggregate(asked, ["id"]) == []


def test_every_access_leaves_a_row_and_forbidden_ones_say_so(store: MemoryStore, log: AuditLog) -> None:
    reader = ScopedStore(store, Viewer(name="wang", role=Role.ANALYST, districts=frozenset({"河东区"})), log)
    reader.get("east"), reader.get("west"), reader.get("absent")
    reader.search(Query()), reader.aggregate(Query(), ["topic"]), reader.scan(Query())
    rows = [(r.who, r.action, r.success) for r in reversed(log.rows())]
    reads = [("wang", "record.read", True), ("wang", "record.read", False), ("wang", "record.read", False)]
    others = [("wang", f"record.{action}", True) for action in ("search", "count", "scan")]
    assert rows == reads + others
