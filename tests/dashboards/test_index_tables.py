"""The exports of the index: nothing is a formula, nothing breaks the file, empty columns stay out of the paper."""

from __future__ import annotations

import io
from types import ModuleType

from docx import Document
from openpyxl import load_workbook

from dashboards.index_tables import Sheet, index_sheets, word, written, xlsx
from models.figures import Index


def evil(city: ModuleType) -> Index:
    index: Index = city.index("department")
    bad = ('=HYPERLINK("x")', "+1", "\x00坏\ufffe", "@甲")
    rows = tuple(row.model_copy(update={"key": key}) for row, key in zip(index.rows, bad, strict=False))
    return index.model_copy(update={"rows": rows})


def test_no_cell_is_a_formula_and_every_file_opens(city: ModuleType) -> None:
    sheets = index_sheets(evil(city), city.index("week"), None, [], "=全市")
    book = load_workbook(io.BytesIO(xlsx(sheets)))
    values = [cell.value for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [value for value in values if isinstance(value, str) and value[:1] in "=+-@"]
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    document = Document(io.BytesIO(word(sheets, "附件\x00")))
    assert document.paragraphs[0].text == "附件"


def test_a_column_without_a_value_is_not_printed() -> None:
    document = Document(io.BytesIO(word([Sheet("表", ("甲", "乙", "丙"), (("a", None, 1), ("b", "", 2)))], "附件")))
    assert [cell.text for cell in document.tables[0].rows[0].cells] == ["甲", "丙"]


def test_cells_read_as_people_write_them() -> None:
    assert [written(cell) for cell in (None, 1234, 76.20, 0.5, 12_345.678, "x")] == [
        "—",
        "1,234",
        "76.2",
        "0.5",
        "12,345.68",
        "x",
    ]
