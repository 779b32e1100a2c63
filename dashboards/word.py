"""The briefing as a Word document in the layout of GB/T 9704-2012 (domain.md §5).

A4; margins 37/35/28/26 mm; 22 lines of 28 characters by a document grid; body 仿宋 16 pt, title 小标宋 22 pt, headings 黑体 and
楷体; page numbers 宋体 14 pt between dashes, right on odd and left on even pages; the date in Arabic digits. The fonts are
licensed: they are named, with the fallback that Word is to use where one is missing, and none is shipped.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from dashboards import letterhead
from dashboards.briefing import Briefing, Claim, Section, Statement
from dashboards.exports import printable
from models.clock import CITY_TIME, city_day

if TYPE_CHECKING:
    from docx.document import Document
    from docx.text.paragraph import Paragraph

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BODY, TITLE, BLACK, KAI, SONG = "仿宋_GB2312", "方正小标宋简体", "黑体", "楷体_GB2312", "宋体"
# What Word takes instead, the first that is installed.
FALLBACKS: Final = {
    BODY: "仿宋;FangSong;STFangsong;FandolFang;Noto Serif CJK SC", TITLE: "华文中宋;STZhongsong;宋体;Noto Serif CJK SC",
    BLACK: "SimHei;Noto Sans CJK SC", KAI: "楷体;KaiTi;STKaiti;Noto Serif CJK SC", SONG: "SimSun;Noto Serif CJK SC",
}  # fmt: skip
LATIN: Final = "Times New Roman"
MARGINS_MM: Final = {"top_margin": 37, "bottom_margin": 35, "left_margin": 28, "right_margin": 26}
BODY_PT, TITLE_PT, NUMBER_PT, NOTE_PT = 16, 22, 14, 10.5
# 22 lines on 225 mm and 28 characters on 156 mm, in Word's units (twentieths of a point; 4096ths of one).
LINE_PITCH, CHARACTER_SPACE = 579, -850
RUN_SPACING: Final = -5  # twentieths of a point: 28 × 15.75 pt stay within 156 mm
_SOURCE_WIDTHS_MM: Final = (12, 40, 52, 52)
IDS: Final = 6  # on paper; the JSON beside it holds 20, the query all
_SPACED = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\d.])|(?<=[\d%]) (?=[\u3000-\u9fff])")
NUMERALS: Final = "一二三四五六七八九十"


def word(briefing: Briefing, template: Path | None = None) -> bytes:
    """The document; it holds any text (control characters are left out).

    `template`: a city's own (`dashboards.letterhead`), if the file is there.

    Raises:
        BadFile: the template is no Word document.
    """
    made = city_day(briefing.made_at)
    date = f"{made.year}年{made.month}月{made.day}日"
    number = f"，更正第{briefing.correction}号" if briefing.correction else ""
    span = f"{briefing.span}{number}"
    head = _letterhead(template, {letterhead.TITLE: briefing.title, letterhead.SPAN: span, letterhead.DATE: date})
    document = head.document if head else _blank()
    _fonts(document)
    if not (head and head.titled):
        _line(document, briefing.title, TITLE, TITLE_PT, centre=True)
        _line(document, f"（{span}）", KAI, BODY_PT, centre=True)
    notes = Notes()
    for place, section in enumerate(briefing.sections):
        _section(document, f"{NUMERALS[place]}、{section.heading}", section, notes)
    _line(document, date, BODY, BODY_PT, right=True)
    _sources(document, briefing)
    if head:
        head.close()
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _letterhead(template: Path | None, values: dict[str, str]) -> letterhead.Letterhead | None:
    if template is None or not template.is_file():
        return None
    return letterhead.Letterhead(template, {mark: printable(value) for mark, value in values.items()})


def _blank() -> Document:
    from docx import Document as new

    document = new()
    _page(document)
    return document


class Notes:
    """Numbers the claims in the order of the paper."""

    def __init__(self) -> None:
        self._next = 1

    def mark(self, statement: Statement) -> str:
        if not statement.claims:
            return ""
        first, self._next = self._next, self._next + len(statement.claims)
        return f"〔{first}〕" if len(statement.claims) == 1 else f"〔{first}–{self._next - 1}〕"


def _page(document: Document) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm

    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for name, millimetres in MARGINS_MM.items():
        setattr(section, name, Mm(millimetres))
    section.footer_distance = Mm(25)
    properties = section._sectPr
    for old in properties.findall(qn("w:docGrid")):
        properties.remove(old)
    grid = OxmlElement("w:docGrid")
    for key, value in (("type", "linesAndChars"), ("linePitch", LINE_PITCH), ("charSpace", CHARACTER_SPACE)):
        grid.set(qn(f"w:{key}"), str(value))
    properties.append(grid)
    document.settings.odd_and_even_pages_header_footer = True
    _number(section.footer.paragraphs[0], WD_ALIGN_PARAGRAPH.RIGHT)
    _number(section.even_page_footer.paragraphs[0], WD_ALIGN_PARAGRAPH.LEFT)


def _number(paragraph: Paragraph, alignment: Any) -> None:
    """— 1 — , one character in from the edge."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    paragraph.alignment = alignment
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Pt(NUMBER_PT)
    _style(paragraph.add_run("— "), SONG, NUMBER_PT)
    run = paragraph.add_run()
    _style(run, SONG, NUMBER_PT)
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run._r.append(element)
    _style(paragraph.add_run(" —"), SONG, NUMBER_PT)


