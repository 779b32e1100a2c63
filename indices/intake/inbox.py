"""The durable inbox: everything that creates or changes a record enters here (promises R1, R3, R6, R7).

The books, per source and in all: received = stored + duplicate + quarantined + refused + waiting. Each item is counted
in the transaction that moves it, and moved once only, so they hold in every state and after every death.

On PostgreSQL locks are taken in the order rows, state, counts, and workers skip each other's rows, so nothing deadlocks.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, PoolProxiedConnection, bindparam, delete, func, insert, select, update

from indices.database import Prepared, database_seconds, reading, upsert, writing, writing_directly
from indices.intake.tables import counts, inbox, quarantine, state
from models.errors import BadField, BadRequest, InboxFull
from models.item import Item
from models.query import Outcome

log = logging.getLogger("minsheng.inbox")

LONGEST_WAIT_SECONDS = 60
"""What a refused sender is told at most: a line that stands may be back in a minute, and asking once a minute costs nothing."""
_SMOOTHING = 0.2  # weight of the newest batch in the rate: about ten batches of memory
_COUNTS = ("received", "stored", "updated", "duplicate", "quarantined", "refused", "waiting")
_COLUMN = {
    Outcome.STORED: "stored",
    Outcome.UPDATED: "stored",
    Outcome.DUPLICATE: "duplicate",
    Outcome.REJECTED: "quarantined",
}


AnyConnection = Connection | PoolProxiedConnection


@dataclass(frozen=True, slots=True)
class Leased:
    """An item in work. `attempts` counts its leases, this one included; `deaths` those that ended without a word."""

    row: str
    item: Item
    attempts: int
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a row. With `attempts` of its lease a worker that lost the lease meanwhile is not listened to."""

    row: str
    outcome: Outcome
    reason: str = ""
    code: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """`halted`: this call stopped the line; the items beyond the limit were given back."""

    halted: bool = False
    bad_in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """received = stored + duplicate + quarantined + refused + waiting. `stored` includes `updated`.

    `quarantined` includes what was dropped from the quarantine since.
    """

    received: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0
    waiting: int = 0

    @property
    def difference(self) -> int:
        """0, or the books do not balance."""
        return self.received - self.stored - self.duplicate - self.quarantined - self.refused - self.waiting


class Writes:
    """The statements that intake and quarantine share, compiled once."""

    def __init__(self, engine: Engine) -> None:
        self.insert = Prepared(engine, insert(inbox), ["source", "body", "accepted_at"])
        add = upsert(engine, counts)
        sums = {name: counts.c[name] + add.excluded[name] for name in _COUNTS}
        self._count = Prepared(
            engine, add.on_conflict_do_update(index_elements=["source"], set_=sums), ["source", *_COUNTS]
        )
        room = update(state).where(state.c.waiting + bindparam("n") <= bindparam("most"))
        self._room = Prepared(engine, room.values(waiting=state.c.waiting + bindparam("n")))

    def take_room(self, connection: AnyConnection, n: int, limit: int) -> bool:
        """Reserve room for `n` items; False where there is none. Atomic: two senders never share the last place."""
        return self._room.run(connection, [{"n": n, "most": limit}]) == 1

    def count(self, connection: AnyConnection, changes: Mapping[str, Mapping[str, int]]) -> None:
        """Add to the counters of each source, in the order of their names (so that two transactions never deadlock)."""
        nothing = dict.fromkeys(_COUNTS, 0)
        self._count.run(connection, [{"source": source, **nothing, **changes[source]} for source in sorted(changes)])


