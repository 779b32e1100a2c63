from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from nlp.segment import dictionary_words
from nlp.tokenizer import MASKED, SPECIAL
from nlp.training.vocabulary import LEAST_ASCII, LEAST_CHARACTER, choose, count_sources, count_words, usual_characters

BASIC = len(choose({}))


def test_words_are_counted_in_lower_case_with_numbers_and_signs() -> None:
    assert count_words(["小区路灯，打12345", "路灯 App"]) == Counter(
        {"路灯": 2, "小区": 1, "，": 1, "打": 1, "12345": 1, "app": 1}
    )


def test_sources_count_by_their_passes() -> None:
    counts = count_sources({"civic": ["路灯"], "laws": ["路灯 规定"], "ours": ["规定"]}, {"civic": 5.0, "laws": 0.25})
    assert counts == {"路灯": 5.25, "规定": 1.25}


def test_usual_characters_are_those_of_the_standard() -> None:
    characters = usual_characters()
    assert len(characters) == len(set(characters)) == 6_763
    assert characters[0] == "啊"
    assert all("\u4e00" <= character <= "\u9fff" for character in characters)


def test_without_texts_it_holds_special_tokens_and_usual_characters() -> None:
    tokens = choose({})
    assert tuple(tokens[: len(SPECIAL)]) == SPECIAL
    assert tuple(tokens[len(SPECIAL) : len(SPECIAL) + len(MASKED)]) == MASKED
    assert {*"abcxyz0189!?#~[]()", *usual_characters()} < set(tokens)
    assert not set("ABZ") & set(tokens)


def test_rare_characters_enter_when_they_were_seen_often() -> None:
    tokens = choose({"䶮": LEAST_CHARACTER, "㐂": LEAST_CHARACTER - 1, "😊": 9, "，": 50})
    assert tokens[BASIC:] == ["，", "😊", "䶮"]


def test_frequent_words_of_the_dictionary_come_first_and_nothing_else_enters() -> None:
    counts = {"路灯": 20.0, "物业费": 30.0, "路灯张三丰": 900.0, "荷塘柳": 900.0, "老": 1.0}
    assert choose(counts)[BASIC:] == ["物业费", "路灯"]
    assert choose(counts, BASIC + 1)[BASIC:] == ["物业费"]


def test_latin_words_and_numbers_must_be_frequent_and_numbers_short() -> None:
    often = float(LEAST_ASCII)
    counts = {"app": often, "xyzzy": often - 1, "12345": often, "4008200": often, "13800138000": 10 * often}
    assert choose(counts)[BASIC:] == ["app", "12345"]


def test_every_character_of_a_word_is_a_token_too() -> None:
    """Else a word with that character could not be cut, and transformers would call all of it unknown."""
    usual = set(choose({}))
    word = next(word for word in sorted(dictionary_words()) if len(word) == 2 and not usual & set(word))
    assert word not in choose({word: LEAST_CHARACTER - 1.0})
    assert {word, *word} <= set(choose({word: float(LEAST_CHARACTER)}))


@settings(max_examples=20, deadline=None)
@given(
    st.permutations([("路灯", 3.0), ("噪音", 3.0), ("😊", 7.0), ("😀", 7.0), ("物业", 1.0)]), st.integers(5, BASIC + 4)
)
def test_the_order_of_counting_changes_nothing(pairs: list[tuple[str, float]], size: int) -> None:
    tokens = choose(dict(pairs), size)
    assert len(tokens) == size
    assert tokens == choose({"😀": 7.0, "物业": 1.0, "路灯": 3.0, "噪音": 3.0, "😊": 7.0}, size)
