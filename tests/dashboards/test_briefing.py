import io
import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Pt
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.briefing import Briefing, compose
from dashboards.word import FALLBACKS, LINE_PITCH, word
from indices.civic.metrics import measure
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.figures import Hotspot, Hotspots, Metric, Sentence, Source
from models.labels import Level
from models.query import Query
from models.record import Annotation, Record

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


def order(number: int, back: int = 0, **fields: object) -> Record:
    note = Annotation(model="m", topic=("城乡建设", "环境保护")[number % 2], demand_type="投诉")
    base = {"id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": f"A{number}", "annotation": note,
            "created_at": NOON - timedelta(days=back, minutes=number), "title": f"路灯不亮{number}", "text": "x", "speaker": f"s{number}"}  # fmt: skip
    return Record.model_validate({**base, **fields})


def store_of(records: Sequence[Record]) -> MemoryStore:
    store = MemoryStore()
    store.upsert(records)
    return store


def city() -> MemoryStore:
    today = [order(n) for n in range(10)]
    return store_of(today + [order(100 + n, 1) for n in range(12)] + [order(200 + n, 7) for n in range(8)])


def hotspots(*found: Hotspot, silent: tuple[str, ...] = ()) -> Hotspots:
    query = Query(since=day_start(DAY - timedelta(days=6)), until=day_start(DAY + timedelta(days=1)))
    return Hotspots(
        hotspots=found,
        source=Source(query=query, n=30, computed_at=NOON, versions={"rules": "1"}),
        silent_sources=silent,
    )


def hotspot(**fields: object) -> Hotspot:
    base = {"rank": 1, "title": "柳堤路路灯成片不亮", "heat": 80.0, "parts": {}, "count": 3, "people": 3, "first": NOON - timedelta(days=2), "last": NOON,
            "places": ("柳堤路",), "topic": "城乡建设", "level": Level.ORANGE, "members": ("A0", "A1", "A2"), "key": "k",
            "sentences": (Sentence(text="整条路的路灯都不亮。", id="A1"),), "record_ids": tuple(f"{n:032x}" for n in range(3)), "expected": 0.4,
            "channels": ("hotline",), "department": "城管"}  # fmt: skip
    return Hotspot.model_validate({**base, **fields})


def text_of(briefing: Briefing) -> str:
    return "\n".join(
        s.text for sec in briefing.sections for s in (*sec.statements, *(one for item in sec.items for one in item))
    )


def made(store: MemoryStore | None = None, found: Hotspots | None = None, metrics: Sequence[Metric] = ()) -> Briefing:
    return compose(store or city(), DAY, found or hotspots(hotspot()), metrics, city="云溪市")


def test_the_parts_of_the_trade_stand_in_their_order() -> None:
    assert [s.heading for s in made().sections] == [
        "受理概况",
        "诉求分类",
        "承办情况",
        "热点难点",
        "重复投诉",
        "督办、批示落实",
    ]


def test_the_counts_are_the_stores_and_the_changes_add_up() -> None:
    text = text_of(made())
    assert "共受理 10 件，较前一日（12 件）减少 2 件，较上周同日（8 件）增加 2 件" in text
    assert "热线电话 10 件" in text
    assert "投诉 10 件" in text


def test_every_number_of_a_sentence_has_a_claim() -> None:
    store = city()
    metrics = [
        measure(store, "satisfaction_rate", Query()),
        measure(store_of([order(1, rating=5)]), "satisfaction_rate", Query()),
    ]
    briefing = made(store, metrics=metrics)
    for section in briefing.sections:
        for statement in (*section.statements, *(one for item in section.items for one in item)):
            if re.search(r"\d[\d,.]* (件|人)|%", statement.text):
                assert statement.claims, statement.text


def test_plain_counts_carry_ids_and_a_query_that_gives_them_again() -> None:
    store = city()
    plain = [claim for claim in made(store).claims if not claim.computed and claim.value]
    assert plain
    for claim in plain:
        assert claim.ids
        assert store.search(claim.query).total == claim.value


def test_no_hotspot_is_an_answer_and_a_silent_source_is_said() -> None:
    assert "今日无达到阈值的热点。" in text_of(made(found=hotspots()))
    assert "信箱 没有数据进来" in text_of(made(found=hotspots(silent=("信箱",))))


