from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nlp.keywords import idf, keywords
from nlp.segment import segment


def test_says_what_a_text_is_about() -> None:
    title = segment("阳光花园小区物业费涨价，电梯经常坏")
    text = segment(
        "您好，我是业主，物业公司把物业费涨到3.5元，电梯三天两头坏，高层老人上下楼困难，希望有关部门尽快处理，谢谢！"
    )
    words = keywords(title, text)
    assert {"物业费", "电梯", "涨价"} <= set(words)
    assert not {"您好", "谢谢", "希望", "有关", "部门", "处理", "3.5", "元", "我"} & set(words)
    assert len(words) <= 8


def test_a_word_of_the_title_weighs_more() -> None:
    assert keywords(["渣土车"], ["搅拌站"], 1) == ["渣土车"]


def test_rare_words_weigh_more_and_unknown_ones_are_rare() -> None:
    assert idf("渣土车") > idf("小区") > 0
    assert idf("某个不存在的词") > idf("小区")


def test_of_equal_weight_the_first_goes_first() -> None:
    assert keywords([], ["甲乙丙丁", "戊己庚辛"]) == ["甲乙丙丁", "戊己庚辛"]


@given(st.lists(st.text(max_size=4), max_size=20), st.lists(st.text(max_size=4), max_size=20), st.integers(-1, 10))
def test_words_are_distinct_and_stand_there(title: list[str], text: list[str], n: int) -> None:
    words = keywords(title, text, n)
    assert len(words) <= max(n, 0)
    assert len(set(words)) == len(words)
    assert set(words) <= set(title) | set(text)
    assert all(len(word) > 1 and not word.isdigit() for word in words)