class Inbox:
    """Items between their arrival and the store. Any number of processes may use the same database."""

    def __init__(self, engine: Engine, *, limit: int, lease_seconds: float) -> None:
        """`limit`: items that may wait. `lease_seconds`: a lease older than this is given to another worker."""
        self.engine = engine
        self.limit = limit
        self.lease_seconds = lease_seconds
        self._writes = Writes(engine)
        self._key = ""

    # --- senders -----------------------------------------------------------------------------------------------------
    def accept(self, items: Sequence[Item]) -> int:
        """Take all or none; when this returns they are on the disk. How many they were.

        Raises:
            InboxFull: no room now; the items are counted as refused.
            BadRequest: more items than would ever fit; counted as refused, too.
            DatabaseBusy: the database is locked, full or away; nothing was taken or counted.
        """
        if not items:
            return 0
        self._ready()
        now = time.time()
        rows = [
            {"source": item.source, "body": item.model_dump_json(exclude_defaults=True), "accepted_at": now}
            for item in items
        ]
        by_source = Counter(item.source for item in items)
        with writing_directly(self.engine) as connection:
            room = self._writes.take_room(connection, len(items), self.limit)
            column = "waiting" if room else "refused"
            self._writes.count(connection, {source: {"received": n, column: n} for source, n in by_source.items()})
            if room:
                self._writes.insert.run(connection, rows)
        if not room:
            raise self._refusal(len(items))
        return len(items)

    def _refusal(self, n: int) -> InboxFull | BadRequest:
        if n > self.limit:
            return BadRequest(name="items", value=n, reason=f"一批最多 {self.limit} 件，请分批发送")
        with reading(self.engine) as connection:
            now = database_seconds(connection)
            line = connection.execute(select(state.c.waiting, state.c.rate, state.c.settled_at)).one()
        moving = line.rate > 0 and now - line.settled_at < LONGEST_WAIT_SECONDS
        needed = (line.waiting + n - self.limit) / line.rate if moving else LONGEST_WAIT_SECONDS
        seconds = max(1, min(LONGEST_WAIT_SECONDS, math.ceil(needed)))
        return InboxFull(waiting=line.waiting, limit=self.limit, retry_after_seconds=seconds)

    # --- workers -----------------------------------------------------------------------------------------------------
    def lease(self, count: int, worker: str, *, max_attempts: int = 3, run_limit: int | None = None) -> list[Leased]:
        """At most `count` of the oldest free items, for `lease_seconds`.

        After a death (a lease that was neither settled nor given back) its items come in smaller portions, down to one
        item after `max_attempts` deaths: so an item that kills its worker is found, and its neighbours are spared.
        A body that this version cannot read goes to the quarantine at once (`run_limit` as in `settle`).
        """
        self._ready()
        with writing(self.engine) as connection:
            now = database_seconds(connection)
            free = connection.execute(
                select(inbox.c.row, inbox.c.body, inbox.c.attempts, inbox.c.releases)
                .where(inbox.c.leased_until <= now)
                .order_by(inbox.c.row)
                .limit(count)
                .with_for_update(skip_locked=True)
            ).all()
            portion = _portion([row.attempts - row.releases for row in free], count, max_attempts)
            leased, unreadable = self._read(free[:portion])
            if leased:
                values = {"leased_until": now + self.lease_seconds, "worker": worker, "attempts": inbox.c.attempts + 1}
                rows = [self._number(one.row) for one in leased]
                connection.execute(update(inbox).where(inbox.c.row.in_(rows)).values(values))
            if unreadable:
                self._settle(connection, unreadable, run_limit)
        return leased

    def _read(self, rows: Iterable[Any]) -> tuple[list[Leased], list[Settled]]:
        leased: list[Leased] = []
        unreadable: list[Settled] = []
        for row in rows:
            name = f"{self._key}-{row.row}"
            try:
                item = Item.model_validate_json(row.body)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                field = BadField(field=".".join(map(str, first["loc"])) or "body", value="…", reason=first["msg"])
                unreadable.append(Settled(name, Outcome.REJECTED, field.message, field.code))
            else:
                leased.append(Leased(name, item, row.attempts + 1, row.attempts - row.releases))
        return leased, unreadable

    def settle(self, outcomes: Sequence[Settled], *, run_limit: int | None = None) -> Settlement:
        """Acknowledge: count each row and let it go, REJECTED ones into the quarantine.

        A row that is gone, or whose lease went to somebody else, was or will be counted there and is passed over. With
        `run_limit`, once so many items in a row were bad the line is halted and the further bad ones are given back.
        """
        if not outcomes:
            return Settlement()
        self._ready()
        with writing(self.engine) as connection:
            return self._settle(connection, outcomes, run_limit)

    def _settle(self, connection: Connection, outcomes: Sequence[Settled], run_limit: int | None) -> Settlement:
        by_row = {self._number(one.row): one for one in outcomes}
        held = connection.execute(
            select(inbox.c.row, inbox.c.source, inbox.c.attempts)
            .where(inbox.c.row.in_(by_row))
            .order_by(inbox.c.row)
            .with_for_update()
        ).all()
        line = connection.execute(select(state).with_for_update()).one()
        run, halted = line.bad_in_a_row, False
        changes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        bad: list[int] = []
        done: list[int] = []
        back: list[int] = []
        for row in held:
            one = by_row[row.row]
            if one.attempts and one.attempts != row.attempts:
                continue
            if one.outcome is not Outcome.REJECTED:
                run = 0
                done.append(row.row)
            elif run_limit is not None and (halted or run >= run_limit):
                halted = True
                back.append(row.row)
                continue
            else:
                run += 1
                bad.append(row.row)
                halted = halted or (run_limit is not None and run >= run_limit)
            changes[row.source].update({_COLUMN[one.outcome]: 1, "waiting": -1})
            changes[row.source]["updated"] += one.outcome is Outcome.UPDATED
        now = database_seconds(connection)
        _shelve(connection, bad, by_row, now)
        if back:
            connection.execute(_give_back(back))
        if bad or done:
            connection.execute(delete(inbox).where(inbox.c.row.in_(bad + done)))
            self._writes.count(connection, changes)
        connection.execute(update(state).values(self._line(line, run, halted, len(bad) + len(done), now)))
        if newly := halted and line.halted_at is None:
            log.critical("inbox.halted", extra={"bad_in_a_row": run})
        return Settlement(newly, run)

    @staticmethod
    def _line(line: Any, run: int, halted: bool, settled: int, now: float) -> dict[str, Any]:
        """The new state row."""
        rate = settled / max(now - line.settled_at, 1e-3)
        known = line.settled_at > 0 and now - line.settled_at < LONGEST_WAIT_SECONDS
        return {
            "waiting": state.c.waiting - settled,
            "bad_in_a_row": run,
            "halted_at": now if halted and line.halted_at is None else line.halted_at,
            "settled_at": now,
            "rate": (line.rate + _SMOOTHING * (rate - line.rate))
            if known and line.rate
            else rate
            if known
            else line.rate,
        }

    def release(self, rows: Sequence[str]) -> None:
        """Give leased rows back unharmed: their next lease is no sign of a death."""
        if rows:
            with writing(self.engine) as connection:
                connection.execute(_give_back([self._number(row) for row in rows]))

    # --- what is known -----------------------------------------------------------------------------------------------
    def waiting(self) -> int:
        """Items accepted and not settled, leased ones included."""
        with reading(self.engine) as connection:
            return connection.execute(select(state.c.waiting)).scalar() or 0

    def halted(self) -> int:
        """0 while the line may run; else how many bad items in a row stopped it."""
        with reading(self.engine) as connection:
            line = connection.execute(select(state.c.halted_at, state.c.bad_in_a_row)).one_or_none()
            return max(1, line.bad_in_a_row) if line and line.halted_at is not None else 0

    def sources(self) -> list[str]:
        """Every source that ever sent something."""
        with reading(self.engine) as connection:
            return list(connection.execute(select(counts.c.source).order_by(counts.c.source)).scalars())

    def books(self, source: str | None = None) -> Books:
        """The counters, of one source or of all."""
        sums = [func.coalesce(func.sum(counts.c[name]), 0) for name in _COUNTS]
        query = select(*sums) if source is None else select(*sums).where(counts.c.source == source)
        with reading(self.engine) as connection:
            return Books(*map(int, connection.execute(query).one()))

    def rows_waiting(self, source: str | None = None) -> int:
        """The rows that really wait, counted one by one; `books().waiting` says the same (R7)."""
        query = select(func.count()).select_from(inbox)
        with reading(self.engine) as connection:
            return connection.execute(query if source is None else query.where(inbox.c.source == source)).scalar_one()

    # --- inside ------------------------------------------------------------------------------------------------------
    def _ready(self) -> None:
        """Make the state row on first use and learn this inbox's key."""
        if self._key:
            return
        with reading(self.engine) as connection:
            key = connection.execute(select(state.c.key)).scalar()
        if key is None:
            with writing(self.engine) as connection:
                row = upsert(self.engine, state).values(id=1, key=secrets.token_hex(3)).on_conflict_do_nothing()
                connection.execute(row)
                key = connection.execute(select(state.c.key)).scalar_one()
        self._key = key

    @staticmethod
    def _number(row: str) -> int:
        return int(row.rpartition("-")[2])


