from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from api.tables import Columns, as_text, find_columns, read_rows
from models.errors import BadFile, BadRequest

ROWS = [
    {"编号": "1", "标题": "路灯不亮", "内容": '柳岸花园的路灯\n坏了，"很久"了'},
    {"编号": "2", "标题": "", "内容": "请问几月报名"},
]


def csv_text(rows: list[dict[str, str]], delimiter: str = ",") -> str:
    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = [delimiter.join(rows[0]), *(delimiter.join(cell(value) for value in row.values()) for row in rows)]
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_of_any_usual_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(csv_text(ROWS, delimiter).encode(encoding))
    assert [{name: value.replace("\r\n", "\n") for name, value in row.items()} for row in read_rows(path)] == ROWS


def test_csv_with_short_long_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("标题,内容\n\n甲\n乙,丙,丁\n,\n", encoding="utf-8")
    assert list(read_rows(path)) == [{"标题": "甲", "内容": ""}, {"标题": "乙", "内容": "丙"}]


def test_a_million_characters_in_a_cell_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("内容\n" + "长" * 1_000_000 + "\n", encoding="utf-8")
    (row,) = read_rows(path)
    assert len(row["内容"]) == 1_000_000


def test_workbook(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "说明"
    sheet = book.create_sheet("工单")
    for cells in (
        [None, None, None],
        ["编号", "标题", "受理时间"],
        [1, "路灯不亮", dt.date(2026, 9, 1)],
        [2.5, None, None],
    ):
        sheet.append(cells)
    book.save(tmp_path / "orders.xlsx")
    rows = list(read_rows(tmp_path / "orders.xlsx"))
    assert rows[0]["编号"] == "1"
    assert rows[0]["受理时间"].startswith("2026-09-01")
    assert rows[1] == {"编号": "2.5", "标题": "", "受理时间": ""}


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('\ufeff{"id": 7, "text": "路灯"}\n\n{"id": 8.0, "text": null}\n'.encode())
    assert list(read_rows(path)) == [{"id": "7", "text": "路灯"}, {"id": "8", "text": ""}]


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "text": ["路灯", None]}), tmp_path / "rows.parquet")
    assert list(read_rows(tmp_path / "rows.parquet")) == [{"id": "1", "text": "路灯"}, {"id": "2", "text": ""}]


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("a.jsonl", b'{"text": "x"}\n[1]\n', "第 2 行"), ("a.jsonl", b"nonsense\n", "第 1 行"), ("a.xlsx", b"nonsense", "工作簿"),
    ("a.parquet", b"nonsense", "Parquet"), ("a.docx", b"x", ".docx"),
])  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadFile, match=reason):
        list(read_rows(tmp_path / name))


def test_a_missing_file_is_refused_before_reading(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="没有这个文件"):
        read_rows(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("names", "expected"), [
    (("title", "text"), Columns("title", "text", None)),
    (("留言编号", "留言主题", "留言时间", "留言详情"), Columns("留言主题", "留言详情", "留言编号")),
    (("ID", "Text"), Columns(None, "Text", "ID")),
    (("工单编号", "诉求 内容", "区县"), Columns(None, "诉求 内容", "工单编号")),
    (("标题",), Columns("标题", None, None)),
])  # fmt: skip
def test_columns_are_guessed_from_headers(names: tuple[str, ...], expected: Columns) -> None:
    assert find_columns(Path("x.csv"), names) == expected


def test_columns_that_were_asked_for_win() -> None:
    found = find_columns(Path("x.csv"), ("title", "text", "note"), text="note")
    assert found == Columns("title", "note", None)
    assert find_columns(Path("x.csv"), ("text", "b"), title="text").text is None


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadRequest) as refused:
        find_columns(Path("x.csv"), ("甲", "乙"), text="内容")
    assert "甲、乙" in str(refused.value)
    assert "内容" in str(refused.value)
    with pytest.raises(BadRequest, match="--text"):
        find_columns(Path("x.csv"), ("甲", "乙"))


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (float("nan"), ""), (3.0, "3"), (2.5, "2.5"), (True, "True"), ("x", "x")]
)
def test_cells_as_a_person_writes_them(value: Any, text: str) -> None:
    assert as_text(value) == text
