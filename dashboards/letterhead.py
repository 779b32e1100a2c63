"""A city's own Word template: its head, its 版记, its page, around the paper.

The paper stands where the template has a paragraph `{{正文}}` (at the end, where it has none). `{{标题}}`, `{{期间}}` and `{{日期}}` are
filled in wherever they stand, in tables, headers and footers too; a template that has `{{标题}}` sets the title itself. Page size, margins,
grid and footers are the template's.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.errors import BadFile

if TYPE_CHECKING:
    from docx.document import Document

NAME: Final = "briefing.docx"
BODY, TITLE, SPAN, DATE = "{{正文}}", "{{标题}}", "{{期间}}", "{{日期}}"
MOST_BYTES: Final = 20_000_000


class Letterhead:
    """An opened template, whose last part (`close`) comes behind what is added.

    Attributes:
        document: to be written into.
        titled: whether the template sets the title.
    """

    def __init__(self, path: Path, values: Mapping[str, str]) -> None:
        """`values`: what the marks `TITLE`, `SPAN` and `DATE` stand for.

        Raises:
            BadFile: it is no Word document, or has the place of the paper twice.
        """
        self.document = _open(path)
        self.titled = False
        for paragraph in _everywhere(self.document):
            for mark, value in values.items():
                if mark in paragraph.text:
                    self.titled |= mark == TITLE
                    _fill(paragraph, mark, value)
        places = [paragraph for paragraph in self.document.paragraphs if paragraph.text.strip() == BODY]
        if len(places) > 1:
            raise BadFile(file=str(path), reason=f"{BODY} 出现了 {len(places)} 次，应至多一次")
        self._behind: list[Any] = []
        for place in places:
            self._behind = [one for one in place._p.itersiblings() if not one.tag.endswith("}sectPr")]
            for one in (place._p, *self._behind):
                one.getparent().remove(one)

    def close(self) -> None:
        """Put back what stands behind the paper."""
        last = self.document.element.body.sectPr
        for one in self._behind:
            last.addprevious(one)


def _open(path: Path) -> Document:
    from docx import Document as read
    from docx.opc.exceptions import PackageNotFoundError

    try:
        content = path.read_bytes()
        if len(content) > MOST_BYTES:
            raise BadFile(file=str(path), reason=f"有 {len(content):,} 字节，至多 {MOST_BYTES:,}")
        return read(io.BytesIO(content))
    except (OSError, ValueError, KeyError, PackageNotFoundError, SyntaxError, zipfile.BadZipFile) as error:
        raise BadFile(
            file=str(path), reason=f"不是 Word 文档（{type(error).__name__}）。请用 Word 另存为 .docx，或移走它"
        ) from error


def _everywhere(document: Document) -> Iterator[Any]:
    """Every paragraph of the body, of tables within it, of headers and footers."""
    parts: list[Any] = [document]
    for section in document.sections:
        for kind in ("", "even_page_", "first_page_"):
            parts += [getattr(section, f"{kind}header"), getattr(section, f"{kind}footer")]
    for part in parts:
        if part is not document and part.is_linked_to_previous:
            continue  # asking for its content would make one
        yield from part.paragraphs
        for table in part.tables:
            for cell in table._cells:
                yield from cell.paragraphs


def _fill(paragraph: Any, mark: str, value: str) -> None:
    """Replace a mark, which Word may have spread over several runs; the first of them gives the font."""
    start = 0
    while (start := "".join(run.text for run in paragraph.runs).find(mark, start)) >= 0:
        end, place = start + len(mark), 0
        for run in paragraph.runs:
            begin, place = place, place + len(run.text)
            if place <= start or begin >= end:
                continue
            text, low, high = run.text, max(start - begin, 0), min(end - begin, len(run.text))
            run.text = text[:low] + (value if begin <= start else "") + text[high:]
        start += len(value)  # what was filled in is not read again
