"""Which group each record is in, from one figure to the next: a table that every process of the house reads and writes.

It holds the groups of all records together; a figure of one district or of some words groups its own. A process that comes to
the same new records at the same time finds the same groups: they are named after one of their records, and what is written
last differs only where the two saw different records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Column, Engine, String, Table, delete, func, select, update

from indices.civic.grouping import group_posts
from indices.civic.posts import Post
from indices.civic.regroup import positions_of, regroup
from indices.database import metadata, reading, upsert, writing

LATE_DAYS: Final = 14
"""Records may arrive so late and still join; where older ones appear everything is grouped anew."""
KEPT_DAYS: Final = 500
"""Longer than any figure looks back: a year and the memory before it."""
_ROWS: Final = 2_000

grouped = Table(
    "grouped", metadata,
    Column("record", String(64), primary_key=True),
    Column("grouping", String(64), nullable=False, index=True),
    Column("day", String(10), nullable=False, index=True),
)  # fmt: skip


class KeptGroups:
    """The groups of all records of the house."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def groups(self, posts: Sequence[Post]) -> list[list[int]]:
        """Groups of positions in `posts`, as `indices.civic.grouping.group_posts` gives them.

        Args:
            posts: every record of a stretch of days, sorted by (at, id); those not seen before join the groups or begin new
                ones, and are remembered. A stretch that ended before the newest record seen and holds unknown ones is
                grouped by itself; one that begins before the oldest is grouped anew and remembered.
        """
        if not posts:
            return []
        known = self._known(posts[0].day)
        unknown = [post for post in posts if post.id not in known]
        if unknown and (newest := self._newest()):
            still = newest - timedelta(days=LATE_DAYS)
            if unknown[0].day < still:
                if posts[-1].day < still:
                    return group_posts(posts)
                known = {}
        found = regroup(posts, known)
        self._keep(posts, known, found.names, found.merged)
        return positions_of(found.names)

    def _known(self, first: date) -> dict[str, str]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(grouped.c.record, grouped.c.grouping).where(grouped.c.day >= first.isoformat())
            )
            return {row.record: row.grouping for row in rows}

    def _newest(self) -> date | None:
        with reading(self._engine) as connection:
            day = connection.execute(select(func.max(grouped.c.day))).scalar()
        return date.fromisoformat(day) if day else None

    def _keep(self, posts: Sequence[Post], known: dict[str, str], names: list[str], merged: dict[str, str]) -> None:
        changed = [
            {"record": post.id, "grouping": name, "day": post.day.isoformat()}
            for post, name in zip(posts, names, strict=True)
            if known.get(post.id) != name
        ]
        if not changed:
            return
        oldest = (posts[-1].day - timedelta(days=KEPT_DAYS)).isoformat()
        with writing(self._engine) as connection:
            for rows in _parts(changed):
                keep = upsert(self._engine, grouped).values(rows)
                news = {"grouping": keep.excluded.grouping, "day": keep.excluded.day}
                connection.execute(keep.on_conflict_do_update(index_elements=["record"], set_=news))
            for gone, kept in merged.items():  # members older than these posts
                connection.execute(update(grouped).where(grouped.c.grouping == gone).values(grouping=kept))
            connection.execute(delete(grouped).where(grouped.c.day < oldest))


def _parts(rows: list[dict[str, str]]) -> Iterable[list[dict[str, str]]]:
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))
