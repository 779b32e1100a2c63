"""Take-in: the incidents that the machine finds get a number, grow, and are merged; what a person decided stays.

A group is known again by its members. It goes to the incident that holds most of them; a group that holds most of two young
incidents that nobody touched makes them one, and the younger number points to the older. A record never leaves an incident
unless a person moves it, and one that a person placed is no longer the machine's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from indices.database import reading, writing
from indices.incidents.tables import changes, incidents, members
from models.clock import CITY_TIME, now
from models.errors import NotFound
from models.figures import Hotspot
from models.labels import Level

NEW, CONFIRMED, HANDLING, CLOSED, REJECTED = "new", "confirmed", "handling", "closed", "rejected"
STATE_NAMES: Final = {
    NEW: "新发现", CONFIRMED: "已确认", HANDLING: "处置中", CLOSED: "已办结", REJECTED: "不是热点",
}  # fmt: skip
MACHINE: Final = "machine"
MOST_SHARE: Final = 0.5
"""A group that holds so much of an incident is that incident."""
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Incident:
    """A row of the register; `words`: what it is compared with other incidents by."""

    number: str
    title: str
    renamed: bool
    state: str
    merged_into: str | None
    opened_at: datetime
    first: datetime
    last: datetime
    level: Level
    heat: float
    topic: str
    place: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a take-in did: numbers of new incidents, of those that got records, and (from, into) of those that were merged."""

    opened: tuple[str, ...]
    grown: tuple[str, ...]
    merged: tuple[tuple[str, str], ...]
    reopened: tuple[str, ...]


def take_in(engine: Engine, found: Sequence[Hotspot], *, at: datetime | None = None) -> TakenIn:
    """Enter what a figure found, in one transaction; the same figure again changes nothing.

    Groups are taken in order of their first record, whatever their rank.
    """
    moment = (at or now()).timestamp()
    opened: list[str] = []
    grown: list[str] = []
    merged: list[tuple[str, str]] = []
    reopened: list[str] = []
    with writing(engine) as connection:
        lock(engine, connection)
        for one in sorted(found, key=lambda hotspot: (hotspot.first, hotspot.key)):
            held = _held(connection, one.record_ids)
            number = _choose(held)
            fresh = [record for record in one.record_ids if record not in held]
            if number is None:
                if not fresh:  # a person has placed every one of them
                    continue
                number = _open(connection, one, moment)
                opened.append(number)
            else:
                merged += _absorb(connection, number, held, moment)
            _add(connection, number, fresh)
            if fresh and number not in opened:
                grown.append(number)
                reopened += _reopen(connection, number, moment)
            _refresh(connection, number, one)
    return TakenIn(tuple(opened), tuple(dict.fromkeys(grown)), tuple(merged), tuple(reopened))


def find(engine: Engine, number: str) -> Incident:
    """The incident of a number, as it stands, merged or not. Raises NotFound."""
    with reading(engine) as connection:
        return find_in(connection, number)


def living(engine: Engine, number: str) -> Incident:
    """The incident that a number means today: a merged one leads to the one it went into. Raises NotFound."""
    with reading(engine) as connection:
        one = find_in(connection, number)
        while one.merged_into is not None:
            one = find_in(connection, one.merged_into)
        return one


def list_incidents(engine: Engine, *, states: Iterable[str] = (), limit: int = 200) -> list[Incident]:
    """Incidents that were not merged, the latest record first. `states`: only these; none: all."""
    wanted = list(states)
    query = select(incidents).where(incidents.c.merged_into.is_(None))
    if wanted:
        query = query.where(incidents.c.state.in_(wanted))
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(incidents.c.last.desc(), incidents.c.number).limit(limit))
        return [_incident(row) for row in rows]


def records_of(engine: Engine, number: str) -> list[str]:
    """Ids of the records of an incident, in order."""
    with reading(engine) as connection:
        query = select(members.c.record_id).where(members.c.number == number).order_by(members.c.record_id)
        return list(connection.execute(query).scalars())


def numbers_of(engine: Engine, record_ids: Sequence[str]) -> dict[str, str]:
    """The incident of each record that has one."""
    with reading(engine) as connection:
        return {record: number for record, (number, _) in _held(connection, record_ids).items()}


def lock(engine: Engine, connection: Connection) -> None:
    """Two that write the register take turns, as SQLite's write lock makes them."""
    if engine.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE incidents IN SHARE ROW EXCLUSIVE MODE")


def find_in(connection: Connection, number: str) -> Incident:
    """As `find`, in a transaction of the caller's."""
    row = connection.execute(select(incidents).where(incidents.c.number == number)).first()
    if row is None:
        raise NotFound(what=f"事件 {number[:40]}")
    return _incident(row)


