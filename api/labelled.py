"""A table of labelled texts: which column holds the labels of which head, and what its words mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.tables import find_columns, read_rows
from crawlers.feeds.synonyms import SYNONYMS
from models.errors import BadFile, BadRequest
from models.labels import DEPARTMENTS, EMOTION_NAMES, URGENCY_NAMES

if TYPE_CHECKING:
    from api.tables import Columns, Row
    from nlp.annotate import Draft

HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "topic": ("topic", "l1", "一级主题", "主题", "主题分类", *SYNONYMS["stated_topic"]),
    "subtopic": ("subtopic", "l2", "二级分类", "二级主题", "子分类", "子类"),
    "demand_type": ("demand_type", "type", *SYNONYMS["stated_type"]),
    "department": ("department", "dept", *SYNONYMS["department"]),
    "urgency": ("urgency", "紧急程度", "紧急等级", "紧急度"),
    "sentiment": ("sentiment", "情感", "情感倾向", "情感极性"),
    "emotion": ("emotion", "情绪", "情绪类别"),
}
"""Headers of each head, the most telling first; compared without spaces and case."""
AMBIGUOUS: Final = frozenset(SYNONYMS["title"])  # 主题 is the topic in one table and the title in another
WORDS: Final[dict[str, dict[str, str]]] = {
    "department": {long: short for short, long in DEPARTMENTS.items()},
    "urgency": {name: str(level) for level, name in enumerate(URGENCY_NAMES)},
    "sentiment": {"非常不满": "-2", "不满": "-1", "中性": "0", "满意": "1"},
    "emotion": {name: label for label, name in EMOTION_NAMES.items()},
}
"""What people write instead of the label itself."""


@dataclass(frozen=True)
class Labelled:
    """`drafts` (n), and `labels[head]` (n), "" where a row has none; `columns[head]` is where they stood."""

    drafts: list[Draft]
    labels: dict[str, list[str]]
    columns: dict[str, str]
    text_columns: tuple[str, ...]
    without_text: int


def read_labelled(path: Path, known: Mapping[str, Collection[str]], title: str | None = None, text: str | None = None) -> Labelled:  # fmt: skip
    """The rows that have some text.

    Args:
        known: labels of each head that are looked for; they decide whether a column 主题 holds topics or titles.

    Raises:
        BadFile: unreadable, or without a row.
        BadRequest: no column with a text, or none with labels.
    """
    from nlp.annotate import Draft

    rows = list(read_rows(path))
    if not rows:
        raise BadFile(file=str(path), reason="没有数据行")
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    columns = label_columns(rows, names, known, (title, text))
    found = find_columns(path, [name for name in names if name not in columns.values()], title, text)
    if not columns:
        usual = "、".join(f"{head}（{'、'.join(HEADERS[head][1:4])}）" for head in HEADERS)
        reason = f"没有标注列，只有：{'、'.join(names[:20])}。标注列可用的列名：{usual}"
        raise BadRequest(name="--labels", value=path.name, reason=reason)
    drafts = [Draft(row.get(found.title or "", ""), row.get(found.text or "", "")) for row in rows]
    kept = [place for place, draft in enumerate(drafts) if draft.title.strip() or draft.text.strip()]
    labels = {head: [label_of(head, rows[place], columns) for place in kept] for head in columns}
    return Labelled([drafts[place] for place in kept], labels, columns, _texts(found), len(rows) - len(kept))


def label_columns(
    rows: Sequence[Row], names: Sequence[str], known: Mapping[str, Collection[str]], taken: tuple[str | None, ...]
) -> dict[str, str]:
    """The column of each head that has one. A header that titles have, too, needs labels under it in most rows."""
    free = {"".join(name.split()).lower(): name for name in reversed(names) if name not in taken}
    found: dict[str, str] = {}
    for head, headers in HEADERS.items():
        for header in headers:
            name = free.get(header)
            if name is None or name in found.values():
                continue
            values = [label_of(head, row, {head: name}) for row in rows]
            right = sum(value in known.get(head, ()) for value in values)
            if header not in AMBIGUOUS or right * 2 > sum(value != "" for value in values):
                found[head] = name
                break
    return found


def label_of(head: str, row: Row, columns: Mapping[str, str]) -> str:
    """The label of a row in the model's words; a second level alone gets its first level before it."""
    value = row.get(columns[head], "").strip()
    if head == "subtopic" and value and "/" not in value and "topic" in columns:
        first = label_of("topic", row, columns)
        return f"{first}/{value}" if first and first != value else value
    return WORDS.get(head, {}).get(value, value)


def _texts(columns: Columns) -> tuple[str, ...]:
    return tuple(name for name in (columns.title, columns.text) if name)
