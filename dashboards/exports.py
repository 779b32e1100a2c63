"""Exports of records: CSV, XLSX, JSONL, masked as they are kept, streamed. No cell is a formula (S7), no text breaks a file (S9)."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from models.clock import CITY_TIME
from models.errors import BadRequest
from models.record import Record

EXPORTS: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/x-ndjson",
}
MAX_XLSX_ROWS: Final = 1_000_000  # the format ends at 1,048,576
MAX_CELL: Final = 32_767  # characters that an XLSX cell holds
_CHUNK_RECORDS = 200
_CHUNK_BYTES = 1 << 16

COLUMNS: Final[dict[str, str]] = {
    "native_id": "编号", "source": "来源", "channel": "渠道", "created_at": "受理时间", "district": "区县", "street": "街道", "place": "地点",
    "title": "标题", "text": "内容", "topic": "一级分类", "subtopic": "二级分类", "demand_type": "诉求类型", "urgency": "紧急程度",
    "positive": "正面概率", "department": "承办单位", "suggested": "建议承办", "status": "状态", "due_at": "到期时间", "replied_at": "回复时间",
    "closed_at": "办结时间", "reply": "答复内容", "contacted": "是否联系", "resolved": "是否解决", "rating": "满意度", "returns": "退单次数", "reopens": "重办次数",
    "speaker": "来电人化名", "likes": "点赞", "model": "模型版本", "id": "记录号",
}  # fmt: skip

# A spreadsheet takes these at the start of a cell for a formula or a command, the full-width forms too once it normalises them.
_FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")
# What XML 1.0 and so Word and Excel do not hold: control characters, lone surrogates, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """The text without characters that a Word or Excel file cannot hold."""
    return _UNPRINTABLE.sub("", text)


def neutral(text: str) -> str:
    """A cell's text that no spreadsheet runs: an apostrophe stands before what would begin a formula."""
    text = printable(text)
    return f"'{text}" if _FORMULA.match(text) else text


def cells(record: Record) -> list[str | int | float | None]:
    """The record's row under COLUMNS; every text is neutral."""
    note = record.annotation
    values = {
        **{name: getattr(record, name) for name in COLUMNS if name in Record.model_fields},
        "topic": record.topic, "subtopic": note and note.subtopic, "demand_type": record.demand_type,
        "urgency": note and note.urgency, "positive": note and round(note.positive, 4),
        "suggested": note.departments[0].label if note and note.departments else None, "model": note and note.model,
        "contacted": None if record.contacted is None else "是" if record.contacted else "否",
    }  # fmt: skip
    return [_cell(values[name]) for name in COLUMNS]


def _cell(value: object) -> str | int | float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, datetime):
        return value.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S")
    return neutral(str(value))[:MAX_CELL]


def export_stream(records: Iterable[Record], kind: str) -> Iterator[bytes]:
    """The file in pieces; memory does not grow with the records. Raises BadRequest for a kind not in EXPORTS."""
    writers = {"csv": _csv, "xlsx": _xlsx, "jsonl": _jsonl}
    if kind not in writers:
        raise BadRequest(name="format", value=kind, reason=f"应为 {'、'.join(writers)} 之一")
    return writers[kind](iter(records))


def _csv(records: Iterator[Record]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # with this mark spreadsheets read UTF-8
    head: list[list[str | int | float | None]] = [list(COLUMNS.values())]
    while rows := head or [cells(record) for record in islice(records, _CHUNK_RECORDS)]:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        yield text.getvalue().encode()
        head = []


def _jsonl(records: Iterator[Record]) -> Iterator[bytes]:
    # Data for programs: nothing is neutralised, but tokens, which can be made again, are left out.
    while lines := [r.model_dump_json(exclude={"annotation": {"title_tokens", "text_tokens"}, "intake": True}, exclude_none=True)
                    for r in islice(records, _CHUNK_RECORDS)]:  # fmt: skip
        yield ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _xlsx(records: Iterator[Record]) -> Iterator[bytes]:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)  # rows go to a temporary file as they come
    sheet = book.create_sheet("工单")
    sheet.freeze_panes = "A2"
    head = [WriteOnlyCell(sheet, value=title) for title in COLUMNS.values()]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for record in islice(records, MAX_XLSX_ROWS):
        sheet.append(cells(record))
    if next(records, None) is not None:
        sheet.append([f"超过 {MAX_XLSX_ROWS:,} 行，其余未导出；请缩小范围或用 CSV"])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(_CHUNK_BYTES):
            yield piece
