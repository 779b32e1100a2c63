"""Orders about the matter of a hot-search event: the same words, about the same days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from indices.streams.events import StreamEvent
from models.labels import Kind
from models.ports import Reader
from models.query import Query, Some, Sort, Tokens
from models.record import Record

AROUND: Final = timedelta(days=7)
LEAST_SHARE: Final = 0.5
"""Of the event's words that a record must have…"""
LEAST_WORDS: Final = 2
"""… and at least so many: one word in common is chance."""
LOOKED: Final = 50
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Link:
    """A record and the words that it shares with the event."""

    record: Record
    words: tuple[str, ...]


def words_of(event: StreamEvent) -> tuple[str, ...]:
    """Words of two characters and more of the title, each once."""
    from nlp.segment import segment

    return tuple(dict.fromkeys(word for word in segment(event.title) if len(word) > 1 and not word.isdigit()))


def links(reader: Reader, event: StreamEvent) -> list[Link]:
    """Orders within a week of the event that share half of its words, the most words first; none where it has too few words."""
    words = words_of(event)
    if len(words) < LEAST_WORDS:
        return []
    query = Query(match=Some(parts=tuple(Tokens(tokens=(word.lower(),)) for word in words)), since=event.first - AROUND,
                  until=event.last + AROUND, filters={"kind": (Kind.DEMAND,)}, sort=Sort.RELEVANCE, size=LOOKED)  # fmt: skip
    found = []
    for hit in reader.search(query).hits:
        text = f"{hit.record.title} {hit.record.text}".lower()
        shared = tuple(word for word in words if word.lower() in text)
        if len(shared) >= max(LEAST_WORDS, LEAST_SHARE * len(words)):
            found.append(Link(hit.record, shared))
    return sorted(found, key=lambda link: (-len(link.words), link.record.id))[:SHOWN]