def test_an_orange_hotspot_waits_for_a_person_and_is_quoted_verbatim() -> None:
    text = text_of(made())
    assert "（橙，待人工确认）" in text
    assert "“整条路的路灯都不亮。”（A1）" in text
    assert "待人工确认" not in text_of(made(found=hotspots(hotspot(level=Level.YELLOW))))


def test_an_empty_day_asks_for_the_sources() -> None:
    assert "没有受理记录，请先核对数据源" in text_of(made(store_of([order(1, 1)])))


def test_repeated_callers_are_counted() -> None:
    store = store_of([order(2 * n, speaker="s") for n in range(4)])
    assert "1 人就同一类问题反映 3 次以上，共 4 件" in text_of(made(store))


def document_of(briefing: Briefing):  # type: ignore[no-untyped-def]
    return Document(io.BytesIO(word(briefing)))


def test_the_page_is_that_of_the_standard() -> None:
    section = document_of(made()).sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(margin.mm) for margin in margins] == [37, 35, 28, 26]
    grid = section._sectPr.find(qn("w:docGrid"))
    assert {k: grid.get(qn(f"w:{k}")) for k in ("type", "linePitch", "charSpace")} == {
        "type": "linesAndChars",
        "linePitch": "579",
        "charSpace": "-850",
    }
    assert document_of(made()).settings.odd_and_even_pages_header_footer


def test_22_lines_and_28_characters_fit_the_type_area() -> None:
    assert 22 * LINE_PITCH / 20 <= (297 - 37 - 35) / 25.4 * 72
    assert 28 * (16 - 5 / 20) <= (210 - 28 - 26) / 25.4 * 72 < 29 * (16 - 5 / 20)


def test_fonts_and_sizes_of_title_headings_and_body() -> None:
    document = document_of(made())
    seen = [
        (p.text, p.runs[0]._r.rPr.rFonts.get(qn("w:eastAsia")), p.runs[0].font.size)
        for p in document.paragraphs
        if p.runs and p.text
    ]
    assert seen[0] == ("云溪市民生诉求每日简报", "方正小标宋简体", Pt(22))
    by_text = {text: (font, size) for text, font, size in seen}
    assert by_text["一、受理概况"] == ("黑体", Pt(16))
    assert next(v for t, v in by_text.items() if t.startswith("（一）")) == ("楷体_GB2312", Pt(16))
    assert next(v for t, v in by_text.items() if "共受理" in t) == ("仿宋_GB2312", Pt(16))


def test_each_font_is_named_with_a_fallback() -> None:
    table = zipfile.ZipFile(io.BytesIO(word(made()))).read("word/fontTable.xml").decode()
    for name, other in FALLBACKS.items():
        assert f'<w:font w:name="{name}"><w:altName w:val="{other}"/>' in table


def test_page_numbers_stand_right_on_odd_and_left_on_even_pages() -> None:
    section = document_of(made()).sections[0]
    sides = [
        (f.paragraphs[0].alignment.name, "PAGE" in f._element.xml, f.paragraphs[0].text)
        for f in (section.footer, section.even_page_footer)
    ]  # type: ignore[union-attr]
    assert sides == [("RIGHT", True, "—  —"), ("LEFT", True, "—  —")]


def test_every_claim_has_its_row_in_the_appendix() -> None:
    briefing = made()
    rows = document_of(briefing).tables[0].rows
    assert [row.cells[0].text for row in rows] == ["序号", *(str(n) for n in range(1, len(briefing.claims) + 1))]
    assert "A0" in rows[1].cells[3].text


@given(st.text(max_size=80))
@settings(max_examples=25, deadline=None)
def test_a_document_survives_any_text(text: str) -> None:
    one = hotspot(title=text, sentences=(Sentence(text=text, id="A1"),), places=(text,), department=text)
    assert len(document_of(made(found=hotspots(one))).paragraphs) > 10


@pytest.mark.parametrize("size", [0, 1, 7])
def test_at_most_five_hotspots_on_the_paper(size: int) -> None:
    briefing = made(found=hotspots(*(hotspot(rank=n + 1) for n in range(size))))
    assert briefing.hotspots == min(size, 5) == len(briefing.sections[3].items)
