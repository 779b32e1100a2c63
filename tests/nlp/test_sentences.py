from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("路灯坏了。没人修！怎么办？", ["路灯坏了。", "没人修！", "怎么办？"]),
        ("他说：“不归我管。”然后挂了电话。", ["他说：“不归我管。”", "然后挂了电话。"]),
        ("第一段\n\n第二段", ["第一段", "第二段"]),
        ("涨到3.5元/平方米，网址www.city.gov.cn。", ["涨到3.5元/平方米，网址www.city.gov.cn。"]),
        ("It is broken. Please help.", ["It is broken.", "Please help."]),
        ("为什么？？！！等了三年……还没有", ["为什么？？！！", "等了三年……", "还没有"]),
        ("没有标点", ["没有标点"]),
        ("。！？", []),
        ("", []),
    ],
)
def test_splits_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet="路灯坏了ab3。！？；.…”\n \u3000", max_size=80))
def test_each_sentence_really_stands_there(text: str) -> None:
    end = 0
    for sentence in sentence_spans(text):
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip() != ""
        assert not any(character.isalnum() for character in text[end : sentence.start])
        end = sentence.end
    assert not any(character.isalnum() for character in text[end:])


@pytest.mark.parametrize("unit", ["。", "a.", "字", "\n", "”", " "])
def test_is_linear(unit: str) -> None:
    start = time.process_time()
    sentences((unit * 200_000)[:200_000])
    assert time.process_time() - start < 2.0
