"""The index as tables: what the XLSX export and the Word appendix hold, sheet by sheet, with the definitions beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards import formats
from dashboards.views.counts import label_of
from dashboards.views.satisfaction import BY_NAMES, DEFINITION
from indices.civic.metrics import last_day
from models.clock import city_day
from models.figures import Composite, Index, IndexRow, Metric
from models.query import Query
from models.satisfaction import LAYERS

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows` under `head`; `note` in one sentence."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def index_sheets(
    index: Index, weekly: Index, composite: Composite | None, metrics: Sequence[Metric], place: str
) -> list[Sheet]:
    """Units, weeks, layers, metrics and definitions of one question."""
    period = period_of(index.source.query)
    sheets = [
        Sheet(f"指数（按{BY_NAMES[index.by]}）", _INDEX_HEAD, tuple(_index_row(row, label_of(index.by, row.key)) for row in (index.overall, *index.rows)),
              f"{place}，{period}；{versions(index)}"),
        Sheet("按周", _INDEX_HEAD, tuple(_index_row(row, row.key) for row in sorted(weekly.rows, key=lambda row: row.key)), f"{place}，{period}"),
    ]  # fmt: skip
    if composite is not None:
        sheets.append(_composite_sheet(composite))
    rows = tuple(
        (one.title, one.value, one.unit, one.low, one.high, one.numerator, one.denominator, one.definition, one.owner, str(one.effective), one.name)
        for one in metrics
    )  # fmt: skip
    head = ("指标", "值", "单位", "95% 下限", "95% 上限", "分子", "分母", "口径", "责任单位", "本版生效", "代码")
    sheets.append(Sheet("指标", head, rows, f"{place}，{period}"))
    sheets.append(Sheet("口径说明", ("项", "说明"), tuple(DEFINITION), "满意度指数的口径"))
    return sheets


def period_of(query: Query) -> str:
    """The days of a question, in words."""
    return formats.span(city_day(query.since), last_day(query)) if query.since and query.until else "全部时间"


def versions(index: Index) -> str:
    return "版本 " + "，".join(f"{name} {version}" for name, version in sorted(index.source.versions.items()))


_INDEX_HEAD: Final = ("单位", "指数", "95% 下限", "95% 上限", "90% 下限", "90% 上限", "评价数 n", "有效 n", "工单数", "覆盖 %", "原始均值", "同等事项下", "档",
                      "末档概率", "状态")  # fmt: skip


def _index_row(row: IndexRow, name: str) -> tuple[Cell, ...]:
    state = {"ok": "", "not_ranked": "不排名"}.get(row.status, row.status)
    return (name, row.value, row.low, row.high, row.low90, row.high90, row.n, row.n_effective, row.orders, row.coverage, row.raw, row.alike,
            row.tier, row.p_lowest, state)  # fmt: skip


def _composite_sheet(composite: Composite) -> Sheet:
    rows = []
    for row in composite.rows:
        layers = {layer.name: layer.value for layer in row.layers}
        rows.append(
            (label_of(composite.by, row.key), row.value, row.low, row.high, row.band_low, row.band_high, row.latent,
             *(layers.get(name) for name in LAYERS), "、".join(row.missing))
        )  # fmt: skip
    weights = "，".join(f"{name} {100 * share:.0f}%" for name, share in composite.weights.items())
    head = ("单位", "综合", "95% 下限", "95% 上限", "权重带下限", "权重带上限", "共同因子", *LAYERS, "缺的层")
    return Sheet("综合与分层", head, tuple(rows), f"权重方案 {composite.scheme}：{weights}")


def xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with a sheet each; no cell is a formula."""
    import io

    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    from dashboards.exports import neutral

    book = Workbook()
    book.remove(book.active)
    for one in sheets:
        sheet = book.create_sheet(one.name)
        sheet.append([neutral(one.note)])
        sheet.append(list(one.head))
        for cell in sheet[2]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "B3"
        for row in one.rows:
            sheet.append([neutral(cell) if isinstance(cell, str) else cell for cell in row])
        for place, title in enumerate(one.head, start=1):
            sheet.column_dimensions[get_column_letter(place)].width = (
                48 if title in ("口径", "说明") else max(10, 2 * len(title) + 2)
            )
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def word(sheets: Sequence[Sheet], title: str) -> bytes:
    """The same as a Word document for the back of a report: a heading and a table each, on A4."""
    import io

    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    from dashboards.exports import printable
    from dashboards.word import BLACK, LATIN, SONG

    made = Document()
    section = made.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(20)

    def put(paragraph: object, text: str, font: str, size: float) -> None:
        run = paragraph.add_run(printable(text))  # type: ignore[attr-defined]
        run.font.name, run.font.size = LATIN, Pt(size)
        run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)

    head = made.add_paragraph()
    head.alignment = WD_ALIGN_PARAGRAPH.CENTER
    put(head, title, BLACK, 16)
    for one in sheets:
        put(made.add_paragraph(), one.name, BLACK, 14)
        put(made.add_paragraph(), one.note, SONG, 10.5)
        kept = [
            place
            for place in range(len(one.head))
            if place == 0 or any(row[place] not in (None, "") for row in one.rows)
        ]
        table = made.add_table(rows=1, cols=len(kept), style="Table Grid")
        for cell, place in zip(table.rows[0].cells, kept, strict=True):
            put(cell.paragraphs[0], one.head[place], BLACK, 9)
        for row in one.rows:
            for cell, place in zip(table.add_row().cells, kept, strict=True):
                put(cell.paragraphs[0], written(row[place]), SONG, 9)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def written(cell: Cell) -> str:
    """A cell's value as text."""
    if cell is None:
        return formats.DASH
    return (
        f"{cell:,.2f}".rstrip("0").rstrip(".")
        if isinstance(cell, float)
        else f"{cell:,}"
        if isinstance(cell, int)
        else cell
    )
