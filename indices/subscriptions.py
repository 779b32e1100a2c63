"""Keyword subscriptions: a boolean query that somebody wants to hear of, matched against new records; each record is named once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Double, Engine, Integer, String, Table, Text, delete, func, insert, select

from indices.database import metadata, reading, upsert, writing
from indices.query_language import Segmenter, parse
from models.clock import now
from models.errors import BadRequest, NotFound
from models.ports import Reader
from models.query import Query, Sort
from models.viewer import Viewer

subscriptions: Final = Table(
    "subscriptions", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("who", String(64), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("districts", Text, nullable=False),  # JSON; null: the whole city
    Column("query", Text, nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip

hits: Final = Table(
    "subscription_hits", metadata,
    Column("subscription", Integer, primary_key=True),
    Column("record_id", String(64), primary_key=True),
    Column("at", Double, nullable=False),
)  # fmt: skip

MOST_EACH: Final = 20
LONGEST: Final = 300
LOOK_BACK: Final = timedelta(days=3)
"""A record may arrive days after it was said."""
AT_ONCE: Final = 100
KEPT: Final = timedelta(days=30)
"""Longer than LOOK_BACK, else a record that was forgotten would be named again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """`recent`: hits of the last seven days."""

    id: int
    who: str
    viewer: Viewer
    query: str
    at: datetime
    count: int
    recent: int


def subscribe(
    engine: Engine, viewer: Viewer, query: str, segmenter: Segmenter | None = None, *, at: datetime | None = None
) -> Subscription:
    """A new one, of the viewer's own districts.

    Raises:
        BadQuery: the query cannot be parsed; says where.
        BadRequest: it is empty or too long, the viewer has it already, or has `MOST_EACH`.
    """
    text = " ".join(query.split())
    if not text or len(text) > LONGEST or parse(text, segmenter) is None:
        raise BadRequest(name="检索式", value=text[:40], reason=f"须写 1 到 {LONGEST} 字")
    own = mine(engine, viewer.name)
    if len(own) >= MOST_EACH:
        raise BadRequest(name="订阅", value=len(own), reason=f"每人至多 {MOST_EACH} 个，请先退订")
    if any(one.query == text for one in own):
        raise BadRequest(name="检索式", value=text[:40], reason="已经订阅")
    districts = None if viewer.districts is None else sorted(viewer.districts)
    row = {
        "who": viewer.name,
        "role": str(viewer.role),
        "districts": json.dumps(districts),
        "query": text,
        "at": (at or now()).timestamp(),
    }
    with writing(engine) as connection:
        key = connection.execute(insert(subscriptions).values(row)).inserted_primary_key
    assert key is not None
    return next(one for one in mine(engine, viewer.name) if one.id == int(key[0]))


def unsubscribe(engine: Engine, who: str, number: int) -> None:
    """End one's own; what it found is forgotten. Raises NotFound, for another's too."""
    with writing(engine) as connection:
        done = connection.execute(delete(subscriptions).where(subscriptions.c.id == number, subscriptions.c.who == who))
        if done.rowcount:
            connection.execute(delete(hits).where(hits.c.subscription == number))
    if not done.rowcount:
        raise NotFound(what=f"订阅 {number}")


def mine(engine: Engine, who: str) -> list[Subscription]:
    """One's own, the latest first."""
    with reading(engine) as connection:
        return [_read(connection, row) for row in connection.execute(
            select(subscriptions).where(subscriptions.c.who == who).order_by(subscriptions.c.id.desc())).all()]  # fmt: skip


def match_all(
    engine: Engine,
    reader_of: Callable[[Viewer], Reader],
    segmenter: Segmenter | None = None,
    *,
    at: datetime | None = None,
) -> int:
    """Look for new records of every subscription, each through its owner's own door; how many hits are new.

    A record is named once a subscription, whoever runs this and how often.
    """
    moment = at or now()
    with reading(engine) as connection:
        known = [
            _read(connection, row)
            for row in connection.execute(select(subscriptions).order_by(subscriptions.c.id)).all()
        ]
    fresh = 0
    for one in known:
        begin = max(one.at, moment - LOOK_BACK)
        query = Query(match=parse(one.query, segmenter), since=begin, sort=Sort.NEWEST, size=AT_ONCE)
        found = [hit.record.id for hit in reader_of(one.viewer).search(query).hits]
        with writing(engine) as connection:
            for record_id in found:
                row = {"subscription": one.id, "record_id": record_id, "at": moment.timestamp()}
                fresh += max(0, connection.execute(upsert(engine, hits).values(row).on_conflict_do_nothing()).rowcount)
            connection.execute(
                delete(hits).where(hits.c.subscription == one.id, hits.c.at < (moment - KEPT).timestamp())
            )
    return fresh


def hits_of(engine: Engine, who: str, number: int, *, limit: int = 50) -> list[tuple[str, datetime]]:
    """(record id, when it was found) of one's own subscription, the latest first. Raises NotFound, for another's too."""
    if number not in {one.id for one in mine(engine, who)}:
        raise NotFound(what=f"订阅 {number}")
    query = select(hits).where(hits.c.subscription == number).order_by(hits.c.at.desc(), hits.c.record_id).limit(limit)
    with reading(engine) as connection:
        return [(row.record_id, datetime.fromtimestamp(row.at, UTC)) for row in connection.execute(query)]


def _read(connection: Any, row: Any) -> Subscription:
    own = hits.c.subscription == row.id
    count = connection.execute(select(func.count()).select_from(hits).where(own)).scalar_one()
    week = (now() - timedelta(days=7)).timestamp()
    recent = connection.execute(select(func.count()).select_from(hits).where(own, hits.c.at >= week)).scalar_one()
    districts = json.loads(row.districts)
    viewer = Viewer(name=row.who, role=row.role, districts=None if districts is None else frozenset(districts))
    return Subscription(row.id, row.who, viewer, row.query, datetime.fromtimestamp(row.at, UTC), count, recent)
