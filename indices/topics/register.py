"""The register of new topics: a topic keeps its number from week to week; a person can make a class of it or drop it.

A topic of this week is one of the register if the cosine of their centroids is at least `SAME` (methods.md §3); its centroid then
follows, so that a topic may drift slowly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Connection, Double, Engine, Integer, String, Table, Text, insert, select, update

from indices.database import metadata, reading, upsert, writing
from models.clock import day_start, now
from models.errors import BadRequest, NotFound
from models.labels import OTHER
from models.ports import Reader
from models.query import Query
from models.record import Record
from nlp.topics import LEAST_TEXTS, FoundTopic, find_topics, likeness

topics: Final = Table(
    "new_topics", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("words", Text, nullable=False),  # separated by spaces
    Column("centroid", Text, nullable=False),  # JSON
    Column("state", String(16), nullable=False),
    Column("adopted_as", String(64), nullable=False),
    Column("who", String(64), nullable=False),
    Column("first_seen", String(10), nullable=False),
    Column("last_seen", String(10), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip

runs: Final = Table(
    "new_topic_weeks", metadata,
    Column("topic", Integer, primary_key=True),
    Column("week", String(10), primary_key=True),  # its last day
    Column("count", Integer, nullable=False),
    Column("recent", Integer, nullable=False),
    Column("before", Integer, nullable=False),
    Column("examples", Text, nullable=False),  # record ids, separated by spaces
)  # fmt: skip

NEW, ADOPTED, DROPPED = "new", "adopted", "dropped"
STATE_NAMES: Final = {NEW: "新话题", ADOPTED: "已设为类", DROPPED: "不是话题"}
SAME: Final = 0.8
WINDOW_DAYS: Final = 28
RECENT_DAYS: Final = 7
EXAMPLES: Final = 20
LONGEST_NAME: Final = 20


@dataclass(frozen=True, slots=True)
class Topic:
    """A row of the register with its latest week.

    Attributes:
        count: records of the latest run's four weeks; `recent`: of their last week; `before`: weekly mean of the three before.
        examples: record ids, the most central first.
    """

    id: int
    words: tuple[str, ...]
    state: str
    adopted_as: str
    first_seen: date
    last_seen: date
    count: int
    recent: int
    before: float
    examples: tuple[str, ...]

    @property
    def growth(self) -> float:
        """Records of the last week against a usual one of the three before, one added to both."""
        return (self.recent + 1) / (self.before + 1)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did. `texts`: records that no class explains; below LEAST_TEXTS nothing was looked for."""

    texts: int
    found: int
    new: int

    @property
    def enough(self) -> bool:
        return self.texts >= LEAST_TEXTS


def run(engine: Engine, reader: Reader, last: date, *, at: datetime | None = None) -> Run:
    """Look through the four weeks that end with `last`; the same week again gives the same.

    Raises:
        MissingPart: the extra `topics` is not installed.
    """
    begin = last - timedelta(days=WINDOW_DAYS - 1)
    query = Query(since=day_start(begin), until=day_start(last + timedelta(days=1)))
    records = sorted(filter(_unexplained, reader.scan(query)), key=lambda record: record.id)
    found = find_topics([_words(record) for record in records])
    recent = day_start(last - timedelta(days=RECENT_DAYS - 1))
    fresh = 0
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE new_topics IN SHARE ROW EXCLUSIVE MODE")
        known = {row.id: json.loads(row.centroid) for row in connection.execute(select(topics.c.id, topics.c.centroid))}
        taken: set[int] = set()
        for one in found:
            number = _same(one, {key: centroid for key, centroid in known.items() if key not in taken})
            if number is None:
                number = _add(connection, one, last, (at or now()).timestamp())
                fresh += 1
            else:
                _follow(connection, number, one, last)
            taken.add(number)
            members = [records[position] for position in one.members]
            newest = sum(record.created_at >= recent for record in members)
            row = {"topic": number, "week": last.isoformat(), "count": len(members), "recent": newest, "before": len(members) - newest,
                   "examples": " ".join(record.id for record in members[:EXAMPLES])}  # fmt: skip
            statement = upsert(engine, runs).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["topic", "week"], set_=row))
    return Run(len(records), len(found), fresh)


