from __future__ import annotations

import time
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.entities import entities, main_object
from nlp.mask import mask


def found(text: str) -> list[tuple[str, str]]:
    return [(entity.text, entity.kind) for entity in entities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A3区望城坡街道幸福花园小区电梯坏了",
            [("A3区", "place"), ("望城坡街道", "place"), ("幸福花园小区", "community")],
        ),
        ("人民中路的路灯不亮", [("人民中路", "road")]),
        ("宏达房地产开发有限公司拖欠工资", [("宏达房地产开发有限公司", "organisation")]),
        ("联系人张*，电话138****8000", [("张*", "person")]),
        ("市公安局交警支队不作为", [("市公安局交警支队", "organisation")]),
        ("我们小区的物业公司和派出所都不管", []),
        ("老小区没有停车场，马路对面的学校也没有", []),
        ("", []),
    ],
)
def test_finds_named_things_only(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_the_table_knows_where_a_name_begins() -> None:
    assert ("橘子洲街道", "place") in found("住在橘子洲街道的居民") or ("岳麓区", "place") in found("住在岳麓区的居民")
    assert found("家住天心区") == [("天心区", "place")]


def test_stars_of_numbers_and_doors_are_no_persons() -> None:
    assert found("尾号****1234，*栋*单元*室，138****8000") == []


def test_span_f1_on_marked_sentences(entity_sentences: ModuleType) -> None:
    """Sentences that it was made with: a floor that a change may not fall below, no estimate for others."""
    marked = entity_sentences.sentences()
    spans = [frozenset((entity.start, entity.end, entity.kind) for entity in entities(one.text)) for one in marked]
    assert entity_sentences.f1(spans, marked) >= 0.85


def object_of(text: str) -> str:
    found = main_object(text)
    assert found is not None
    assert text[found.start : found.end] == found.text
    return found.text


def test_main_object_joins_what_touches_and_prefers_the_finer() -> None:
    assert object_of("请区政府管管A3区幸福花园小区的噪音") == "A3区幸福花园小区"
    assert object_of("请A3区政府管管") == "A3区政府"
    assert object_of("天心区何时通地铁") == "天心区"
    assert main_object("孩子入学怎么办") is None
    assert main_object("联系人张*") is None


PIECES = "幸福 花园 小区 人民路 岳麓区 望江街道 公司 的 和 ， 张* 138****8000 3 A7县 请 大 物业 \n 局 村"
TEXTS = st.lists(st.sampled_from(PIECES.split(" ")), max_size=25).map("".join)


@settings(max_examples=80, deadline=None)
@given(TEXTS | st.text(max_size=60))
def test_spans_are_verbatim_in_order_and_apart(text: str) -> None:
    end = 0
    for entity in entities(text):
        assert end <= entity.start < entity.end <= len(text)
        assert text[entity.start : entity.end] == entity.text
        end = entity.end


@pytest.mark.parametrize("unit", ["小区", "岳麓区", "A7县", "路", "公司花园", "张*", "字", "3", "，"])
def test_time_is_bounded(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    entities("先装载词表：岳麓区")
    start = time.process_time()
    entities(text)
    assert time.process_time() - start < 1.0


def test_finds_persons_that_the_masker_left() -> None:
    masked = mask("经办人李小龙，找过王建国主任").text
    assert [entity.text for entity in entities(masked) if entity.kind == "person"] == ["李*", "王*"]
