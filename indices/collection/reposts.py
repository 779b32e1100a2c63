"""Posts and news that say the same as an earlier one: kept as records of their own, with a link to the first and with their own reach.

The first is the earliest of those that are alike; once named it stays the first, whatever is found later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Double, Engine, String, Table, or_, select

from indices.database import metadata, reading, upsert, writing
from models.clock import now
from models.labels import Kind
from models.ports import Reader
from models.query import Query
from models.record import Record

ALIKE: Final = 0.8
LEAST_CHARACTERS: Final = 30
"""Shorter texts are alike by chance: 路灯不亮，请尽快处理."""
KINDS: Final = (Kind.OPINION, Kind.NEWS)
WINDOW_DAYS: Final = 30

reposts = Table(
    "reposts", metadata,
    Column("record", String(64), primary_key=True),
    Column("first", String(64), nullable=False, index=True),
    Column("found_at", Double, nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Family:
    """The first of several records that say the same, and the others, earliest first. Reach: views and likes of all, as far as they are told."""

    first: Record
    others: tuple[Record, ...]

    @property
    def views(self) -> int:
        return sum(one.views or 0 for one in (self.first, *self.others))

    @property
    def likes(self) -> int:
        return sum(one.likes or 0 for one in (self.first, *self.others))


class Reposts:
    """The links."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def update(self, reader: Reader, since: datetime) -> int:
        """Link what came since; how many links are new."""
        posts = [
            record for kind in KINDS for record in reader.scan(Query(since=since, filters={"kind": (kind.value,)}))
        ]
        posts = sorted(
            (one for one in posts if len(one.text) >= LEAST_CHARACTERS), key=lambda one: (one.created_at, one.id)
        )
        known, fresh = self._known(one.id for one in posts), []
        for group in _groups(posts):
            named = [known[one.id] for one in group if one.id in known]
            first = min(named, key=named.index) if named else group[0].id
            fresh += [
                {"record": one.id, "first": first, "found_at": now().timestamp()}
                for one in group
                if one.id not in known and one.id != first
            ]
        with writing(self._engine) as connection:
            for row in fresh:
                connection.execute(upsert(self._engine, reposts).values(row).on_conflict_do_nothing())
        return len(fresh)

    def family(self, reader: Reader, record: Record) -> Family | None:
        """All that say the same as this record, as far as the reader may see them; None where it stands alone."""
        with reading(self._engine) as connection:
            first = (
                connection.execute(select(reposts.c.first).where(reposts.c.record == record.id)).scalar() or record.id
            )
            ids = connection.execute(select(reposts.c.record).where(reposts.c.first == first)).scalars().all()
        found = [one for name in (first, *ids) if (one := reader.get(name)) is not None]
        if len(found) < 2:
            return None
        head, *others = found
        return Family(head, tuple(sorted(others, key=lambda one: (one.created_at, one.id))))

    def _known(self, ids: Iterable[str]) -> dict[str, str]:
        """The first of each record that is linked, itself one or named as one."""
        wanted, found = list(ids), {}
        with reading(self._engine) as connection:
            for begin in range(0, len(wanted), 500):
                part = wanted[begin : begin + 500]
                for row in connection.execute(
                    select(reposts).where(or_(reposts.c.record.in_(part), reposts.c.first.in_(part)))
                ):
                    found[row.record] = found[row.first] = row.first
        return found


def _groups(posts: list[Record]) -> list[list[Record]]:
    from nlp.similar import near_duplicates

    groups: defaultdict[int, list[Record]] = defaultdict(list)
    for number, post in zip(near_duplicates([one.text for one in posts], ALIKE), posts, strict=True):
        groups[number].append(post)
    return [group for group in groups.values() if len(group) > 1]
