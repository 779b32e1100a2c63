"""新话题: words, growth and examples of what no class explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from indices.topics.register import Topic
from models.record import Record

EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class TopicRow:
    topic: Topic
    examples: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class TopicsView:
    rows: tuple[TopicRow, ...]
    may_decide: bool


def topics_view(found: Sequence[Topic], get: Callable[[str], Record | None], *, may_decide: bool) -> TopicsView:
    """The list. `get`: the viewer's own door to a record."""

    def examples(one: Topic) -> tuple[Record, ...]:
        return tuple(record for record_id in one.examples[:EXAMPLES] if (record := get(record_id)))

    return TopicsView(tuple(TopicRow(one, examples(one)) for one in found), may_decide)
