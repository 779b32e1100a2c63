"""Words that say what a text is about, by TF-IDF over civic texts."""

from __future__ import annotations

import lzma
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

_TITLE_WEIGHT: Final = 3.0  # a word of the title counts like three of the body: the speaker chose it to name the matter
_WORD: Final = re.compile("[\u3400-\u9fff]{2,}|[a-z][a-z0-9]+")
_NUMERAL: Final = re.compile("[一二三四五六七八九十百千万亿零〇两几多第]+[个年月日天次号楼栋期点元块人条家名位户时]?")
_UNKNOWN: Final = (
    30  # a word outside the table is taken to stand in this many of its texts: rare, but not more telling than any
)


def keywords(title_tokens: Sequence[str], text_tokens: Sequence[str], n: int = 8) -> list[str]:
    """The `n` words of highest weight, best first; without numbers, single characters and stop words.

    Args:
        title_tokens: tokens of `nlp.segment.segment`.
        text_tokens: likewise.
        n: how many at most.

    Weight: (1 + ln tf) · idf with tf counting a word of the title three times, idf = ln(N / df) over civic texts. Of equal
    weights the word that comes first goes first.
    """
    counts: defaultdict[str, float] = defaultdict(float)
    for tokens, weight in ((title_tokens, _TITLE_WEIGHT), (text_tokens, 1.0)):
        for token, times in Counter(tokens).items():
            if _telling(token):
                counts[token] += weight * times
    weights = {word: (1 + math.log(count)) * idf(word) for word, count in counts.items()}
    return sorted(weights, key=weights.__getitem__, reverse=True)[: max(0, n)]


def idf(word: str) -> float:
    """Inverse document frequency of a token, above 0: ln(texts / texts with the word)."""
    total, frequencies = _frequencies()
    return math.log((total + 1) / (frequencies.get(word, _UNKNOWN) + 0.5))


def _telling(token: str) -> bool:
    return len(token) > 1 and token not in _stops() and bool(_WORD.fullmatch(token)) and not _NUMERAL.fullmatch(token)


@cache
def _stops() -> frozenset[str]:
    text = resources.files("nlp").joinpath("data/stopwords.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def _frequencies() -> tuple[int, dict[str, int]]:
    packed = resources.files("nlp").joinpath("data/document_frequencies.txt.xz").read_bytes()
    total, *rows = lzma.decompress(packed).decode().split("\n")
    return int(total), {word: int(count) for word, count in (row.split(" ") for row in rows)}
