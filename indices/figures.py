"""Computed figures, kept: a page shows in milliseconds what took seconds to compute, and a paper can be shown again.

A figure is kept under a name, the scope of its viewer (districts) and its question. It is fresh while the store has
taken in nothing since (`mark`, the books' count) or while it is younger than the caller allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Column, Double, Engine, Integer, String, Table, Text, delete, select

from indices.database import metadata, reading, upsert, writing
from models.identity import digest

figures = Table(
    "figures", metadata,
    Column("key", String(32), primary_key=True),
    Column("name", String(64), nullable=False, index=True),
    Column("mark", Integer, nullable=False),
    Column("computed_at", Double, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

FigureModel = TypeVar("FigureModel", bound=BaseModel)


class FigureCache:
    """Get a figure or compute it."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def get(self, kind: type[FigureModel], name: str, question: str, *, mark: int, max_age_seconds: float,
            compute: Callable[[], FigureModel]) -> FigureModel:  # fmt: skip
        """The kept figure if it is fresh, else a new one, which is kept. `question` holds everything the figure depends on."""
        key = digest(name, question)
        with reading(self._engine) as connection:
            row = connection.execute(select(figures).where(figures.c.key == key)).first()
        if row is not None and (row.mark == mark or self._clock() - row.computed_at < max_age_seconds):
            return kind.model_validate_json(row.body)
        figure = compute()
        values = {
            "key": key,
            "name": name,
            "mark": mark,
            "computed_at": self._clock(),
            "body": figure.model_dump_json(),
        }
        keep = upsert(self._engine, figures).values(values)  # two processes may have computed it at the same time
        with writing(self._engine) as connection:
            connection.execute(keep.on_conflict_do_update(index_elements=["key"], set_=values))
        return figure

    def expire(self, days: int) -> int:
        """Remove figures computed more than `days` ago."""
        with writing(self._engine) as connection:
            return connection.execute(
                delete(figures).where(figures.c.computed_at < self._clock() - days * 86_400)
            ).rowcount
