"""A fall of satisfaction alerts once, names the unit, the size and the probability, and leaves the house like other alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from indices.alerts.drops import DROP, record_drops
from indices.civic.alerts import list_alerts
from indices.civic.weekly import by_week
from indices.stores.memory import MemoryStore
from models.labels import Level
from models.query import Query
from models.record import Record
from models.satisfaction import Weekly

START = datetime(2026, 3, 2, tzinfo=UTC)


def weekly(weeks: int, fall_from: int | None) -> Weekly:
    random, records = np.random.default_rng(1), []
    for unit in ("河东区", "河西区"):
        for week in range(weeks):
            low = unit == "河东区" and fall_from is not None and week >= fall_from
            for k, rating in enumerate(random.choice([1, 2, 3] if low else [3, 4, 5], 200)):
                records.append(
                    Record(id=f"{unit}{week}-{k}", revision=1, intake="1", source="t", created_at=START + timedelta(weeks=week), text="x",
                           district=unit, rating=int(rating))
                )  # fmt: skip
    store = MemoryStore()
    store.upsert(records)
    return by_week(store, Query(), "district")


def test_a_fall_is_told_once_with_its_size(state: Engine) -> None:
    found = weekly(16, fall_from=13)
    at = START + timedelta(weeks=16)
    [one] = record_drops(state, found, "区县", at=at)
    assert (one.kind, one.level, one.title) == (DROP, Level.YELLOW, "区县“河东区”满意度下降")
    assert "→" in one.rule
    assert "概率" in one.rule
    assert one.count == 800
    assert one.acknowledge_by is not None
    assert record_drops(state, found, "区县", at=at + timedelta(days=1)) == []
    assert [alert.id for alert in list_alerts(state)] == [one.id]


def test_a_later_fall_is_another_alert(state: Engine) -> None:
    first = record_drops(state, weekly(16, fall_from=13), "区县", at=START + timedelta(weeks=16))
    later = record_drops(state, weekly(28, fall_from=25), "区县", at=START + timedelta(weeks=28))
    assert len({one.incident for one in (*first, *later)}) == 2


@pytest.mark.parametrize("found", [weekly(16, fall_from=None), Weekly(cells=(), drop={})])
def test_nothing_is_raised_of_nothing(state: Engine, found: Weekly) -> None:
    assert record_drops(state, found, "区县") == []
    assert list_alerts(state) == []