def list_topics(engine: Engine, *, states: Sequence[str] = (NEW,)) -> list[Topic]:
    """Topics of the latest run, the fastest growing first; those that were not seen then follow."""
    with reading(engine) as connection:
        rows = connection.execute(select(topics).where(topics.c.state.in_(list(states)))).all()
        weeks = {(row.topic, row.week): row for row in connection.execute(select(runs))}
    found = [_topic(row, weeks.get((row.id, row.last_seen))) for row in rows]
    latest = max((one.last_seen for one in found), default=None)
    return sorted(found, key=lambda one: (one.last_seen != latest, -round(one.growth, 6), -one.count, one.id))


def find_topic(engine: Engine, number: int) -> Topic:
    """One topic. Raises NotFound."""
    found = next((one for one in list_topics(engine, states=list(STATE_NAMES)) if one.id == number), None)
    if found is None:
        raise NotFound(what=f"新话题 {number}")
    return found


def adopt(engine: Engine, number: int, name: str, who: str) -> Topic:
    """Make a class of it: `parent/name` or a name of its own. Raises BadRequest for a name that is none, NotFound."""
    name = "/".join(part.strip() for part in name.split("/"))
    parts = name.split("/")
    if not all(1 <= len(part) <= LONGEST_NAME for part in parts) or len(parts) > 2:
        raise BadRequest(name="类名", value=name[:40], reason=f"应为“类名”或“上级类/类名”，每级至多 {LONGEST_NAME} 字")
    return _decide(engine, number, ADOPTED, who, name)


def drop(engine: Engine, number: int, who: str) -> Topic:
    """No topic: it is not shown again, however often it is found. Raises NotFound."""
    return _decide(engine, number, DROPPED, who, "")


def taxonomy(engine: Engine) -> list[tuple[str, int, str, str]]:
    """(class, topic, who, words) of what people made classes of, in order of their names."""
    with reading(engine) as connection:
        rows = connection.execute(select(topics).where(topics.c.state == ADOPTED)).all()
    return sorted((row.adopted_as, row.id, row.who, row.words) for row in rows)


def _decide(engine: Engine, number: int, state: str, who: str, name: str) -> Topic:
    with writing(engine) as connection:
        done = connection.execute(
            update(topics).where(topics.c.id == number).values(state=state, who=who, adopted_as=name)
        )
    if not done.rowcount:
        raise NotFound(what=f"新话题 {number}")
    return find_topic(engine, number)


def _unexplained(record: Record) -> bool:
    note = record.annotation
    return note is not None and (note.topic is None or note.topic == OTHER or "topic" in note.abstained)


def _words(record: Record) -> list[str]:
    note = record.annotation
    words = (*note.title_tokens, *note.text_tokens[:60]) if note else ()
    return [word for word in dict.fromkeys(words) if len(word) > 1 and not word.isdigit() and "[" not in word]


def _same(one: FoundTopic, known: dict[int, dict[str, float]]) -> int | None:
    alike = {key: likeness(one.centroid, {int(f): w for f, w in centroid.items()}) for key, centroid in known.items()}
    best = min(alike, key=lambda key: (-round(alike[key], 6), key), default=None)
    return best if best is not None and alike[best] >= SAME else None


def _add(connection: Connection, one: FoundTopic, last: date, moment: float) -> int:
    row = {"words": " ".join(one.words), "centroid": json.dumps(one.centroid), "state": NEW, "adopted_as": "", "who": "",
           "first_seen": last.isoformat(), "last_seen": last.isoformat(), "at": moment}  # fmt: skip
    key = connection.execute(insert(topics).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _follow(connection: Connection, number: int, one: FoundTopic, last: date) -> None:
    seen = connection.execute(select(topics.c.last_seen).where(topics.c.id == number)).scalar_one()
    values: dict[str, Any] = {"words": " ".join(one.words), "centroid": json.dumps(one.centroid)}
    if last.isoformat() >= seen:
        connection.execute(update(topics).where(topics.c.id == number).values(last_seen=last.isoformat(), **values))


def _topic(row: Any, week: Any) -> Topic:
    count, recent, before, examples = (week.count, week.recent, week.before, week.examples) if week else (0, 0, 0, "")
    weeks = (WINDOW_DAYS - RECENT_DAYS) / RECENT_DAYS
    return Topic(row.id, tuple(row.words.split()), row.state, row.adopted_as, date.fromisoformat(row.first_seen),
                 date.fromisoformat(row.last_seen), count, recent, before / weeks, tuple(examples.split()))  # fmt: skip
