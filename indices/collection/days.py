"""The days of each source: how much came, how whole it was, how late, how much was asked for it. Counters that are only added to.

They are written by the worker line for every batch that it settles, and by every run of a crawl or connector for what it asked. A death between
a batch and its counters loses these counts, never an item: the inbox keeps books of its own (R7).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Engine, String, Table, delete, select

from indices.database import Prepared, metadata, reading, upsert, writing_directly
from models.clock import city_day, now
from models.item import PROBLEM, Item
from models.query import Outcome

FIELDS: Final = (
    "title",
    "text",
    "created_at",
    "district",
    "street",
    "stated_topic",
    "department",
    "status",
    "reply",
    "rating",
    "speaker",
    "url",
)
"""Whose share is watched: what figures, clocks and routing rest on."""
TIMELY: Final = timedelta(hours=24)
"""A thing should be here so soon after it happened last."""
_ITEMS: Final = ("items", "stored", "updated", "duplicate", "quarantined", "timely", "consistent", "proper")
_RUNS: Final = ("runs", "requests", "failed", "blocked", "problems", "bytes")
_COUNTS: Final = (*_ITEMS, *_RUNS)

source_day = Table(
    "source_day", metadata,
    Column("source", String(100), primary_key=True),
    Column("day", String(10), primary_key=True),  # the city's, on which it arrived
    *(Column(name, BigInteger, nullable=False) for name in _COUNTS),
    Column("seconds", Double, nullable=False),  # that runs took
    Column("delay_hours", Double, nullable=False),  # sum over the items, from what happened last to arrival
)  # fmt: skip
source_field = Table(
    "source_field", metadata,
    Column("source", String(100), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("field", String(40), primary_key=True),
    Column("present", BigInteger, nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a source. `timely`: here within a day; `consistent`: its times are in order; `proper`: with identity and time of its own."""

    items: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    quarantined: int = 0
    timely: int = 0
    consistent: int = 0
    proper: int = 0
    runs: int = 0
    requests: int = 0
    failed: int = 0
    blocked: int = 0
    problems: int = 0
    bytes: int = 0
    seconds: float = 0.0
    delay_hours: float = 0.0
    fields: Mapping[str, int] = field(default_factory=dict)

    @property
    def fresh(self) -> int:
        """What was not there already."""
        return self.items - self.duplicate


class Days:
    """The counters of all sources."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        names = (*_COUNTS, "seconds", "delay_hours")
        day = upsert(engine, source_day)
        self._day = Prepared(engine, day.on_conflict_do_update(
            index_elements=["source", "day"], set_={name: source_day.c[name] + day.excluded[name] for name in names}), ["source", "day", *names])  # fmt: skip
        part = upsert(engine, source_field)
        self._field = Prepared(engine, part.on_conflict_do_update(
            index_elements=["source", "day", "field"], set_={"present": source_field.c.present + part.excluded.present}),
            ["source", "day", "field", "present"])  # fmt: skip

    def add_items(self, settled: Iterable[tuple[Item, Outcome]]) -> None:
        """Items that the worker line settled, on the day on which each was fetched."""
        days: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        fields: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for item, outcome in settled:
            key = (item.source, city_day(item.fetched_at).isoformat())
            _count(item, outcome, days[key])
            fields[key].update(name for name in FIELDS if getattr(item.payload, name) not in (None, ""))
        self._write(days, fields)

    def add_run(self, source: str, *, at: datetime | None = None, **counts: float) -> None:
        """A run over the source: requests, failed, blocked, problems, bytes, seconds."""
        key = (source, city_day(at or now()).isoformat())
        self._write({key: {"runs": 1, **counts}}, {})

    def read(self, since: date, source: str | None = None) -> dict[str, dict[date, Day]]:
        """The days from `since` on, by source."""
        wanted = source_day.c.day >= since.isoformat()
        present = source_field.c.day >= since.isoformat()
        if source is not None:
            wanted, present = wanted & (source_day.c.source == source), present & (source_field.c.source == source)
        fields: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        found: defaultdict[str, dict[date, Day]] = defaultdict(dict)
        with reading(self._engine) as connection:
            for row in connection.execute(select(source_field).where(present)):
                fields[row.source, row.day][row.field] = row.present
            for row in connection.execute(select(source_day).where(wanted).order_by(source_day.c.day)):
                values = dict(row._mapping)
                name, day = values.pop("source"), values.pop("day")
                found[name][date.fromisoformat(day)] = Day(**values, fields=fields.get((name, day), {}))
        return dict(found)

    def forget(self, before: date) -> None:
        with writing_directly(self._engine) as connection:
            for table in (source_day, source_field):
                Prepared(self._engine, delete(table).where(table.c.day < before.isoformat())).run(connection, [{}])

    def _write(
        self, days: Mapping[tuple[str, str], Mapping[str, float]], fields: Mapping[tuple[str, str], Mapping[str, int]]
    ) -> None:
        nothing: dict[str, Any] = dict.fromkeys((*_COUNTS, "seconds", "delay_hours"), 0)
        rows: Sequence[dict[str, Any]] = [
            {"source": key[0], "day": key[1], **nothing, **days[key]} for key in sorted(days)
        ]
        parts = [{"source": key[0], "day": key[1], "field": name, "present": count}
                 for key in sorted(fields) for name, count in sorted(fields[key].items())]  # fmt: skip
        with writing_directly(self._engine) as connection:
            if rows:
                self._day.run(connection, rows)
            if parts:
                self._field.run(connection, parts)


def _count(item: Item, outcome: Outcome, counts: Counter[str]) -> None:
    payload = item.payload
    counts["items"] += 1
    if outcome is Outcome.DUPLICATE:
        counts["duplicate"] += 1
    elif outcome is Outcome.REJECTED:
        counts["quarantined"] += 1
    else:
        counts["stored"] += 1
        counts["updated"] += outcome is Outcome.UPDATED
    times = [
        at
        for at in (
            payload.created_at,
            payload.accepted_at,
            payload.dispatched_at,
            payload.replied_at,
            payload.closed_at,
        )
        if at
    ]
    last = max(times, default=None)
    delay = max(timedelta(0), item.fetched_at - last) if last else timedelta(0)
    counts["delay_hours"] += delay.total_seconds() / 3_600  # type: ignore[assignment]
    counts["timely"] += last is not None and delay <= TIMELY
    counts["consistent"] += all(earlier <= later for earlier, later in pairwise(times)) and (
        last is None or last <= item.fetched_at + TIMELY
    )
    counts["proper"] += (
        bool(item.native_id or payload.url) and payload.created_at is not None and PROBLEM not in item.extra
    )
