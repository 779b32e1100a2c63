"""Where each source stands: paused or not, what it has read, when it ran last and how that ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select, update

from indices.collection.tables import place
from indices.database import reading, upsert, writing


@dataclass(frozen=True, slots=True)
class Place:
    """A row; instants in Unix seconds, None where it never happened."""

    source: str
    paused: bool = False
    wanted_at: float | None = None
    not_before: float = 0.0
    round: int = 0
    position: Mapping[str, Any] = field(default_factory=dict)
    began_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    error: str = ""

    @property
    def unfinished(self) -> bool:
        """Its last run has not ended: it is at work, or it died."""
        return self.began_at is not None and (self.ended_at is None or self.ended_at < self.began_at)

    def asked_for(self) -> bool:
        """Somebody wants a run and none has begun since."""
        return self.wanted_at is not None and (self.began_at is None or self.began_at < self.wanted_at)


class Places:
    """All places. Every change is one transaction; what is read is at once true for all processes."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def get(self, source: str) -> Place:
        """Of a source that never ran, an empty one."""
        return self._one(source)

    def all(self) -> dict[str, Place]:
        """By name."""
        with reading(self._engine) as connection:
            return {row.source: _place(row) for row in connection.execute(select(place))}

    def pause(self, source: str, *, paused: bool = True) -> None:
        self._set(source, paused=int(paused))

    def want(self, source: str) -> None:
        """A run as soon as possible; also sooner than the site's wish is not."""
        self._set(source, wanted_at=self._clock())

    def begin(self, source: str) -> Place:
        """A run begins; the place as it was before."""
        before = self._one(source)
        self._set(source, began_at=max(self._clock(), (before.ended_at or 0.0) + 1e-3))
        return before

    def end(self, source: str, reason: str, *, error: str = "", not_before: float = 0.0) -> None:
        self._set(source, ended_at=self._clock(), reason=reason, error=error, not_before=not_before)

    def move(self, source: str, position: Mapping[str, Any]) -> None:
        """What a connector has read up to here, after it is accepted."""
        self._set(source, position=json.dumps(position, ensure_ascii=False, sort_keys=True))

    def turn(self, source: str) -> int:
        """A new round over the whole source; its number."""
        number = self._one(source).round + 1
        self._set(source, round=number)
        return number

    def _one(self, source: str) -> Place:
        with reading(self._engine) as connection:
            row = connection.execute(select(place).where(place.c.source == source)).first()
        return _place(row) if row else Place(source)

    def _set(self, source: str, **values: Any) -> None:
        with writing(self._engine) as connection:
            if connection.execute(update(place).where(place.c.source == source).values(values)).rowcount:
                return
            made = upsert(self._engine, place).values(source=source, **values)
            connection.execute(made.on_conflict_do_update(index_elements=["source"], set_=values))


def _place(row: Any) -> Place:
    kept = row._mapping
    return Place(**{**kept, "paused": bool(row.paused), "position": json.loads(row.position)})
