import csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from dashboards.exports import COLUMNS, EXPORTS, cells, export_stream, neutral, printable
from models.errors import BadRequest
from models.labels import Resolved
from models.record import Annotation, Candidate, Record

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def record(number: int = 0, **fields: object) -> Record:
    base = {"id": f"{number:032x}", "revision": 1, "intake": "9", "source": "热线", "native_id": f"A{number}",
            "created_at": datetime(2026, 3, 1, 16, 30, tzinfo=UTC), "title": "路灯不亮", "text": "柳堤路东段路灯不亮"}  # fmt: skip
    return Record.model_validate({**base, **fields})


def exported(records: Iterable[Record], kind: str) -> bytes:
    return b"".join(export_stream(records, kind))


def rows_of_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def rows_of_xlsx(data: bytes) -> list[list[object]]:
    book = load_workbook(io.BytesIO(data))
    return [[cell.value for cell in row] for row in book["工单"].iter_rows()]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_begins_like_a_formula(start: str, kind: str) -> None:
    hostile = record(
        title=f"{start}cmd|' /C calc'!A0", text=f"{start}SUM(1+1)", district=f"{start}1", native_id=f"{start}A1"
    )
    data = exported([hostile], kind)
    texts = [
        c for row in (rows_of_csv(data) if kind == "csv" else rows_of_xlsx(data)) for c in row if isinstance(c, str)
    ]
    assert texts
    assert [t for t in texts if t.startswith(STARTS)] == []


def test_no_xlsx_cell_is_of_the_formula_type() -> None:
    data = exported([record(n, title=f"{start}1+1") for n, start in enumerate(STARTS)], "xlsx")
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet


@given(st.text(alphabet=st.characters(), max_size=200))
@settings(max_examples=200)
def test_neutral_never_begins_a_formula_and_is_printable(text: str) -> None:
    once = neutral(text)
    assert not once.startswith(STARTS)
    assert neutral(once) == once
    once.encode("utf-8")
    assert printable(once) == once


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_text_makes_files_that_open_again(texts: list[str]) -> None:
    records = [record(n, title=text, text=text, reply=text) for n, text in enumerate(texts)]
    assert len(rows_of_xlsx(exported(records, "xlsx"))) == len(records) + 1
    assert len(rows_of_csv(exported(records, "csv"))) == len(records) + 1
    assert len(exported(records, "jsonl").splitlines()) == len(records)


def test_values_stand_under_their_heads_in_city_time() -> None:
    note = Annotation(
        model="m1", topic="城乡建设", urgency=2, positive=0.25, departments=(Candidate(label="城管", probability=0.9),)
    )
    one = record(rating=4, resolved=Resolved.YES, contacted=True, annotation=note)
    expected = {"受理时间": "2026-03-02 00:30:00", "一级分类": "城乡建设", "紧急程度": 2, "正面概率": 0.25, "建议承办": "城管",
                "满意度": 4, "是否解决": "解决", "是否联系": "是", "模型版本": "m1", "街道": None}  # fmt: skip
    row = dict(zip(COLUMNS.values(), cells(one), strict=True))
    assert {key: row[key] for key in expected} == expected
    head, line = rows_of_xlsx(exported([one], "xlsx"))
    assert dict(zip(head, line, strict=True))["满意度"] == 4


def test_jsonl_is_the_record_without_what_can_be_made_again() -> None:
    note = Annotation(model="m1", title_tokens=("路灯",), text_tokens=("路灯",), keywords=("路灯",))
    line = json.loads(exported([record(annotation=note, title="=1+1")], "jsonl"))
    assert line["title"] == "=1+1"
    assert line["annotation"]["keywords"] == ["路灯"]
    assert "title_tokens" not in line["annotation"]
    assert "intake" not in line


def test_nothing_found_is_a_file_with_heads_only() -> None:
    assert rows_of_csv(exported([], "csv")) == [list(COLUMNS.values())]
    assert rows_of_xlsx(exported([], "xlsx")) == [list(COLUMNS.values())]
    assert exported([], "jsonl") == b""


def test_a_long_text_is_cut_at_what_a_cell_holds() -> None:
    assert len(rows_of_xlsx(exported([record(text="长" * 100_000)], "xlsx"))[1][8]) == 32_767  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused_with_the_choices() -> None:
    with pytest.raises(BadRequest, match="csv"):
        export_stream([], "pdf")
    assert set(EXPORTS) == {"csv", "xlsx", "jsonl"}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_records(kind: str) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in export_stream((record(n) for n in range(count)), kind):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(4_000) < 1.5 * peak(800)
