"""Titles of one matter, over hours: the events of a hot-search list.

Titles are taken in order of their first hour. Each joins the event with the most similar title that was on the list within
`MEMORY_HOURS` (cosine of character pairs and triples, weighed by how rare they were until then), or begins one. Nothing that comes
later changes what was decided, so an event keeps its id when more hours arrive.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from indices.streams.ranks import load_ranks
from models.errors import NotFound
from models.identity import digest

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY_HOURS: Final = 72
JOIN: Final = 0.4
SWEEP: Final = 2_000
"""Titles after which those that left the list long ago are forgotten."""
COMMON: Final = 0.02
"""A pair or triple in more titles than this tells nothing apart."""
_DROPPED: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One matter.

    Attributes:
        id: digest of the source, its first title and hour; stays when more hours arrive.
        titles: in order of appearance; `title` is the one that was longest on the list.
        hours: hours in which one of them was on the list.
        curve: (hour, best rank) of each of these hours.
    """

    id: str
    title: str
    titles: tuple[str, ...]
    first: datetime
    last: datetime
    hours: int
    best_rank: int
    peak_heat: int
    curve: tuple[tuple[datetime, int], ...]

    @property
    def duration_hours(self) -> int:
        """From the first to the last hour, both counted."""
        return round((self.last - self.first).total_seconds() / 3_600) + 1


def group_titles(
    first: np.ndarray, last: np.ndarray, titles: list[str], say: Callable[[int], None] = lambda _: None
) -> np.ndarray:
    """(titles,) number of the event of each.

    Args:
        first, last: (titles,) Unix seconds of the first and the last hour of each, in order of `first`.
        say: is told how many titles are done.
    """
    event = np.full(len(titles), -1, dtype=np.int64)
    frequency: defaultdict[str, int] = defaultdict(int)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    rows: dict[int, dict[str, float]] = {}
    count = 0
    for number, title in enumerate(titles):
        oldest = first[number] - MEMORY_HOURS * 3_600
        if number % SWEEP == 0:
            say(number)
            rows = {other: row for other, row in rows.items() if last[other] >= oldest}
            holders.clear()
            for other, row in rows.items():
                for name in row:
                    holders[name].append(other)
        features = _features(title)
        limit = max(20.0, COMMON * number)
        weights = {name: log((number + 2) / (frequency[name] + 1)) for name in features if frequency[name] <= limit}
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        row = {name: weight / length for name, weight in weights.items()}
        found = _most_alike(row, rows, holders, last, oldest)
        event[number] = event[found] if found >= 0 else count
        count += found < 0
        rows[number] = row
        for name in features:
            frequency[name] += 1
        for name in row:
            holders[name].append(number)
    return event


def _most_alike(
    row: dict[str, float],
    rows: dict[int, dict[str, float]],
    holders: dict[str, list[int]],
    last: np.ndarray,
    oldest: float,
) -> int:
    """The title on the list since `oldest` whose cosine is highest and at least JOIN, the older at a tie; −1 for none."""
    alike: defaultdict[int, float] = defaultdict(float)
    for name, weight in row.items():
        for other in holders.get(name, ()):
            alike[other] += weight * rows[other][name]
    best, found = JOIN, -1
    for other, value in alike.items():
        if value >= best and (value > best or found < 0 or other < found) and last[other] >= oldest:
            best, found = value, other
    return found


def build_events(folder: Path, source: str, say: Callable[[int], None] = lambda _: None) -> int:
    """Compute the events of all hours that are kept of a source and write them beside; how many there are.

    Raises:
        NotFound: nothing is kept of the source.
    """
    import os

    import pyarrow.parquet as pq

    ranks = load_ranks(folder, source)
    if ranks is None:
        raise NotFound(what=f"榜单 {source[:40]}")
    spans = ranks.group_by("title").aggregate([("at", "min"), ("at", "max"), ("at", "count")])
    spans = spans.sort_by([("at_min", "ascending"), ("title", "ascending")])
    titles = spans["title"].to_pylist()
    first, last, hours = (spans[name].to_numpy() for name in ("at_min", "at_max", "at_count"))
    event = group_titles(first, last, titles, say)
    table = _table(source, ranks, titles, first, hours, event)
    own = folder / f".{source}.events.{os.getpid()}"
    pq.write_table(table, own, compression="zstd")
    own.replace(events_path(folder, source))
    return len(table)


