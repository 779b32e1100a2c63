"""The frontier of a web source, kept in the state database: which pages are to be asked, and what came of it (promise R2).

A page that was found is a row until nobody wants it; nothing of a crawl lives in memory only. So a run that died goes on where it was, and the
next run asks for what is new, for what changed, and for letters that have no answer yet.

1. A round begins with the first list pages. A run that died goes on with its round; one that ended is followed by a new one.
2. A list page says what it found and which list page follows, in the transaction that marks it as read. After `stop_after` list pages in a
   row that showed nothing new the next one is not wanted: what changed deeper down comes by the visits of rule 3.
3. A detail page without an answer is visited again, the oftener the more often it was found changed; at most `revisit_days` long.
4. A page that fails is tried again after 1, 2, 4, … minutes, at most a day, and after `FAILURES` failures once a week.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Engine, bindparam, func, select, update

from indices.collection.tables import page
from indices.database import Prepared, reading, upsert, writing_directly
from models.identity import canonical_url, digest

Role = Literal["list", "detail", "item"]
"""`item`: a thing that a list page showed whole; it is a row only so that one knows whether it is new."""

DAY: Final = 86_400.0
FAILURES: Final = 5
ROWS: Final = 1_000
"""Of one statement."""
SHORTEST_DAYS, LONGEST_DAYS = 1.0, 14.0
"""Between two visits to the same letter."""
FORBIDDEN_DAYS: Final = 1.0
"""A page that robots.txt forbids is looked up there again after so long; it is not asked itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that was found. `context`: fields that the list showed beside the link. `mark`: changes when the list shows a change."""

    url: str
    role: Role
    depth: int = 0
    context: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""

    @property
    def key(self) -> str:
        if self.role == "item":
            return digest(self.role, self.url)
        return digest(self.role, canonical_url(self.url), json.dumps(self.context.get("#form", ""), sort_keys=True))


@dataclass(frozen=True, slots=True)
class Page:
    """A row of the frontier as far as a visit needs it."""

    key: str
    url: str
    role: Role
    depth: int
    idle: int
    context: Mapping[str, Any]
    found_at: float
    etag: str
    modified: str
    digest: str
    visits: int
    changes: int
    failures: int


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of asking for a page once.

    Attributes:
        asked_at: when the request left.
        status: of HTTP, 0 without an answer; 304: nothing changed.
        settled: it need not be visited again (answered, or gone).
        again_at: when to ask again in any case (the site said so, or robots.txt forbids it today).
        error: why it failed; a failure counts.
        found, following: detail pages, and the list pages that come next.
    """

    page: Page
    asked_at: float
    status: int
    etag: str = ""
    modified: str = ""
    digest: str = ""
    settled: bool = False
    again_at: float | None = None
    error: str = ""
    found: Sequence[Wanted] = ()
    following: Sequence[Wanted] = ()


