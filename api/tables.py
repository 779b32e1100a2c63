"""Rows of a table file (CSV, XLSX, JSONL, Parquet) as dictionaries of text, and which column holds what."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import BadFile, BadRequest

Row = dict[str, str]

# Headers of hotline exports and message boards, the most telling first; compared without spaces and case.
TITLES: Final = (
    "title",
    "标题",
    "主题",
    "留言主题",
    "留言标题",
    "诉求标题",
    "工单标题",
    "信件标题",
    "来信标题",
    "事项标题",
    "subject",
)
TEXTS: Final = ("text", "内容", "正文", "留言详情", "留言内容", "诉求内容", "工单内容", "投诉内容", "投诉件内容", "来电内容", "信件内容",
                "来信内容", "问题描述", "事项内容", "详情", "描述", "content", "body", "message")  # fmt: skip
IDS: Final = ("id", "编号", "留言编号", "工单编号", "工单号", "受理编号", "信件编号", "订单编号", "诉求编号")
FIELD_CHARACTERS: Final = 10_000_000  # a longer cell is a broken quote
_KINDS: Final = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xls": "xlsx", ".jsonl": "jsonl",
                 ".ndjson": "jsonl", ".parquet": "parquet"}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold title, text and id; None where there is none."""

    title: str | None
    text: str | None
    id: str | None


def read_rows(path: Path) -> Iterator[Row]:
    """Rows in order, cells as text; an empty cell is "". Wholly empty rows of workbooks and CSV files are left out.

    Raises:
        BadFile: missing, of no known kind, or damaged.
    """
    if not path.is_file():
        raise BadFile(file=str(path), reason="没有这个文件")
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadFile(file=str(path), reason=f"不认识扩展名 {path.suffix or '（无）'}。可用：csv、xlsx、jsonl、parquet")
    reader = {"csv": _csv, "xlsx": _workbook, "jsonl": _jsonl, "parquet": _parquet}[kind]
    return reader(path)


def find_columns(
    path: Path, names: Sequence[str], title: str | None = None, text: str | None = None, row_id: str | None = None
) -> Columns:
    """The columns asked for, and a guess from the headers for those that were not.

    Raises:
        BadRequest: a column that was asked for is not there, or no column looks like a title or text.
    """
    for option, name in (("--title", title), ("--text", text), ("--id", row_id)):
        if name is not None and name not in names:
            raise BadRequest(name=option, value=name, reason=f"{path.name} 没有这一列，只有：{_listed(names)}")
    found = Columns(
        title if title is not None else _guess(names, TITLES, taken=(text, row_id)),
        text if text is not None else _guess(names, TEXTS, taken=(title, row_id)),
        row_id if row_id is not None else _guess(names, IDS, taken=(title, text)),
    )
    if found.title is None and found.text is None:
        reason = f"看不出 {path.name} 的哪一列是标题或内容，只有：{_listed(names)}。请用 --title 和 --text 指定列名"
        raise BadRequest(name="--text", value="", reason=reason)
    return found


def _guess(names: Sequence[str], known: Sequence[str], taken: Iterable[str | None]) -> str | None:
    folded = {"".join(name.split()).lower(): name for name in reversed(names) if name not in tuple(taken)}
    return next((folded[name] for name in known if name in folded), None)


def _listed(names: Sequence[str]) -> str:
    return "、".join(names[:20]) + ("……" if len(names) > 20 else "") if names else "（一列也没有）"


def as_text(value: Any) -> str:
    """A cell as a person would write it: 3.0 is 3, nothing is ""."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _csv(path: Path) -> Iterator[Row]:
    encoding = _encoding(path)
    before = csv.field_size_limit(FIELD_CHARACTERS)
    try:
        with path.open(encoding=encoding, newline="", errors="replace") as file:
            start = file.readline()
            file.seek(0)
            delimiter = max(",\t;|", key=start.count)
            reader = csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
            yield from _under_header(reader)
    except csv.Error as error:
        raise BadFile(file=str(path), reason=f"不是完整的 CSV（{error}）") from error
    finally:
        csv.field_size_limit(before)


def _encoding(path: Path) -> str:
    """UTF-8 (with or without mark) or UTF-16 with mark, else GB18030, which every other Chinese export uses."""
    import codecs

    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            decoder.decode(start)
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8-sig"


def _under_header(table: Iterable[Sequence[Any]]) -> Iterator[Row]:
    names: list[str] | None = None
    for cells in table:
        values = [as_text(cell) for cell in cells]
        if not any(value.strip() for value in values):
            continue
        if names is None:
            names = [value.strip() for value in values]
            continue
        values += [""] * (len(names) - len(values))
        yield {name: value for name, value in zip(names, values, strict=False) if name}


def _workbook(path: Path) -> Iterator[Row]:
    from crawlers.feeds.workbook import read_workbook

    yield from _under_header(read_workbook(path))  # one guard against hostile workbooks for all ways in (S5)


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                raise BadFile(file=str(path), reason=f"第 {number} 行不是 JSON（{error}）") from error
            if not isinstance(row, dict):
                raise BadFile(file=str(path), reason=f"第 {number} 行不是 JSON 对象，而是 {type(row).__name__}")
            yield {str(name): as_text(value) for name, value in row.items()}


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1_000):
                for row in batch.to_pylist():
                    yield {str(name): as_text(value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise BadFile(file=str(path), reason=f"不是可读的 Parquet 文件（{error}）") from error
