"""From rows to items. A cell that cannot be read is counted and named; a row whose time cannot be read goes to quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from crawlers.feeds.mapping import MAX_NAME, Mapping, find_mapping, fitting, mappings
from crawlers.feeds.propose import Proposal, propose
from crawlers.feeds.tables import Row, Sheet, open_sheet
from crawlers.feeds.values import parse_value, plain
from models.errors import MappingUnclear
from models.item import PROBLEM, Item

SAMPLE_ROWS: Final = 200
_JOINED: Final = ("title", "text", "reply")


@dataclass(slots=True)
class Report:
    """What reading found: rows, and for each field the values that could not be read, with how often."""

    rows: int = 0
    unread: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def sentences(self, top: int = 10) -> list[str]:
        return [
            f"{name} 的值 {value!r} 未识别（{reason}），{count} 行未写入此字段"
            for (name, value, reason), count in self.unread.most_common(top)
        ]


@dataclass(slots=True)
class Feed:
    """An opened file with the mapping that was chosen; `items` can be read once and fills `report`."""

    mapping: Mapping
    proposal: Proposal | None
    sheet: Sheet
    report: Report
    fetched_at: datetime

    def items(self) -> Iterator[Item]:
        return read_items(self.sheet.rows, self.mapping, fetched_at=self.fetched_at, report=self.report)


def open_feed(path: Path, *, mapping: str | None = None, source: str | None = None, folder: Path | None = None) -> Feed:
    """The file with the mapping named, else a known one whose columns fit, else the proposed one where it leaves no doubt.

    Raises:
        MappingUnclear: with what a person has to decide.
        BadFile, HostileFile: the file cannot or must not be read.
    """
    chosen = find_mapping(mapping, folder) if mapping else None
    sheet = open_sheet(path, chosen.sheet if chosen else None)
    if chosen and not chosen.fits(sheet.columns):
        missing = "、".join(sorted(set(chosen.columns) - set(sheet.columns)))
        raise MappingUnclear(
            file=path.name,
            reason=f"映射 {chosen.name} 所需的列 {missing} 不在文件中（文件有 {'、'.join(sheet.columns)}）",
        )
    proposal = None
    if chosen is None and (chosen := fitting(sheet.columns, mappings(folder))) is None:
        sample = list(islice(sheet.rows, SAMPLE_ROWS))
        sheet = Sheet(sheet.columns, chain(sample, sheet.rows))
        proposal = propose(_name(path), sheet.columns, sample)
        if proposal.doubts:
            raise MappingUnclear(file=path.name, reason="；".join(proposal.doubts))
        chosen = proposal.mapping
    if source:
        chosen = chosen.model_copy(update={"source": source})
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Feed(chosen, proposal, sheet, Report(), modified)


def _name(path: Path) -> str:
    """The file's name without dates and suffixes, so that tomorrow's export is the same source."""
    stem = path.name.split(".")[0]
    return "".join(part for part in stem if not part.isdigit()).strip(" -_")[:MAX_NAME] or "feed"


def read_items(
    rows: Iterable[Row], mapping: Mapping, *, fetched_at: datetime, report: Report | None = None
) -> Iterator[Item]:
    """An item for each row. What no field holds goes into `extra`; a row that cannot become an item carries its problem there."""
    report = report or Report()
    constants = {name: parse_value(name, value) for name, value in mapping.constants.items()}
    for row in rows:
        report.rows += 1
        yield _item(row, mapping, constants, fetched_at, report)


def _item(row: Row, mapping: Mapping, constants: dict[str, Any], fetched_at: datetime, report: Report) -> Item:
    fields, problem = dict(constants), ""
    for column, name in mapping.columns.items():
        try:
            value = parse_value(name, row.get(column), mapping.values.get(name))
        except ValueError as error:
            seen = plain(row.get(column))[:40]
            report.unread[(column, seen, str(error))] += 1
            if name == "created_at":
                problem = f"列「{column}」的值 {seen!r}：{error}"
            continue
        if value is not None:
            fields[name] = f"{fields[name]}\n{value}" if name in _JOINED and name in fields else value
    extra: dict[str, Any] = {c: plain(v) for c, v in row.items() if c not in (*mapping.columns, PROBLEM) and plain(v)}
    if problem:
        extra[PROBLEM] = problem
    own: dict[str, Any] = {name: fields.pop(name) for name in ("native_id", "revision") if name in fields}
    base = {
        "source": mapping.source,
        "legal_basis": mapping.legal_basis,
        "grade": mapping.grade,
        "fetched_at": fetched_at,
    }
    try:
        return Item.model_validate({**base, **own, "payload": fields, "extra": extra})
    except ValidationError as error:
        return _refused(error, {**base, **own}, fields, extra, report)


def _refused(
    error: ValidationError, base: dict[str, Any], fields: dict[str, Any], extra: dict[str, Any], report: Report
) -> Item:
    """The row as far as it is valid, with the problem written beside, so that it goes to quarantine and not away."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    seen = str(first["input"])[:40]
    report.unread[(name, seen, first["msg"])] += 1
    bad = {str(one["loc"][-1]) for one in error.errors()}
    kept = {key: value for key, value in fields.items() if key not in bad}
    text = str(fields.get("text", ""))[:2_000]
    own = {key: value for key, value in base.items() if key not in bad}
    problem = f"字段 {name} 的值 {seen!r}：{first['msg']}"
    return Item.model_validate({**own, "payload": {**kept, "text": text}, "extra": {**extra, PROBLEM: problem}})
