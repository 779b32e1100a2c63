"""Relevance of the reference engine: BM25 over the words that a query asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from indices.stores.matching import Kept, occurrences, whole_tokens
from models.query import TEXT_FIELDS, All, Expression, Some, Tokens

# The constants of Lucene and tantivy (Robertson and Zaragoza 2009).
K1, B = 1.2, 0.75


def wanted(expression: Expression | None) -> list[Tokens]:
    """The words and phrases that an expression asks for; what stands under NOT adds nothing to the relevance."""
    if isinstance(expression, Tokens):
        return [expression]
    if isinstance(expression, All | Some):
        return [tokens for part in expression.parts for tokens in wanted(part)]
    return []


def relevance(expression: Expression | None, found: Sequence[Kept], corpus: Iterable[Kept]) -> list[float]:
    """A score for each of `found`, 0 where the expression asks for no words. Cost: one pass over the corpus."""
    everything = list(corpus)
    scores = [0.0] * len(found)
    for tokens in wanted(expression):
        phrase = whole_tokens(tokens.tokens)
        for field in (tokens.field,) if tokens.field else TEXT_FIELDS:
            if not phrase:
                continue
            lengths = [len(kept.tokens[field]) for kept in everything]
            mean = sum(lengths) / max(1, len(lengths)) or 1.0
            holding = sum(1 for kept in everything if occurrences(phrase, kept.tokens[field]))
            rarity = log(1 + (len(everything) - holding + 0.5) / (holding + 0.5))
            for i, kept in enumerate(found):
                often = occurrences(phrase, kept.tokens[field])
                saturation = often + K1 * (1 - B + B * len(kept.tokens[field]) / mean)
                scores[i] += rarity * often * (K1 + 1) / saturation
    return scores