def open_number(connection: Connection, moment: float) -> str:
    """The next number of the year; numbers are never used again, because no incident is ever deleted."""
    year = datetime.fromtimestamp(moment, CITY_TIME).year
    prefix = f"SJ{year}-"
    last = connection.execute(
        select(func.max(incidents.c.number)).where(incidents.c.number.startswith(prefix, autoescape=True))
    ).scalar()
    return f"{prefix}{int(last[len(prefix) :]) + 1 if last else 1:05d}"


def _held(connection: Connection, record_ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Number of the incident that holds a record, and whether a person put it there."""
    found: dict[str, tuple[str, bool]] = {}
    for begin in range(0, len(record_ids), _CHUNK):
        chunk = list(record_ids[begin : begin + _CHUNK])
        for row in connection.execute(select(members).where(members.c.record_id.in_(chunk))):
            found[row.record_id] = (row.number, row.placed)
    return found


def _choose(held: dict[str, tuple[str, bool]]) -> str | None:
    """The incident that holds most of the machine's own records, the oldest number at a tie."""
    votes = Counter(number for number, placed in held.values() if not placed)
    return min(votes, key=lambda number: (-votes[number], number)) if votes else None


def _absorb(
    connection: Connection, number: str, held: dict[str, tuple[str, bool]], moment: float
) -> list[tuple[str, str]]:
    """Merge into `number` the untouched incidents of which the group holds most."""
    votes = Counter(other for other, placed in held.values() if not placed and other != number)
    done = []
    for other in sorted(votes):
        size = connection.execute(
            select(func.count()).select_from(members).where(members.c.number == other)
        ).scalar_one()
        touched = connection.execute(
            select(changes.c.id).where(
                (changes.c.number == other) | (changes.c.other == other), changes.c.who != MACHINE
            )
        ).first()
        if touched or votes[other] < MOST_SHARE * size:
            continue
        connection.execute(update(members).where(members.c.number == other).values(number=number))
        connection.execute(update(incidents).where(incidents.c.number == other).values(merged_into=number))
        log(connection, number, "merge", MACHINE, moment, other=other)
        done.append((other, number))
    return done


def _open(connection: Connection, one: Hotspot, moment: float) -> str:
    number = open_number(connection, moment)
    row = {"number": number, "renamed": False, "state": NEW, "merged_into": None, "opened_at": moment, **_facts(one)}
    connection.execute(insert(incidents).values(row))
    log(connection, number, "open", MACHINE, moment)
    return number


def _add(connection: Connection, number: str, fresh: Sequence[str]) -> None:
    if fresh:
        connection.execute(
            insert(members), [{"record_id": record, "number": number, "placed": False} for record in fresh]
        )


def _reopen(connection: Connection, number: str, moment: float) -> list[str]:
    """A closed incident of which more is heard is open again; a rejected one stays what a person said it is."""
    if find_in(connection, number).state != CLOSED:
        return []
    connection.execute(update(incidents).where(incidents.c.number == number).values(state=NEW))
    log(connection, number, "reopen", MACHINE, moment)
    return [number]


def _refresh(connection: Connection, number: str, one: Hotspot) -> None:
    """The latest figure's words; a title that a person gave stays."""
    known = find_in(connection, number)
    facts = _facts(one)
    facts["first"] = min(facts["first"], known.first.timestamp())
    facts["last"] = max(facts["last"], known.last.timestamp())
    if known.renamed:
        del facts["title"]
    connection.execute(update(incidents).where(incidents.c.number == number).values(facts))


def _facts(one: Hotspot) -> dict[str, Any]:
    from nlp.segment import segment

    words = [*segment(one.title), *(word for sentence in one.sentences for word in segment(sentence.text)), *one.places]
    kept = dict.fromkeys(word for word in words if len(word) > 1 and " " not in word)
    return {
        "title": one.title, "first": one.first.timestamp(), "last": one.last.timestamp(), "level": str(one.level),
        "heat": one.heat, "topic": one.topic, "place": "、".join(one.places or one.districts), "words": " ".join(kept),
    }  # fmt: skip


def log(connection: Connection, number: str, kind: str, who: str, moment: float, *, other: str | None = None, note: str = "",
        before: str = "{}") -> int:  # fmt: skip
    """Write a line of the log; its id."""
    values = {"number": number, "other": other, "at": moment, "who": who, "kind": kind, "note": note, "before": before,
              "undone": False}  # fmt: skip
    key = connection.execute(insert(changes).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _incident(row: Row[Any]) -> Incident:
    values = dict(row._mapping)
    for name in ("opened_at", "first", "last"):
        values[name] = datetime.fromtimestamp(values[name], UTC)
    values["level"] = Level(values["level"])
    values["words"] = frozenset(values["words"].split())
    return Incident(**values)
