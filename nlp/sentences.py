"""Text → sentences, verbatim."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# A sentence ends behind its closing marks and the quotation marks or brackets that close with them, or at a line break. A dot ends
# one only before white space or the end (3.5 and www.example.cn hold none).
_END: Final = re.compile(r"(?:[。！？!?；;…]+|\.(?=\s|$))[”’」』）)》\"']*|\n+")


class Sentence(NamedTuple):
    """`text[start:end]`, without white space at its ends."""

    text: str
    start: int
    end: int


def sentence_spans(text: str) -> Iterator[Sentence]:
    """Sentences of `text` in order, each with its offsets; linear in time."""
    begin = 0
    for match in _END.finditer(text):
        yield from _stripped(text, begin, match.end())
        begin = match.end()
    yield from _stripped(text, begin, len(text))


def sentences(text: str) -> list[str]:
    """Sentences of `text` in order. Each really stands there, so it can be quoted; none is empty."""
    return [sentence.text for sentence in sentence_spans(text)]


def _stripped(text: str, start: int, end: int) -> Iterator[Sentence]:
    piece = text[start:end]
    body = piece.strip()
    if any(character.isalnum() for character in body):
        start += len(piece) - len(piece.lstrip())
        yield Sentence(body, start, start + len(body))
