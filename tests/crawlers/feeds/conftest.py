from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to an XLSX; `merge` takes ranges like "A1:C1"."""

    def write(
        rows: Sequence[Sequence[object]], *, name: str = "orders.xlsx", merge: Sequence[str] = (), sheet: str = "Sheet"
    ) -> Path:
        book = Workbook()
        page = book.active
        assert page is not None
        page.title = sheet
        for row in rows:
            page.append(list(row))
        for area in merge:
            page.merge_cells(area)
        book.save(tmp_path / name)
        return tmp_path / name

    return write
