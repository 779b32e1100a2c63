from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.wording import any_of

WORDS = st.lists(st.text(alphabet="ab.*(业主人", min_size=1, max_size=4), min_size=1, max_size=12)


@given(WORDS, st.text(alphabet="ab.*(业主人x", max_size=12))
def test_fits_what_the_longest_word_fits(words: list[str], text: str) -> None:
    pattern = re.compile(any_of(words))
    starting = [word for word in words if text.startswith(word)]
    match = pattern.match(text)
    assert (match[0] if match else "") == max(starting, key=len, default="")


def test_stands_alone_inside_a_larger_pattern() -> None:
    assert re.fullmatch(f"我{any_of(['叫', '叫做'])}张", "我叫做张")
    assert re.fullmatch(f"{any_of(['业主', '村民'])}{{2}}", "业主村民")


@pytest.mark.parametrize("words", [[], [""], ["a", ""]])
def test_refuses_what_fits_everywhere(words: list[str]) -> None:
    with pytest.raises(ValueError):
        any_of(words)