def _fonts(document: Document) -> None:
    """The body style, and the table of fonts with their fallbacks."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml.ns import qn
    from docx.shared import Pt

    style: Any = document.styles["Normal"]
    style.font.name, style.font.size = LATIN, Pt(BODY_PT)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), BODY)
    try:
        table = document.part.part_related_by(RELATIONSHIP_TYPE.FONT_TABLE)
    except KeyError:  # a template of another program
        return
    entries = "".join(
        f"<w:font w:name={quoteattr(name)}><w:altName w:val={quoteattr(other)}/></w:font>"
        for name, other in FALLBACKS.items()
    )
    table._blob = table.blob.replace(b"</w:fonts>", entries.encode() + b"</w:fonts>")


def _style(run: Any, font: str, size: float) -> None:
    """Font and size. The grid's character spacing is written on each run as well: Word squeezes 16 pt characters into the grid's
    15.8 pt, while LibreOffice would give each of them two places; without snapping both set 28 characters a line.
    """
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    run.font.name, run.font.size = LATIN, Pt(size)
    properties = run._r.get_or_add_rPr()
    properties.get_or_add_rFonts().set(qn("w:eastAsia"), font)
    spacing, snap = OxmlElement("w:spacing"), OxmlElement("w:snapToGrid")
    spacing.set(qn("w:val"), str(RUN_SPACING if size == BODY_PT else 0))
    snap.set(qn("w:val"), "0")
    # The schema's order: fonts …, spacing, …, size, …, snapToGrid stands before spacing.
    properties.get_or_add_rFonts().addnext(snap)
    snap.addnext(spacing)


def _line(
    document: Document,
    text: str,
    font: str,
    size: float,
    *,
    centre: bool = False,
    right: bool = False,
    indent: bool = False,
) -> Any:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = document.add_paragraph()
    paragraph.alignment = (
        WD_ALIGN_PARAGRAPH.CENTER if centre else WD_ALIGN_PARAGRAPH.RIGHT if right else WD_ALIGN_PARAGRAPH.LEFT
    )
    layout = paragraph.paragraph_format
    layout.space_before = layout.space_after = Pt(0)
    if size == BODY_PT:
        layout.line_spacing = Pt(LINE_PITCH / 20)
    if indent:
        layout.first_line_indent = Pt(2 * size)  # two characters
    if right:
        layout.right_indent = Pt(4 * size)  # the date stands four characters in
    _off_grid(paragraph)  # the exact line height and the runs' spacing set the same 22 × 28 in every program
    _style(paragraph.add_run(printable(text)), font, size)
    return paragraph


def _section(document: Document, heading: str, section: Section, notes: Notes) -> None:
    _line(document, heading, BLACK, BODY_PT, indent=True)
    for statement in section.statements:
        _sentence(document, [statement], notes)
    for number, (head, *rest) in enumerate(section.items):
        _line(document, f"（{NUMERALS[number]}）{head.text}", KAI, BODY_PT, indent=True)
        _sentence(document, rest, notes)


def _sentence(document: Document, statements: Sequence[Statement], notes: Notes) -> None:
    paragraph = _line(document, "", BODY, BODY_PT, indent=True)
    for statement in statements:
        _style(paragraph.add_run(printable(spaced(statement.text))), BODY, BODY_PT)
        if mark := notes.mark(statement):
            run = paragraph.add_run(mark)
            _style(run, BODY, BODY_PT)
            run.font.superscript = True


def _sources(document: Document, briefing: Briefing) -> None:
    """附：the source of every number, on a page of its own."""
    from docx.shared import Mm, Pt

    _line(document, "附：数字出处", BLACK, BODY_PT).paragraph_format.page_break_before = True
    table = document.add_table(rows=1, cols=4, style="Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, _SOURCE_WIDTHS_MM, strict=True):
        column.width = Mm(width)
    rows = [
        ("序号", "数字", "条件", "工单编号"),
        *(source_row(n, claim) for n, claim in enumerate(briefing.claims, start=1)),
    ]
    for number, row in enumerate(rows):
        cells = table.rows[0].cells if number == 0 else table.add_row().cells
        for cell, width, text in zip(cells, _SOURCE_WIDTHS_MM, row, strict=True):
            cell.width = Mm(width)
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.line_spacing = Pt(NOTE_PT * 1.3)
            _off_grid(paragraph)
            _style(paragraph.add_run(printable(text)), BLACK if number == 0 else SONG, NOTE_PT)
    versions = "，".join(f"{name} {version}" for name, version in sorted(briefing.versions.items()))
    _line(
        document,
        f"版本：{versions or '—'}；生成于 {briefing.made_at.astimezone(CITY_TIME):%Y-%m-%d %H:%M}。",
        SONG,
        NOTE_PT,
    )


def _off_grid(paragraph: Any) -> None:
    """Lines and characters of the paragraph are not moved by the grid."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    snap = OxmlElement("w:snapToGrid")
    snap.set(qn("w:val"), "0")
    paragraph._p.get_or_add_pPr().insert_element_before(snap, "w:spacing", "w:ind", "w:jc", "w:rPr")


def spaced(text: str) -> str:
    """Official documents set no space between a number and the words around it."""
    return _SPACED.sub("", text)


def source_row(number: int, claim: Claim) -> tuple[str, str, str, str]:
    """Number, value, condition and ids of a claim, as they stand in the list of sources."""
    query = claim.query
    parts = [f"{city_day(query.since)} 起" if query.since else "", f"{city_day(query.until)} 前" if query.until else ""]
    parts += [
        f"{name}={'|'.join(values[:3])}{'…' if len(values) > 3 else ''}" for name, values in query.filters.items()
    ]
    ids = "、".join(claim.ids[:IDS]) + ("…" if len(claim.ids) > IDS else "")
    return (
        str(number),
        f"{claim.words} {claim.value:g}",
        "；".join(filter(None, parts)) or "全部",
        ids or ("计算值" if claim.computed else "—"),
    )