def list_events(folder: Path, source: str, since: datetime, until: datetime, *, top: int = 50) -> list[StreamEvent]:
    """Events on the list in [since, until), the best rank first, then the longest."""
    import pyarrow.compute as pc

    table = _read(folder, source)
    if table is None:
        return []
    within = pc.and_(pc.less(table["first"], until.timestamp()), pc.greater_equal(table["last"], since.timestamp()))
    found = table.filter(within).sort_by([("best_rank", "ascending"), ("hours", "descending"), ("id", "ascending")])
    return [_event(row) for row in found.slice(0, top).to_pylist()]


def find_event(folder: Path, source: str, event: str) -> StreamEvent:
    """One event by its id. Raises NotFound."""
    import pyarrow.compute as pc

    table = _read(folder, source)
    rows = [] if table is None else table.filter(pc.equal(table["id"], event)).to_pylist()
    if not rows:
        raise NotFound(what=f"网络热榜事件 {event[:40]}")
    return _event(rows[0])


def events_path(folder: Path, source: str) -> Path:
    return folder / f"{source}.events.parquet"


def _read(folder: Path, source: str) -> pa.Table | None:
    import pyarrow.parquet as pq

    path = events_path(folder, source)
    return pq.read_table(path) if path.exists() else None


def _features(title: str) -> set[str]:
    """Character pairs and triples."""
    bare = _DROPPED.sub("", title).lower()
    return {bare[i : i + size] for size in (2, 3) for i in range(len(bare) - size + 1)} or {bare}


def _table(source: str, ranks: pa.Table, titles: list[str], first: Any, hours: Any, event: np.ndarray) -> pa.Table:
    """A row an event, with its curve."""
    import pyarrow as pa
    import pyarrow.compute as pc

    number_of = {title: int(number) for title, number in zip(titles, event.tolist(), strict=True)}
    of_row = np.fromiter((number_of[title] for title in ranks["title"].to_pylist()), dtype=np.int64, count=len(ranks))
    sighted = pa.table({"event": of_row, "at": ranks["at"], "rank": ranks["rank"], "heat": ranks["heat"]})
    by_hour = sighted.group_by(["event", "at"]).aggregate([("rank", "min"), ("heat", "max")])
    by_hour = by_hour.sort_by([("event", "ascending"), ("at", "ascending")])
    owner, at, rank = (by_hour[name].to_numpy() for name in ("event", "at", "rank_min"))
    heat = by_hour["heat_max"].to_numpy()
    count = int(event.max()) + 1 if len(event) else 0
    edges = np.searchsorted(owner, np.arange(count + 1))
    held: list[list[int]] = [[] for _ in range(count)]
    for title, number in enumerate(event.tolist()):
        held[number].append(title)
    rows: dict[str, list[Any]] = {
        name: [] for name in ("id", "title", "titles", "first", "last", "hours", "best_rank", "peak_heat", "at", "rank")
    }
    for number, own in enumerate(held):
        span = slice(edges[number], edges[number + 1])
        longest = max(own, key=lambda index: (hours[index], -index))
        rows["id"].append(digest("stream-event", source, titles[own[0]], str(first[own[0]])))
        rows["title"].append(titles[longest])
        rows["titles"].append([titles[index] for index in own])
        rows["first"].append(int(at[span][0]))
        rows["last"].append(int(at[span][-1]))
        rows["hours"].append(len(at[span]))
        rows["best_rank"].append(int(rank[span].min()))
        rows["peak_heat"].append(int(heat[span].max()))
        rows["at"].append(at[span])
        rows["rank"].append(rank[span])
    made = pa.table(rows)
    return made.set_column(0, "id", pc.cast(made["id"], pa.string())) if count else made


def _event(row: dict[str, Any]) -> StreamEvent:
    def moment(seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    curve = tuple((moment(at), rank) for at, rank in zip(row["at"], row["rank"], strict=True))
    return StreamEvent(row["id"], row["title"], tuple(row["titles"]), moment(row["first"]), moment(row["last"]), row["hours"],
                       row["best_rank"], row["peak_heat"], curve)  # fmt: skip
