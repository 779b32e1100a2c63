"""The briefing as PDF: Chinese is drawn, nothing in a text is markup, and a city may bring its own layout."""

import io
import random
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from dashboards import pdf as module
from dashboards.briefing import Briefing, Claim, Section, Statement
from dashboards.pdf import MISSING, pdf
from dashboards.word import word
from models.errors import BadSetting, NoChineseFont
from models.query import Query

TEXTS = 1_000

try:
    module.chosen_fonts()
except NoChineseFont as error:
    pytest.skip(f"no Chinese font on this machine: {error}", allow_module_level=True)


def paper(*texts: str, **changed: object) -> Briefing:
    claim = Claim(value=12, words="当日受理", query=Query(), ids=("A1", "A2"))
    statements = tuple(Statement(text=text, claims=(claim,)) for text in texts or ("3 月 10 日共受理 12 件。",))
    items = ((Statement(text="柳堤路路灯成片不亮（橙）。"), Statement(text="共 12 件。", claims=(claim,))),)
    base = {"day": date(2026, 3, 10), "city": "云溪市", "made_at": datetime(2026, 3, 11, tzinfo=UTC), "hotspots": 1, "versions": {"rules": "1"},
            "sections": (Section(heading="受理概况", statements=statements), Section(heading="热点难点", items=items))}  # fmt: skip
    return Briefing.model_validate({**base, **changed})


def read(made: bytes) -> tuple[PdfReader, str]:
    reader = PdfReader(io.BytesIO(made))
    return reader, "".join("".join(page.extract_text().split()) for page in reader.pages)


def test_the_paper_and_its_sources_stand_on_pages_of_the_standard() -> None:
    reader, text = read(pdf(paper()))
    assert len(reader.pages) == 2
    assert [round(float(side) / 72 * 25.4) for side in reader.pages[0].mediabox[2:]] == [210, 297]
    for part in (
        "云溪市民生诉求每日简报",
        "（2026年3月10日）",
        "一、受理概况",
        "（一）柳堤路路灯成片不亮",
        "〔1〕",
        "附：数字出处",
        "—1—",
        "—2—",
        "A1、A2",
    ):
        assert part in text, part
    assert reader.metadata is not None
    assert reader.metadata.title == "云溪市民生诉求每日简报"


def test_its_glyphs_are_really_drawn_by_fonts_that_are_in_the_file() -> None:
    reader, _ = read(pdf(paper()))
    fonts = {name: font.get_object() for page in reader.pages for name, font in page["/Resources"]["/Font"].items()}
    assert fonts
    for font in fonts.values():
        descendant = font["/DescendantFonts"][0].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descendant["/FontDescriptor"].get_object())
    import typst

    drawn = module.chosen_fonts()["body"][0]
    source = '#set page(width: 60pt, height: 60pt, margin: 5pt)\n#set text(size: 40pt, font: "%s")\n%s'
    pictures = [
        typst.compile((source % (drawn, character)).encode(), format="svg") for character in ("民", "声", "\U000e0041")
    ]
    assert len({len(picture) for picture in pictures}) == 3  # two shapes, and nothing where there is no glyph


def test_twenty_two_lines_of_twenty_eight_characters() -> None:
    reader, _ = read(pdf(paper("民" * 28 * 60)))
    lines = [line for line in reader.pages[1].extract_text().splitlines() if "民" in line]
    assert len(lines) == 22
    assert {line.count("民") for line in lines} == {28}


def test_a_character_without_glyph_is_marked_and_counted() -> None:
    _, text = read(pdf(paper("他写了\U000e0041和\U0010fffd两个字")))
    assert f"他写了{MISSING}和{MISSING}两个字" in text
    assert "有2个字的字形缺失" in text


def test_markup_in_a_text_is_text() -> None:
    hostile = [
        '#panic("x")',
        "$x^2$",
        "*粗* _斜_",
        "\\ // /* ",
        '#read("/etc/passwd")',
        "= 标题",
        "<label> @ref",
        "\u202e反向\x00\ud800",
    ]
    _, text = read(pdf(paper(*hostile)))
    for part in ('#panic("x")', "$x^2$", "*粗*_斜_", '#read("/etc/passwd")', "=标题", "<label>@ref"):
        assert part in text, part


def test_a_thousand_random_texts_become_word_and_pdf() -> None:
    """S9. Any character that a text can hold, fifty texts a paper."""
    rng = random.Random(9)
    alphabet = [chr(code) for span in ((0, 0x250), (0x2000, 0x2070), (0x3000, 0x3100), (0x4E00, 0x9FFF), (0xD800, 0xE010), (0xFE00, 0x10000), (0x1F300, 0x1F650))
                for code in range(*span)]  # fmt: skip
    made = 0
    for _ in range(TEXTS // 50):
        one = paper(*("".join(rng.choices(alphabet, k=rng.randint(1, 60))) for _ in range(50)))
        assert word(one).startswith(b"PK")
        assert len(PdfReader(io.BytesIO(pdf(one))).pages) >= 2
        made += 50
    sys.stdout.write(f"S9：{made} 段任意文字都成了 Word 和 PDF\n")


def test_a_city_may_bring_its_own_layout(tmp_path: Path) -> None:
    own = tmp_path / "briefing.typ"
    own.write_text(
        "#let paper = json(bytes(sys.inputs.paper))\n#let fonts = json(bytes(sys.inputs.fonts))\n"
        "#set text(font: fonts.body)\n本市版式：#paper.title",
        encoding="utf-8",
    )
    reader, text = read(pdf(paper(), own))
    assert (len(reader.pages), text) == (1, "本市版式：云溪市民生诉求每日简报")
    assert "附：数字出处" in read(pdf(paper(), tmp_path / "absent.typ"))[1]
    own.write_text("#let x = ", encoding="utf-8")
    with pytest.raises(BadSetting, match=r"briefing\.typ"):
        pdf(paper(), own)
    own.write_text('#read("/etc/hostname")', encoding="utf-8")
    with pytest.raises(BadSetting):
        pdf(paper(), own)  # nothing outside its own folder


def test_corrections_and_papers_of_incidents_say_what_they_are() -> None:
    assert "（2026年3月10日，更正第2号）" in read(pdf(paper(correction=2)))[1]
    assert "关于“夜间施工”的情况" in read(pdf(paper(kind="incident", subject="夜间施工", first=date(2026, 3, 1))))[1]


def test_without_a_chinese_font_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    module.chosen_fonts.cache_clear()
    monkeypatch.setattr(module, "_installed", dict)
    with pytest.raises(NoChineseFont, match="Noto Serif CJK SC"):
        pdf(paper())
    module.chosen_fonts.cache_clear()
