"""Chooses the encoder's vocabulary: every usual character, and the words that citizens and officials use most (methods.md §1).

Nothing but words of jieba's dictionary and of ours, frequent words in Latin letters and frequent short numbers enters, so no
private person's name or number does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from nlp.segment import dictionary_words
from nlp.tokenizer import MASKED, SPECIAL, words

SIZE: Final = 16_000
LEAST_CHARACTER: Final = 5  # occurrences of a sign outside the usual characters
LEAST_ASCII: Final = 200  # occurrences of a word or number in Latin letters or digits
LONGEST_NUMBER: Final = 5  # digits, as hot lines have; a longer one might be somebody's own


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word stands in the texts."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(words(text))
    return found


def count_sources(sources: Mapping[str, Iterable[str]], passes: Mapping[str, float]) -> dict[str, float]:
    """How often each word stands in all texts, a source weighted by its passes (1 where none are given)."""
    counts: defaultdict[str, float] = defaultdict(float)
    for name, texts in sources.items():
        for word, n in count_words(texts).items():
            counts[word] += n * passes.get(name, 1.0)
    return dict(counts)


def choose(counts: Mapping[str, float], size: int = SIZE) -> list[str]:
    """`size` tokens, fewer where there are not so many: the special ones, the characters of GB 2312 and others seen, letters,
    digits, then words by frequency.

    Args:
        counts: word → occurrences, weighted by how much each source matters.
    """
    chosen = dict.fromkeys([*SPECIAL, *MASKED, *_characters(counts)])
    singles = frozenset(chosen)
    dictionary = dictionary_words()
    frequent = sorted(((n, word) for word, n in counts.items() if _is_word(word, n, dictionary)), reverse=True)
    chosen |= dict.fromkeys(word for _, word in frequent if singles.issuperset(word))
    return list(chosen)[:size]


def usual_characters() -> list[str]:
    """The 6,763 characters of GB 2312, in its order (by use, then by radical)."""
    rows = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    return [character for row in rows if (character := row.decode("gb2312", errors="ignore"))]


def _characters(counts: Mapping[str, float]) -> list[str]:
    seen: defaultdict[str, float] = defaultdict(float)
    for word, n in counts.items():
        for character in word:
            seen[character] += n
    basic = [character for character in map(chr, range(0x21, 0x7F)) if character == character.lower()]
    basic += usual_characters()
    known = set(basic)
    others = [character for character, n in seen.items() if n >= LEAST_CHARACTER and character not in known]
    return basic + sorted(others, key=lambda character: (-seen[character], character))


def _is_word(word: str, n: float, dictionary: frozenset[str]) -> bool:
    if len(word) < 2:
        return False
    if word.isascii() and word.isalnum():
        return n >= LEAST_ASCII and (word.isalpha() or len(word) <= LONGEST_NUMBER)
    return word in dictionary
