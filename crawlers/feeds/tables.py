"""Rows of a file, whatever its form: XLSX, XLS, CSV, TSV, JSONL, Parquet; also .gz and .zst. The header row is found, not assumed."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

from crawlers.feeds.synonyms import KNOWN
from crawlers.feeds.workbook import Cell, read_workbook
from models.errors import BadFile, HostileFile

Row = dict[str, Cell]
HEAD_ROWS: Final = 10  # the header stands among the first rows, under titles and notes
MAX_INFLATED_BYTES: Final = 4 << 30
MAX_LINE_CHARACTERS: Final = 4_000_000
MAX_LINE_BYTES: Final = 4 * MAX_LINE_CHARACTERS
WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls")
TEXTS: Final = (".csv", ".tsv", ".txt")
LINES: Final = (".jsonl", ".ndjson")
PACKED: Final = (".gz", ".zst")
_DELIMITERS: Final = ",\t;|"


@dataclass(frozen=True, slots=True)
class Sheet:
    """`columns` in the file's order; `rows` can be read once."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def kind_of(path: Path) -> str:
    """The suffix that decides, packing left out. Raises BadFile for a form that is not read."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind not in (*WORKBOOKS, *TEXTS, *LINES, ".parquet"):
        raise BadFile(
            file=path.name,
            reason=f"后缀 {kind or '（无）'} 不受支持，应为 .xlsx .xls .csv .tsv .jsonl .parquet，可再压缩为 .gz .zst",
        )
    return kind


def open_sheet(path: Path, sheet: str | None = None) -> Sheet:
    """Columns and rows of the file. Raises BadFile, HostileFile; an error in the middle raises while reading."""
    if not path.is_file():
        raise BadFile(file=path.name, reason="文件不存在或不是普通文件")
    kind = kind_of(path)
    if kind in WORKBOOKS:
        return with_header(read_workbook(path, sheet), path.name)
    if kind == ".parquet":
        return _parquet(path)
    if kind in LINES:
        return _lines(path)
    return with_header(_csv(path), path.name)


def with_header(rows: Iterable[list[Cell]], file: str) -> Sheet:
    """Find the header among the first rows: the one that names most columns."""
    iterator = iter(rows)
    head = list(islice(iterator, HEAD_ROWS))
    if not head:
        raise BadFile(file=file, reason="文件是空的")
    best = max(range(len(head)), key=lambda number: (_headness(head[number]), -number))
    if _headness(head[best]) == (0, 0):
        raise BadFile(
            file=file, reason=f"前 {len(head)} 行里找不到列名；请在第一行写上列名，如 编号、受理时间、标题、内容"
        )
    names = _names(head, best)
    width = len(names)

    def body() -> Iterator[Row]:
        for row in chain(head[best + 1 :], iterator):
            if any(cell is not None and str(cell).strip() for cell in row):
                yield dict(zip(names, (row + [None] * width)[:width], strict=True))

    return Sheet(tuple(names), body())


def _headness(row: list[Cell]) -> tuple[int, int]:
    """How much a row looks like a header: cells that are names of columns elsewhere, then short texts that are no numbers."""
    texts = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
    known = len({text.lower() for text in texts} & KNOWN)
    plausible = sum(len(text) <= 20 and not any(c.isdigit() for c in text[:4]) and "。" not in text for text in texts)
    return (known, plausible) if 2 * plausible > sum(cell is not None for cell in row) else (0, 0)


def _names(head: list[list[Cell]], best: int) -> list[str]:
    """Column names, each once.

    Under a group heading (受理情况 over 时间, 渠道) the row below names the columns; merged cells repeat, so the row with more
    distinct names was chosen, and the row above is joined in only where a name would occur twice.
    """
    above = head[best - 1] if best else []
    names: list[str] = []
    for number, cell in enumerate(head[best]):
        name = str(cell).strip() if cell is not None else ""
        group = str(above[number]).strip() if number < len(above) and above[number] is not None else ""
        if name in names and group and group != name:
            name = f"{group}{name}"
        name = name or f"列{number + 1}"
        base, copy = name, 2
        while name in names:
            name, copy = f"{base}_{copy}", copy + 1
        names.append(name)
    return names


@contextmanager
def open_bytes(path: Path) -> Iterator[io.RawIOBase]:
    """The file, unpacked, with a bound on what comes out of it."""
    with path.open("rb") as raw:
        if path.suffix.lower() == ".gz":
            yield _Bounded(gzip.GzipFile(fileobj=raw), path.name)
        elif path.suffix.lower() == ".zst":
            import zstandard

            yield _Bounded(
                zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(raw), path.name, zstandard.ZstdError
            )
        else:
            yield _Bounded(raw, path.name)


class _Bounded(io.RawIOBase):
    """Reads through and stops a file, or a line of it, that is longer than anybody sends: a line is held in memory."""

    def __init__(self, inner: object, name: str, *broken: type[Exception]) -> None:
        """`broken`: what `inner` raises when its content is damaged."""
        self._inner, self._name, self._seen, self._line = inner, name, 0, 0
        self._broken: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, *broken)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        try:
            data: bytes = self._inner.read(len(buffer))  # type: ignore[attr-defined, arg-type]
        except self._broken as error:
            raise BadFile(file=self._name, reason=f"压缩内容损坏（{error}）") from None
        self._seen += len(data)
        if self._seen > MAX_INFLATED_BYTES:
            raise HostileFile(file=self._name, reason=f"解压后超过 {MAX_INFLATED_BYTES:,} 字节")
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._line = self._line + len(data) if end < 0 else len(data) - end - 1
        if self._line > MAX_LINE_BYTES:
            raise HostileFile(file=self._name, reason=f"有一行超过 {MAX_LINE_BYTES:,} 字节")
        buffer[: len(data)] = data  # type: ignore[index]
        return len(data)


def encoding_of(path: Path) -> str:
    """UTF-16 by its mark, else UTF-8 if the whole file is, else GB18030 if it is that. Raises BadFile with the place."""
    with open_bytes(path) as file:
        head = file.read(4)
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    first: UnicodeDecodeError | None = None
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            with open_bytes(path) as file:
                decoder = codecs.getincrementaldecoder(encoding)()
                while data := file.read(1 << 20):
                    decoder.decode(data)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            first = first or error
        else:
            return encoding
    assert first is not None
    raise BadFile(
        file=path.name,
        reason=f"{'不是完整的 UTF-16' if marked else '既不是 UTF-8 也不是 GB18030'}（第 {first.start + 1} 字节附近为 {first.object[first.start]:#04x}）",
    )


def _csv(path: Path) -> Iterator[list[Cell]]:
    encoding = encoding_of(path)
    csv.field_size_limit(MAX_LINE_CHARACTERS)
    with open_bytes(path) as raw:
        text = io.TextIOWrapper(io.BufferedReader(raw), encoding=encoding, newline="")
        sample = text.readline()
        if not sample:
            return
        delimiter = max(_DELIMITERS, key=sample.count)
        lines = (line.replace("\x00", "") for line in chain([sample], text))
        try:
            for row in csv.reader(lines, delimiter=delimiter):
                yield [cell.strip() or None for cell in row]
        except csv.Error as error:
            raise BadFile(file=path.name, reason=f"CSV 格式有误（{error}）") from None


def _lines(path: Path) -> Sheet:
    encoding = encoding_of(path)

    def rows() -> Iterator[Row]:
        with open_bytes(path) as raw:
            for number, line in enumerate(io.TextIOWrapper(io.BufferedReader(raw), encoding=encoding), start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise BadFile(file=path.name, reason=f"第 {number} 行不是 JSON（{error}）") from None
                if not isinstance(row, dict):
                    raise BadFile(file=path.name, reason=f"第 {number} 行应为 JSON 对象，见到 {str(row)[:40]!r}")
                yield _whole(row) if "\\ud" in line.lower() else row

    iterator = rows()
    head = list(islice(iterator, HEAD_ROWS))
    if not head:
        raise BadFile(file=path.name, reason="文件是空的")
    columns = dict.fromkeys(name for row in head for name in row)
    return Sheet(tuple(columns), chain(head, iterator))


def _whole(row: Row) -> Row:
    """The row with a question mark for each half of a surrogate pair: JSON may name them, no text holds them."""
    whole: Row = json.loads(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    return whole


def _parquet(path: Path) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadFile(file=path.name, reason=f"不是 Parquet 文件（{error}）") from None

    def rows() -> Iterator[Row]:
        try:
            for batch in file.iter_batches(batch_size=1_000):
                yield from ({k: _plain(v) for k, v in row.items()} for row in batch.to_pylist())
        except (pa.ArrowException, OSError) as error:
            raise BadFile(file=path.name, reason=f"Parquet 内容损坏（{error}）") from None

    return Sheet(tuple(file.schema_arrow.names), rows())


def _plain(value: object) -> Cell:
    return value if value is None or isinstance(value, str | float | int | bool | datetime) else str(value)
