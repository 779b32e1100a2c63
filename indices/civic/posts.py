"""Records as the hotspot search holds them: slim, so that a year of a city fits into memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from models.clock import city_day
from models.labels import TOPICS, Resolved, Status
from models.record import Record

TITLE_TOKENS: Final = 25
"""A text without a title is titled by its first words."""
OPENING_CHARACTERS: Final = 40
OBJECT_KINDS: Final = frozenset({"road", "community", "organisation"})
"""Entities that are finer than a district: what an event is about."""
_SETTLED: Final = frozenset({Status.CLOSED, Status.ARCHIVED, Status.CALLED_BACK})
_WORD: Final = re.compile(r"\w")
_OFFICE: Final = re.compile(
    r"(?:局|政府|委员会|委|办公室|办事处|街道办|派出所|支队|大队|总队|法院|检察院|领导|部门|中心|有关部门)$|^第?[一二三四五六七八九十\d]+[期栋组号]?"
    r"|^(?:[A-Za-z][0-9]{0,2})?[省市区县本该我]*(?:自来水|供水|水务|燃气|煤气|天然气|供电|电力|公交|热力|供热|供暖|物业|房地产|房产|开发|快递|保险|装修|建筑)(?:有限|有限责任)?公司$"
    r"|^(?:开发商|物业|售楼部|业委会|居委会|村委会)$"
)
"""Whom one writes to or about without naming one of many (自来水公司, 物业), or a part of a compound (二期, 3栋): none is what an event is
about."""
_PLACE_CODE: Final = re.compile(r"^(?:[A-Za-z][0-9]{0,2}[省市区县州]|西地省)+")
_GENERIC: Final = re.compile(r"(?:小区|社区|花园小区|住宅小区|附近|周边|门口)$")


@dataclass(frozen=True, slots=True)
class Post:
    """What the search needs of one record.

    Attributes:
        shown_id: native id, or the record id where there is none.
        day: the city's calendar day of `created_at`.
        words: title tokens (first words of the text where there is no title), without punctuation.
        objects: names of places and things finer than a district, normalised by `object_name`; most specific first.
        bound: whether one of them stands in a place field, the title, or the opening of a text without title: then the post is
            about it, and does not only mention it.
        settled: whether it is known to be solved or closed; None where the source never tells.
    """

    id: str
    shown_id: str
    source: str
    channel: str
    at: datetime
    day: date
    title: str
    text: str
    words: tuple[str, ...]
    objects: tuple[str, ...]
    bound: bool
    place_names: tuple[str, ...]
    district: str | None
    street: str | None
    topic: str | None
    subtopic: str | None
    department: str | None
    urgency: int
    positive: float
    negative: bool
    speaker: str | None
    attention: int
    settled: bool | None


def post_of(record: Record) -> Post:
    """The slim form of a record; works without annotation (words are then cut here)."""
    note = record.annotation
    text = record.text
    if note is None:
        from nlp.segment import segment

        words: Iterable[str] = segment(record.title or text[:100])
    else:
        words = note.title_tokens or note.text_tokens[:TITLE_TOKENS]
    objects, names, bound = _places(record)
    suggested = note.departments[0].label if note and note.departments else None
    return Post(
        id=record.id, shown_id=record.native_id or record.id, source=record.source, channel=record.channel,
        at=record.created_at, day=city_day(record.created_at), title=record.title.strip(), text=text,
        words=tuple(word for word in words if _WORD.search(word)), objects=objects, bound=bound, place_names=names,
        district=record.district or _district_in_title(record), street=record.street, topic=_topic(record),
        subtopic=note.subtopic if note else None, department=record.department or suggested,
        urgency=note.urgency if note else 0, positive=note.positive if note else 0.5,
        negative=bool(note and note.positive < 0.4), speaker=record.speaker,
        attention=(record.likes or 0) + (record.dislikes or 0) + (record.views or 0) // 100, settled=_settled(record),
    )  # fmt: skip


def _topic(record: Record) -> str | None:
    """What was read; where the reader was not sure enough, what the source itself says, if it is a class of ours."""
    read = record.annotation.topic if record.annotation else None
    return read or (record.stated_topic if record.stated_topic in TOPICS else None)


def object_name(name: str) -> str:
    """One spelling for a place: without codes of districts before it and without generic endings behind it."""
    bare = _PLACE_CODE.sub("", re.sub(r"[\s·•・“”\"'（）()]", "", name)).lower()
    short = _GENERIC.sub("", bare)
    return short if len(short) >= 2 else bare


def _places(record: Record) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Objects (normalised, finer than a district), the names to show, and `Post.bound`; the record's own fields first.

    Where a place is given, the community says only near what it lies: it would join whatever happens around one estate.
    """
    names = [name for name in (record.place or record.community,) if name]
    bound = bool(names)
    if record.annotation:
        found = [e for e in record.annotation.entities if e.kind in OBJECT_KINDS and not _OFFICE.search(e.text)]
        opening = len(record.title) or OPENING_CHARACTERS
        ranked = sorted(
            found, key=lambda e: (e.start >= opening, e.kind == "organisation", e.start)
        )  # the title's first
        names += [entity.text for entity in ranked]
        bound = bound or any(entity.start < opening for entity in found)
    objects = list(dict.fromkeys(name for name in map(object_name, names) if len(name) >= 2))
    return tuple(objects[:4]), tuple(dict.fromkeys(names))[:4], bound and bool(objects)


def _district_in_title(record: Record) -> str | None:
    """Message boards have no district field; people write it into the title."""
    found = record.annotation.entities if record.annotation else ()
    return next(
        (e.text for e in found if e.kind == "place" and e.end <= len(record.title) and e.text[-1] in "区县"), None
    )


def _settled(record: Record) -> bool | None:
    if record.resolved is not None:
        return record.resolved is Resolved.YES
    if record.closed_at is not None or record.status in _SETTLED:
        return True
    return None if record.status is None and record.replied_at is None else False
