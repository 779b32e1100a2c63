"""Chooses the encoder's vocabulary: every usual character, and the words that citizens and officials use most (methods.md §1).

Nothing but single words of jieba's dictionary and of ours enters, so no name out of a text does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from nlp.segment import dictionary_words
from nlp.tokenizer import SPECIAL, words

SIZE: Final = 16_000
LEAST_CHARACTER: Final = 5  # occurrences of a sign outside the usual characters
LEAST_ASCII: Final = 200  # occurrences of a word or number in Latin letters or digits
MASKED: Final = ("[电话]", "[邮箱]", "[证件号]")


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in the texts."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(words(text))
    return found


def choose(counts: Mapping[str, float], size: int = SIZE) -> list[str]:
    """`size` tokens: the special ones, the characters of GB 2312 and others seen, letters, digits, then frequent words.

    Args:
        counts: word → occurrences, weighted by how much each source matters.
    """
    singles: Counter[str] = Counter()
    for word, n in counts.items():
        for character in word:
            singles[character] += n  # type: ignore[assignment]
    basic = [*map(chr, range(0x21, 0x7F)), *usual_characters()]
    basic = [character for character in basic if character == character.lower()]
    known = set(basic)
    basic += [character for character, n in singles.most_common() if n >= LEAST_CHARACTER and character not in known]
    dictionary = dictionary_words()
    frequent = sorted(((n, word) for word, n in counts.items() if _is_word(word, n, dictionary)), reverse=True)
    chosen = dict.fromkeys([*SPECIAL, *MASKED, *basic])
    for _, word in frequent:
        if len(chosen) >= size:
            break
        chosen[word] = None
    return list(chosen)[:size]


def usual_characters() -> list[str]:
    """The 6,763 characters of GB 2312, in its order (by use, then by radical)."""
    rows = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    return [character for row in rows if (character := row.decode("gb2312", errors="ignore"))]


def _is_word(word: str, n: float, dictionary: frozenset[str]) -> bool:
    if len(word) < 2:
        return False
    return n >= LEAST_ASCII if word.isascii() and word.isalnum() else word in dictionary
