"""The evaluation leaves out what nobody answers for, says how much, and is otherwise the index."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from indices.civic.evaluation import evaluate, exclusions
from indices.civic.satisfaction import satisfaction
from indices.stores.memory import MemoryStore
from models.query import Query
from models.record import Record

AT = datetime(2026, 3, 2, tzinfo=UTC)


def order(number: int, street: str, rating: int | None, **fields: Any) -> Record:
    return Record(
        id=f"{street}{number}",
        revision=1,
        intake="1",
        source="t",
        created_at=AT,
        text="x",
        street=street,
        rating=rating,
        **fields,
    )


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.upsert([order(n, street, 4 + n % 2) for street in ("甲街道", "乙街道") for n in range(60)])
    made.upsert([order(100 + n, "甲街道", 1, status="不予受理") for n in range(10)])
    made.upsert(
        [order(200 + n, "甲街道", 1, merged_into="甲街道1", status="不予受理" if n == 0 else None) for n in range(5)]
    )
    made.upsert([order(300 + n, "甲街道", 1) for n in range(4)])
    return made


def test_an_order_is_left_out_for_one_reason(store: MemoryStore) -> None:
    found = exclusions(store, Query(), ["甲街道300", "甲街道100", "没有的"])
    assert {reason: len(ids) for reason, ids in found.items()} == {"不予受理": 11, "已并入他单": 4, "申诉获支持": 1}


def test_units_are_counted_without_them(store: MemoryStore) -> None:
    found = evaluate(store, Query(), "street", ["甲街道300", "甲街道301", "甲街道302", "甲街道303"])
    rows = {row.key: row for row in found.index.rows}
    assert found.left_out == {"不予受理": 11, "已并入他单": 4, "申诉获支持": 4}
    assert (rows["甲街道"].n, rows["甲街道"].raw) == (60, 87.5)
    assert rows["甲街道"].value == pytest.approx(rows["乙街道"].value, abs=0.01)
    assert found.index.overall.n == 120
    plain = satisfaction(store, Query(), "street")
    assert {row.key: row.n for row in plain.rows} == {"甲街道": 79, "乙街道": 60}


def test_an_appeal_that_is_upheld_counts_at_once(store: MemoryStore) -> None:
    values = [
        next(r.value for r in evaluate(store, Query(), "street", ids).index.rows if r.key == "甲街道") or 0
        for ids in ((), ("甲街道300",))
    ]
    assert values[1] > values[0]
