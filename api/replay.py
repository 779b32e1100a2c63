"""Records rebuilt from the archive by today's parsers and model, compared with those that are kept, and put in their place as a new index version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from crawlers.definitions import Source
from crawlers.systems.source import SystemSource
from indices.stores.overlay import Change
from models.errors import BadRequest
from models.identity import record_id, revision
from models.item import PROBLEM, Item
from models.record import Record

if TYPE_CHECKING:
    from api.wiring import House

BATCH = 200
PUSHED = "items"
"""Kind of archived rows that are items as they were pushed."""
EXAMPLES = 5


@dataclass
class Rebuilt:
    """What a replay found. `fields`: how many records change in which field; `later`: those of which a later state is kept, which stays."""

    read: int = 0
    items: int = 0
    same: int = 0
    later: int = 0
    added: dict[str, Record] = field(default_factory=dict)
    changed: dict[str, Record] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    fields: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def change(self) -> Change:
        return Change({**self.added, **self.changed}, self.lost)


def rebuild(
    house: House,
    name: str,
    source: Source | None,
    begin: date,
    end: date,
    progress: Callable[[int], object] | None = None,
) -> Rebuilt:
    """Read what the archive holds of a source on these days again. `source`: its definition; None: only pushed items are read.

    Raises BadRequest where the archive holds nothing of it, BadFile where a chunk is not what was written.
    """
    found, told = Rebuilt(), progress or (lambda _: None)
    newest: dict[str, Item] = {}
    for item in items_again(house, name, source, begin, end, found):
        found.items += 1
        if PROBLEM in item.extra or not (item.payload.title.strip() or item.payload.text.strip()):
            found.unreadable += 1
            continue
        known = newest.get(record_id(item))
        if known is None or revision(item) >= revision(known):
            newest[record_id(item)] = item
        told(found.items)
    if not found.read:
        there = "、".join(house.archive.files.sources()) or "什么也没有"
        raise BadRequest(name="--source", value=name, reason=f"归档里没有它在 {begin} 至 {end} 的内容（有 {there}）")
    _compare(house, newest, found)
    found.lost = _lost(house, name, begin, end, set(newest))
    return found


def items_again(
    house: House, name: str, source: Source | None, begin: date, end: date, found: Rebuilt
) -> Iterator[Item]:
    """Every item that today's reading makes of the archive."""
    from crawlers.systems.pulling import items_of
    from crawlers.web.source import WebSource

    if isinstance(source, WebSource):
        yield from _pages(house, source, begin, end, found)
    columns = source.read_as(house.folder / "mappings") if isinstance(source, SystemSource) else None
    for at, info, rows in house.archive.rows(name, begin, end):
        found.read += len(rows)
        if info.get("kind") == PUSHED:
            yield from (Item.model_validate(row) for row in rows)
        elif columns is not None:
            yield from items_of(rows, columns, at)


def _pages(house: House, source: Any, begin: date, end: date, found: Rebuilt) -> Iterator[Item]:
    from crawlers.web.content import Content
    from crawlers.web.reading import Reader

    reader = Reader(source)
    for answer in house.archive.answers(source.name, begin, end):
        if answer.status >= 300:
            continue
        found.read += 1
        content = Content(answer.body, answer.url, answer.header("Content-Type"))
        reading = reader.read(content, answer.page.get("role", "detail"), depth=answer.page.get("depth", 0),
                              context=answer.page.get("context", {}), fetched_at=datetime.fromtimestamp(answer.asked_at, UTC))  # fmt: skip
        found.problems.update(reading.problems)
        yield from reading.items


def _compare(house: House, newest: Mapping[str, Item], found: Rebuilt) -> None:
    from indices.intake.builder import build_record
    from nlp.annotate import Draft

    waiting = list(newest.items())
    for start in range(0, len(waiting), BATCH):
        part = waiting[start : start + BATCH]
        drafts = [Draft(title=item.payload.title, text=item.payload.text, reply=item.payload.reply) for _, item in part]
        for (name, item), reading in zip(part, house.annotator.annotate(drafts), strict=True):
            kept = house.store.get(name)
            made = build_record(
                item, reading, intake=kept.intake if kept else "replay", pseudonym_key=house.pseudonym_key
            )
            if kept is None:
                found.added[name] = made
            elif kept.revision > made.revision:
                found.later += 1
            elif differing := _differing(kept, made):
                found.changed[name] = made
                found.fields.update(differing)
            else:
                found.same += 1


def _differing(kept: Record, made: Record) -> list[str]:
    old, new = kept.model_dump(exclude={"intake"}), made.model_dump(exclude={"intake"})
    return [name for name in old if old[name] != new[name]]


def _lost(house: House, name: str, begin: date, end: date, made: set[str]) -> set[str]:
    """Records that were read from these days once and are not any more, unless another day of the archive holds them, too."""
    within: set[str] = set()
    beyond: set[str] = set()
    for entry in house.archive.files.entries(name):
        day = entry.file[:10]
        (within if begin.isoformat() <= day <= end.isoformat() else beyond).update(entry.info.get("ids", ()))
    return {one for one in within - beyond - made if house.store.get(one) is not None}


def apply(house: House, change: Change, progress: Callable[[int], object] | None = None) -> str:
    """A new index version with the change, in the place of the one in use; its name. Figures kept until now are forgotten.

    Raises StoreUnavailable where the worker line is writing, StoreRejected where the new version refuses a record (the old one stays).
    """
    if house.settings.store == "elastic":
        from indices.stores.elastic_rebuild import rebuild as rebuild_index

        made = rebuild_index(house.settings, progress=progress, change=change).new
    else:
        from indices.stores.embedded_rewriting import rewrite
        from indices.stores.matching import dictionary_segmenter

        folder = house.settings.folder / "index"
        made = f"{folder}（{rewrite(folder, dictionary_segmenter, 'embedded', change, progress):,} 件）"
    house.figures.expire(0)
    return made


@dataclass(frozen=True)
class Share:
    """Of a field: how many of the archived pages' items have it by today's reading, and how many of their records that are kept."""

    field: str
    now: int
    kept: int
    items: int

    @property
    def vanished(self) -> bool:
        """It was there for at least a tenth and is there for less than half as many."""
        return self.kept >= max(1, 0.1 * self.items) and self.now < 0.5 * self.kept


def check(house: House, source: Source, begin: date, end: date) -> tuple[Rebuilt, list[Share]]:
    """Today's reading of what is archived beside what was read from it once, field by field."""
    found = Rebuilt()
    items: dict[str, Item] = {}
    for item in items_again(house, source.name, source, begin, end, found):
        items[record_id(item)] = item
    ids = {one for entry in house.archive.files.entries(source.name, begin, end) for one in entry.info.get("ids", ())}
    records = {name: record for name in ids if (record := house.store.get(name)) is not None}
    shares = []
    for name in WATCHED:
        now = sum(getattr(item.payload, name, None) not in (None, "") for item in items.values())
        kept = sum(getattr(record, name, None) not in (None, "") for record in records.values())
        shares.append(Share(name, now, kept, max(len(items), len(records))))
    found.items, found.lost = len(items), set(records) - set(items)
    return found, shares


WATCHED = (
    "title",
    "text",
    "reply",
    "created_at",
    "replied_at",
    "department",
    "status",
    "district",
    "street",
    "stated_topic",
    "rating",
    "url",
)
