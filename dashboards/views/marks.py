"""Text cut into pieces, some of them marked. Templates print the pieces escaped, so a mark is never markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from models.query import All, Exactly, Expression, Not, Some, Tokens

SNIPPET: Final = 140
_LEAD: Final = 24


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    mark: str = ""


def pieces(text: str, words: Iterable[str], mark: str = "hit") -> tuple[Piece, ...]:
    """`text` cut at every occurrence of a word, longest word first, case ignored; joined again it is `text`."""
    wanted = sorted({word for word in words if word.strip()}, key=lambda word: (-len(word), word))
    if not wanted or not text:
        return (Piece(text),) if text else ()
    pattern = re.compile("|".join(re.escape(word) for word in wanted), re.IGNORECASE)
    out, at = [], 0
    for found in pattern.finditer(text):
        if found.start() > at:
            out.append(Piece(text[at : found.start()]))
        out.append(Piece(found.group(), mark))
        at = found.end()
    if at < len(text):
        out.append(Piece(text[at:]))
    return tuple(out)


def spans(text: str, marked: Sequence[tuple[int, int, str]]) -> tuple[Piece, ...]:
    """`text` cut at (start, end, mark); spans that overlap an earlier one or leave the text are dropped."""
    out: list[Piece] = []
    at = 0
    for start, end, mark in sorted(marked):
        if start < at or end > len(text) or end <= start:
            continue
        if start > at:
            out.append(Piece(text[at:start]))
        out.append(Piece(text[start:end], mark))
        at = end
    if at < len(text):
        out.append(Piece(text[at:]))
    return tuple(out)


def snippet(text: str, words: Iterable[str], length: int = SNIPPET) -> tuple[Piece, ...]:
    """The part of `text` around the first word found, with its marks; an ellipsis where it is cut."""
    words = [word for word in words if word.strip()]
    flat = " ".join(text.split())
    lowered = flat.lower()
    places = [at for word in words if (at := lowered.find(word.lower())) >= 0]
    start = max(0, min(places, default=0) - _LEAD) if len(flat) > length else 0
    cut = flat[start : start + length]
    shown = ("…" if start else "") + cut + ("…" if start + length < len(flat) else "")
    return pieces(shown, words)


def words_of(expression: Expression | None, field: str | None = None) -> tuple[str, ...]:
    """What a question asks for, to be marked in `field`: phrases joined, their single tokens too where Latin; not what NOT excludes."""
    if expression is None or isinstance(expression, Not | Exactly):
        return ()
    if isinstance(expression, Tokens):
        if field and expression.field and expression.field != field:
            return ()
        joined = "".join(expression.tokens)
        spaced = " ".join(expression.tokens)
        return (joined,) if joined == spaced else (joined, spaced)
    if isinstance(expression, All | Some):
        return tuple(dict.fromkeys(word for part in expression.parts for word in words_of(part, field)))
    return ()
