from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.views.marks import Piece, pieces, snippet, spans, words_of
from models.query import All, Exactly, Not, Some, Tokens

texts = st.text(alphabet="供暖噪音aA<>&. ", max_size=60)
words = st.lists(st.text(alphabet="供暖噪音aA<>&.", max_size=3), max_size=5)


def joined(found: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in found)


@given(texts, words)
def test_pieces_lose_and_add_nothing(text: str, wanted: list[str]) -> None:
    assert joined(pieces(text, wanted)) == text


@given(texts, st.lists(st.tuples(st.integers(-3, 70), st.integers(-3, 70), st.just("entity")), max_size=6))
def test_spans_lose_and_add_nothing(text: str, marked: list[tuple[int, int, str]]) -> None:
    assert joined(spans(text, [(start, end, mark) for start, end, mark in marked if start >= 0])) == text


def test_the_longest_word_wins_and_case_does_not_matter() -> None:
    assert pieces("WiFi供暖温度", ["wifi", "供", "供暖"]) == (Piece("WiFi", "hit"), Piece("供暖", "hit"), Piece("温度"))


def test_a_word_is_no_pattern() -> None:
    assert pieces("a.b", ["."]) == (Piece("a"), Piece(".", "hit"), Piece("b"))
    assert pieces("abc", ["", " "]) == (Piece("abc"),)


def test_overlapping_spans_keep_the_first() -> None:
    assert spans("望江苑小区", [(0, 3, "a"), (2, 5, "b")]) == (Piece("望江苑", "a"), Piece("小区"))


def test_a_snippet_shows_the_place_of_the_first_word() -> None:
    text = "开头" * 60 + "供暖" + "结尾" * 60
    shown = snippet(text, ["供暖"], length=60)
    assert any(piece.mark for piece in shown)
    assert joined(shown).startswith("…")
    assert joined(shown).endswith("…")
    assert len(joined(shown)) == 62


def test_a_short_text_is_shown_whole_without_line_breaks() -> None:
    assert joined(snippet("第一行\n 第二行", [])) == "第一行 第二行"


def test_words_of_a_question_are_those_it_asks_for() -> None:
    asked = All(parts=(
        Tokens(tokens=("供暖",)), Some(parts=(Tokens(tokens=("夜间", "施工")), Tokens(tokens=("路灯",), field="title"))),
        Not(part=Tokens(tokens=("工地",))), Exactly(field="topic", value="城乡建设"),
    ))  # fmt: skip
    assert words_of(asked, "title") == ("供暖", "夜间施工", "夜间 施工", "路灯")
    assert words_of(asked, "text") == ("供暖", "夜间施工", "夜间 施工")
    assert words_of(None) == ()