class Frontier:
    """The pages of one source."""

    def __init__(self, engine: Engine, source: str, *, revisit_days: float = 90.0, stop_after: int = 0) -> None:
        """`stop_after`: list pages without anything new after which the next is not wanted; 0: all are read in every round."""
        self._engine, self.source = engine, source
        self.revisit_days, self.stop_after = revisit_days, stop_after
        added = upsert(engine, page)
        new = added.excluded
        columns = ["source", "key", *_NEW]
        changed = {"context": new.context, "mark": new.mark, "due_at": new.due_at}
        self._find = Prepared(engine, added.on_conflict_do_update(
            index_elements=["source", "key"], set_=changed, where=page.c.mark != new.mark), columns)  # fmt: skip
        again = {name: new[name] for name in ("due_at", "round", "idle", "depth", "context")}
        self._follow = Prepared(engine, added.on_conflict_do_update(
            index_elements=["source", "key"], set_=again, where=page.c.round < new.round), columns)  # fmt: skip
        visited = update(page).where(page.c.source == bindparam("s"), page.c.key == bindparam("k"))
        self._visited = Prepared(
            engine, visited.values({name: bindparam(name) for name in _VISITED}), ["s", "k", *_VISITED]
        )

    def start(self, starts: Sequence[Wanted], round_number: int, now: float) -> None:
        """Want the first list pages of a round."""
        with writing_directly(self._engine) as connection:
            self._follow.run(connection, [self._row(one, now, round_number, 0) for one in starts])

    def due(self, count: int, now: float, busy: Collection[str] = ()) -> list[Page]:
        """At most `count` pages to be asked now, without those in hand, the longest due first."""
        query = (
            select(page).where(page.c.source == self.source, page.c.due_at <= now).order_by(page.c.due_at, page.c.key)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(count + len(busy))).all()
        return [_page(row) for row in rows if row.key not in busy][:count]

    def keep(self, visits: Sequence[Visit], round_number: int, now: float) -> None:
        """Write down visits and what they found, in one transaction."""
        with writing_directly(self._engine) as connection:
            for visit in visits:
                new = 0
                for first in range(0, len(visit.found), ROWS):  # a sitemap names fifty thousand
                    part = visit.found[first : first + ROWS]
                    rows = [self._row(one, now + n * 1e-6, round_number, 0) for n, one in enumerate(part, first)]
                    new += self._find.run(connection, rows)
                idle = 0 if new else visit.page.idle + 1
                if visit.following and not (self.stop_after and idle >= self.stop_after):
                    # A list of lists (an index of sitemaps) has said nothing yet about whether there is something new.
                    idle = idle if visit.found else visit.page.idle
                    self._follow.run(connection, [self._row(one, now, round_number, idle) for one in visit.following])
                self._visited.run(connection, [self._after(visit, now)])

    def counts(self) -> dict[str, int]:
        """Pages: known, wanted at some time, read at least once."""
        columns = (func.count(), func.count(page.c.due_at), func.count(page.c.asked_at))
        with reading(self._engine) as connection:
            known, wanted, read = connection.execute(select(*columns).where(page.c.source == self.source)).one()
        return {"known": known, "wanted": wanted, "read": read}

    def _row(self, one: Wanted, due_at: float, round_number: int, idle: int) -> dict[str, Any]:
        return {"source": self.source, "key": one.key, "url": one.url, "role": one.role, "depth": one.depth, "idle": idle,
                "context": json.dumps(one.context, ensure_ascii=False), "mark": one.mark, "round": round_number, "found_at": due_at,
                "due_at": None if one.role == "item" else due_at, **_NEVER}  # fmt: skip

    def _after(self, visit: Visit, now: float) -> dict[str, Any]:
        """The row after a visit."""
        before, changed = visit.page, bool(visit.digest) and visit.digest != visit.page.digest
        failures = before.failures + 1 if visit.error and visit.again_at is None else 0
        visits = before.visits + (not visit.error)
        changes = before.changes + (changed and before.visits > 0)
        if visit.again_at is not None:
            due_at: float | None = visit.again_at
        elif visit.settled:
            due_at = None
        elif failures:
            due_at = now + (7 * DAY if failures >= FAILURES else min(60.0 * 2 ** (failures - 1), DAY))
        else:
            due_at = now + revisit_seconds(visits, changes, now - before.found_at) if before.role == "detail" else None
        if due_at is not None and before.role == "detail" and due_at - before.found_at > self.revisit_days * DAY:
            due_at = None
        return {"s": self.source, "k": before.key, "due_at": due_at, "asked_at": visit.asked_at, "status": visit.status,
                "etag": visit.etag or (before.etag if visit.status == 304 else ""),
                "modified": visit.modified or (before.modified if visit.status == 304 else ""), "digest": visit.digest or before.digest,
                "visits": visits, "changes": changes, "failures": failures, "settled": int(visit.settled), "error": visit.error[:500]}  # fmt: skip


def revisit_seconds(visits: int, changes: int, age_seconds: float) -> float:
    """How long to wait before a page is visited again, from how often it was found changed.

    The estimator of Cho and Garcia-Molina (2003) for a page that is looked at now and then: λ = −ln((n − x + ½) / (n + ½)) / Δ, with n visits
    after the first, x of them with a change, Δ the mean time between two. Visits come once per expected change, within the bounds above.
    """
    n = visits - 1
    if n < 1 or age_seconds <= 0:
        return SHORTEST_DAYS * DAY
    rate = -math.log((n - changes + 0.5) / (n + 0.5)) / (age_seconds / n)
    wait = 1 / rate if rate > 0 else 2 * age_seconds
    return min(max(wait, SHORTEST_DAYS * DAY), LONGEST_DAYS * DAY)


_NEVER: Final[dict[str, Any]] = {"asked_at": None, "status": 0, "etag": "", "modified": "", "digest": "", "visits": 0, "changes": 0, "failures": 0,
                                 "settled": 0, "error": ""}  # fmt: skip
_NEW: Final = ("url", "role", "depth", "idle", "context", "mark", "round", "found_at", "due_at", *_NEVER)
_VISITED: Final = ("due_at", *_NEVER)


def _page(row: Any) -> Page:
    return Page(key=row.key, url=row.url, role=row.role, depth=row.depth, idle=row.idle, context=json.loads(row.context), found_at=row.found_at,
                etag=row.etag, modified=row.modified, digest=row.digest, visits=row.visits, changes=row.changes, failures=row.failures)  # fmt: skip
