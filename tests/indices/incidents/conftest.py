"""Figures that name records, and a register to take them into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from indices.database import connect, create_tables
from models.figures import Hotspot, Sentence
from models.labels import Level

AT = datetime(2026, 9, 1, 2, tzinfo=UTC)
MakeHotspot = Callable[..., Hotspot]


def make_hotspot(*ids: int, title: str = "搅拌站半夜施工", **changed: object) -> Hotspot:
    records = tuple(f"{number:032x}" for number in ids)
    base: dict[str, object] = {
        "rank": 1, "title": title, "heat": 80.0, "parts": {"burst": 80.0}, "count": len(ids), "people": len(ids),
        "first": AT + timedelta(hours=min(ids)), "last": AT + timedelta(hours=max(ids)), "places": ("栖湖湾小区",), "topic": "环境保护",
        "level": Level.YELLOW, "members": tuple(map(str, ids)), "sentences": (Sentence(text="粉尘落满阳台", id=str(ids[0])),),
        "key": records[0], "record_ids": records,
    }  # fmt: skip
    return Hotspot.model_validate({**base, **changed})


@pytest.fixture(scope="session")
def hotspot() -> MakeHotspot:
    """hotspot(1, 2, 3, title=…, **fields): a hotspot of the records with these numbers"""
    return make_hotspot


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'state.db'}")
    create_tables(engine)
    yield engine
    engine.dispose()
