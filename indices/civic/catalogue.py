"""The dispatch catalogue (派单目录): which office takes which matter where, with dates.

A city's catalogue is a CSV file with the columns topic, subtopic, district, code, unit, binding, from, until; empty means
"any". Among the rows that fit, the most specific one speaks (district before subtopic before topic). A binding row decides
the department where the topic is certain; the others name the office that the department's code stands for. Without a
file the generic names of `models.labels.DEPARTMENTS` serve.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from models.errors import BadFile
from models.labels import DEPARTMENTS, OTHER, TOPICS

COLUMNS = ("topic", "subtopic", "district", "code", "unit", "binding", "from", "until")
_YES = frozenset({"yes", "1", "true", "是"})


@dataclass(frozen=True, slots=True)
class Entry:
    code: str
    unit: str
    topic: str = ""
    subtopic: str = ""
    district: str = ""
    binding: bool = False
    since: date | None = None
    until: date | None = None

    def fits(self, code: str | None, topic: str | None, subtopic: str | None, district: str | None, day: date) -> bool:
        if (self.since and day < self.since) or (self.until and day > self.until):
            return False
        asked = ((self.topic, topic), (self.subtopic, subtopic), (self.district, district))
        return (code is None or self.code == code) and all(not own or own == other for own, other in asked)

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        return bool(self.district), bool(self.subtopic), bool(self.topic)

    def in_words(self) -> str:
        matter = " → ".join(filter(None, (self.topic, self.subtopic))) or "各类事项"
        return f"派单目录：{self.district or '全市'} {matter} 由 {self.unit}（{self.code}）承办"


class Catalogue:
    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: Sequence[Entry] = tuple(entries)

    @classmethod
    def load(
        cls, path: Path, codes: Collection[str] = tuple(DEPARTMENTS), topics: Collection[str] = (*TOPICS, OTHER)
    ) -> Catalogue:
        """The city's file, or an empty catalogue where there is none. Raises BadFile naming the line and the value.

        Args:
            codes, topics: the labels that rows may name, which are those of the model in use.
        """
        if not path.exists():
            return cls()
        reader = csv.DictReader(io.StringIO(_text(path), newline=""))
        missing = {"code", "unit"} - set(reader.fieldnames or ())
        if missing:
            raise BadFile(file=path.name, reason=f"缺少列 {'、'.join(sorted(missing))}，应有 {'、'.join(COLUMNS)}")
        return cls(_entry(row, path.name, number, codes, topics) for number, row in enumerate(reader, start=2))

    def binding(self, topic: str | None, subtopic: str | None, district: str | None, day: date) -> Entry | None:
        """The row that decides for a certain topic, if the city has one."""
        return _most_specific(e for e in self.entries if e.binding and e.fits(None, topic, subtopic, district, day))

    def office(self, code: str, topic: str | None, subtopic: str | None, district: str | None, day: date) -> str:
        """The office's own name for a department's code there; the generic name where the catalogue has none."""
        entry = _most_specific(e for e in self.entries if e.fits(code, topic, subtopic, district, day))
        return entry.unit if entry else DEPARTMENTS.get(code, code)


def _text(path: Path) -> str:
    """UTF-8, else GB18030: what Chinese spreadsheets save as CSV."""
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile(file=path.name, reason="既不是 UTF-8 也不是 GB18030；请另存为“CSV UTF-8”")


def _most_specific(entries: Iterable[Entry]) -> Entry | None:
    return max(entries, key=lambda entry: entry.specificity, default=None)


def _entry(
    row: dict[str, str | None], file: str, number: int, codes: Collection[str] = tuple(DEPARTMENTS),
    topics: Collection[str] = (*TOPICS, OTHER),
) -> Entry:  # fmt: skip
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if cell["code"] not in codes:
        raise BadFile(file=file, reason=f"第 {number} 行的 code {cell['code']!r} 不在部门代码中：{'、'.join(codes)}")
    if cell["topic"] and cell["topic"] not in topics:
        raise BadFile(file=file, reason=f"第 {number} 行的 topic {cell['topic']!r} 不在一级分类中：{'、'.join(topics)}")
    days = []
    for name in ("from", "until"):
        try:
            days.append(date.fromisoformat(cell[name]) if cell[name] else None)
        except ValueError:
            raise BadFile(
                file=file, reason=f"第 {number} 行的 {name} {cell[name]!r} 不是日期，应如 2026-01-01"
            ) from None
    return Entry(code=cell["code"], unit=cell["unit"] or DEPARTMENTS.get(cell["code"], cell["code"]), topic=cell["topic"], subtopic=cell["subtopic"],
                 district=cell["district"], binding=cell["binding"].lower() in _YES, since=days[0], until=days[1])  # fmt: skip
