"""The same text under several addresses: links to the first, each with its own reach."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

import indices.collection.reposts  # noqa: F401 - declares its table
from indices.collection.reposts import Reposts
from indices.stores.memory import MemoryStore
from models.clock import CITY_TIME
from models.labels import Kind
from models.record import Record

NOON = datetime(2026, 3, 2, 12, tzinfo=CITY_TIME)
TEXT = "柳堤路自来水管凌晨爆裂，路面积水最深处到膝盖，抢修队四点到场，预计今晚八点恢复供水，沿线公交临时绕行望江街。"


def post(n: int, text: str = TEXT, *, hours: int = 0, kind: Kind = Kind.OPINION, views: int | None = None) -> Record:
    return Record(
        id=f"{n:032x}",
        revision=1,
        intake="1",
        source=f"s{n}",
        kind=kind,
        text=text,
        created_at=NOON + timedelta(hours=hours),
        views=views,
    )


@pytest.fixture
def reposts(database: Engine) -> Reposts:
    return Reposts(database)


def test_the_earliest_is_the_first_and_reach_is_told_by_each(reposts: Reposts) -> None:
    store = MemoryStore()
    late, first, wrapped = post(1, hours=5, views=10), post(2, views=100), post(3, f"转：{TEXT}", hours=1, views=5)
    store.upsert(
        [late, first, wrapped, post(4, "东门小学门口的红绿灯坏了三天，孩子过马路很危险，请派人来看看并且尽快修好它。")]
    )
    assert reposts.update(store, NOON - timedelta(days=1)) == 2
    for record in (late, first, wrapped):
        family = reposts.family(store, record)
        assert family is not None
        assert (family.first.id, [one.id for one in family.others]) == (first.id, [wrapped.id, late.id])
        assert (family.views, family.likes) == (115, 0)
        assert store.get(record.id) == record, "nothing is merged"
    assert reposts.update(store, NOON - timedelta(days=1)) == 0


def test_the_first_stays_the_first(reposts: Reposts) -> None:
    store = MemoryStore()
    store.upsert([post(1, hours=2), post(2, hours=3)])
    reposts.update(store, NOON - timedelta(days=1))
    store.upsert([post(3, hours=1)])
    reposts.update(store, NOON - timedelta(days=1))
    family = reposts.family(store, post(3, hours=1))
    assert family is not None
    assert family.first.id == post(1).id


def test_orders_and_short_texts_are_no_reposts(reposts: Reposts) -> None:
    store = MemoryStore()
    store.upsert(
        [post(1, kind=Kind.DEMAND), post(2, kind=Kind.DEMAND), post(3, "路灯不亮，请处理"), post(4, "路灯不亮，请处理")]
    )
    assert reposts.update(store, NOON - timedelta(days=1)) == 0
    assert reposts.family(store, post(3)) is None


def test_who_does_not_see_the_first_is_told_of_what_is_seen(reposts: Reposts) -> None:
    store, part = MemoryStore(), MemoryStore()
    store.upsert([post(1), post(2, hours=1), post(3, hours=2)])
    part.upsert([post(2, hours=1), post(3, hours=2)])
    reposts.update(store, NOON - timedelta(days=1))
    family = reposts.family(part, post(3, hours=2))
    assert family is not None
    assert {family.first.id, *(one.id for one in family.others)} == {post(2).id, post(3).id}
    assert reposts.family(MemoryStore(), post(3)) is None