def _portion(deaths: Sequence[int], count: int, max_attempts: int) -> int:
    """How many of the rows to take: count^(1 − d/max) of them, d the most deaths among those taken; one at d ≥ max.

    With 500 and 3: 500, 63, 8, 1. So four deaths single one killer out of 500 items.
    """
    most = 0
    for taken, each in enumerate(deaths):
        most = max(most, each)
        if taken and taken + 1 > math.ceil(count ** max(0.0, 1 - most / max_attempts)):
            return taken
    return len(deaths)


def _give_back(rows: Sequence[int]) -> Any:
    return update(inbox).where(inbox.c.row.in_(rows)).values(leased_until=0.0, worker="", releases=inbox.c.releases + 1)


def _shelve(connection: Connection, rows: Sequence[int], by_row: Mapping[int, Settled], now: float) -> None:
    """Copy rows into the quarantine with their reasons."""
    if not rows:
        return
    kept = select(inbox.c.row, inbox.c.source, inbox.c.body, inbox.c.accepted_at, inbox.c.attempts).where(
        inbox.c.row.in_(rows)
    )
    values = [
        {**row._mapping, "code": by_row[row.row].code, "reason": by_row[row.row].reason, "quarantined_at": now}
        for row in connection.execute(kept)
    ]
    connection.execute(insert(quarantine), values)
