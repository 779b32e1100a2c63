"""Saved views (保存的视图): addresses of pages with their filters that somebody wants to come back to; everybody has their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Column, Double, Engine, Integer, String, Table, Text, delete, func, insert, select

from indices.database import metadata, reading, writing
from models.errors import BadRequest, NotFound
from models.record import Frozen

MOST_EACH: Final = 50
LONGEST_TITLE: Final = 60
LONGEST_PATH: Final = 1_000

saved_views = Table(
    "saved_views", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("who", String(64), nullable=False, index=True),
    Column("title", String(LONGEST_TITLE), nullable=False),
    Column("path", Text, nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip


class SavedView(Frozen):
    number: int
    title: str
    path: str


class SavedViews:
    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def keep(self, who: str, title: str, path: str) -> SavedView:
        """Raises BadRequest: no title, an address that is not of this house's 满意度 or 检索, or more than fifty of one's own."""
        title = title.strip()
        if not 1 <= len(title) <= LONGEST_TITLE:
            raise BadRequest(name="title", value=title[:40], reason=f"名称应为 1 至 {LONGEST_TITLE} 个字")
        page = path.split("?", 1)[0]
        if len(path) > LONGEST_PATH or not (page in ("/search", "/satisfaction") or page.startswith("/satisfaction/")):
            raise BadRequest(name="path", value=path[:80], reason="只能保存满意度或检索页面的地址")
        with writing(self._engine) as connection:
            count = connection.execute(select(func.count()).where(saved_views.c.who == who)).scalar_one()
            if count >= MOST_EACH:
                raise BadRequest(name="title", value=title, reason=f"每人至多 {MOST_EACH} 个视图，请先删除不用的")
            values = {"who": who, "title": title, "path": path, "at": self._clock()}
            key = connection.execute(insert(saved_views).values(values)).inserted_primary_key
        assert key is not None
        return SavedView(number=int(key[0]), title=title, path=path)

    def own(self, who: str) -> list[SavedView]:
        """The latest first."""
        chosen = select(saved_views.c.number, saved_views.c.title, saved_views.c.path).where(saved_views.c.who == who)
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.order_by(saved_views.c.number.desc()))
            return [SavedView(**row._mapping) for row in rows]

    def remove(self, who: str, number: int) -> None:
        """Raises NotFound, for another's as well."""
        with writing(self._engine) as connection:
            own = (saved_views.c.number == number) & (saved_views.c.who == who)
            if not connection.execute(delete(saved_views).where(own)).rowcount:
                raise NotFound(what=f"视图 {number}")
