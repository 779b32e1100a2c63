"""A city's own Word template around the paper: what stood there stays, the paper stands at its place, marks are filled in."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from docx import Document
from docx.shared import Mm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.briefing import Briefing, Claim, Section, Statement
from dashboards.word import word
from models.errors import BadFile
from models.query import Query


def paper(**changed: object) -> Briefing:
    claim = Claim(value=12, words="当日受理", query=Query(), ids=("A1",))
    base = {"day": date(2026, 3, 10), "city": "云溪市", "made_at": datetime(2026, 3, 11, tzinfo=UTC), "hotspots": 0, "versions": {},
            "sections": (Section(heading="受理概况", statements=(Statement(text="共受理 12 件。", claims=(claim,)),)),)}  # fmt: skip
    return Briefing.model_validate({**base, **changed})


@pytest.fixture
def template(tmp_path: Path) -> Callable[..., Path]:
    """template(*paragraphs, footer="") -> Path"""

    def make(*paragraphs: str, footer: str = "", width: int = 200) -> Path:
        document = Document()
        document.sections[0].page_width = Mm(width)
        for text in paragraphs:
            document.add_paragraph(text)
        if footer:
            document.sections[0].footer.paragraphs[0].text = footer
        path = tmp_path / "briefing.docx"
        document.save(str(path))
        return path

    return make


def lines(content: bytes) -> list[str]:
    return [paragraph.text for paragraph in Document(io.BytesIO(content)).paragraphs if paragraph.text]


def test_the_paper_stands_between_the_head_and_the_foot_of_the_city(template: Callable[..., Path]) -> None:
    made = word(paper(), template("云溪市政务热线专报", "{{正文}}", "抄送：市委办公室"))
    found = lines(made)
    assert found[:3] == ["云溪市政务热线专报", "云溪市民生诉求每日简报", "（2026年3月10日）"]
    assert found[-1] == "抄送：市委办公室"
    assert "一、受理概况" in found and not any("{{" in line for line in found)  # noqa: PT018
    assert round(Document(io.BytesIO(made)).sections[0].page_width.mm) == 200


def test_without_a_place_the_paper_comes_behind(template: Callable[..., Path]) -> None:
    assert lines(word(paper(), template("专报")))[:2] == ["专报", "云溪市民生诉求每日简报"]


def test_a_template_that_sets_the_title_is_not_given_another(template: Callable[..., Path]) -> None:
    found = lines(
        word(paper(correction=2), template("{{标题}}", "第 1 期 {{期间}} {{日期}}", "{{正文}}", footer="{{标题}} 内部"))
    )
    assert found[:3] == ["云溪市民生诉求每日简报", "第 1 期 2026年3月10日，更正第2号 2026年3月11日", "一、受理概况"]
    made = word(paper(), template("{{标题}}", footer="{{标题}} 内部"))
    assert Document(io.BytesIO(made)).sections[0].footer.paragraphs[0].text == "云溪市民生诉求每日简报 内部"


def test_marks_in_a_table_and_over_several_runs_are_filled(tmp_path: Path) -> None:
    document = Document()
    cell = document.add_table(1, 1).cell(0, 0).paragraphs[0]
    for part in ("印发：{", "{日", "期}}", "，共 30 份"):
        cell.add_run(part).bold = part == "{日"
    path = tmp_path / "t.docx"
    document.save(str(path))
    table = Document(io.BytesIO(word(paper(), path))).tables[0]
    assert table.cell(0, 0).text == "印发：2026年3月11日，共 30 份"


def test_without_a_template_the_standard_layout(tmp_path: Path) -> None:
    assert lines(word(paper(), tmp_path / "none.docx")) == lines(word(paper()))


@pytest.mark.parametrize("content", [b"", b"not a document", b"PK\x03\x04broken"])
def test_what_is_no_word_document_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "briefing.docx"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"briefing\.docx 无法读取：不是 Word 文档"):
        word(paper(), path)


def test_two_places_are_refused(template: Callable[..., Path]) -> None:
    with pytest.raises(BadFile, match="出现了 2 次"):
        word(paper(), template("{{正文}}", "{{正文}}"))


def test_a_value_that_reads_like_a_mark_is_not_read_again(template: Callable[..., Path]) -> None:
    found = lines(word(paper(city="{{标题}}市{{正文}}"), template("{{标题}}")))
    assert found[0] == "{{标题}}市{{正文}}民生诉求每日简报"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=40), st.lists(st.integers(1, 6), max_size=6))
def test_any_city_and_any_cut_of_a_mark(tmp_path: Path, city: str, cuts: list[int]) -> None:
    text, parts = "甲{{标题}}乙", []
    for cut in cuts:
        parts.append(text[:cut])
        text = text[cut:]
    document = Document()
    paragraph = document.add_paragraph()
    for part in (*parts, text):
        paragraph.add_run(part)
    path = tmp_path / "briefing.docx"
    document.save(str(path))
    first = Document(io.BytesIO(word(paper(city=city), path))).paragraphs[0].text
    assert first.startswith("甲")
    assert first.endswith("民生诉求每日简报乙")
