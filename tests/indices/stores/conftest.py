from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models.record import Annotation, Record

START = datetime(2026, 3, 1, tzinfo=UTC)


def record(name: str = "r1", **fields: Any) -> Record:
    """A record whose title and text are words parted by spaces."""
    plain: dict[str, Any] = {"revision": 1, "intake": "row-1", "source": "test", "created_at": START} | fields
    note = Annotation(
        model="test",
        title_tokens=tuple(plain.get("title", "").split()),
        text_tokens=tuple(plain.get("text", "").split()),
    )
    return Record(**({"id": name, "annotation": note} | plain))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for an index, in memory-backed files where there are any: tests make many commits, and a disk is slow."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path / "index"
        return
    with tempfile.TemporaryDirectory(prefix="minsheng-stores-", dir="/dev/shm") as path:
        yield Path(path)


@pytest.fixture(name="record")
def record_fixture() -> Callable[..., Record]:
    return record
