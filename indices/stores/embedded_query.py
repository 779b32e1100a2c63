"""`models.query` in tantivy's query objects; never its query strings, so that nothing typed is ever parsed by it."""

from __future__ import annotations

from collections.abc import Sequence

import tantivy
from tantivy import Occur

from indices.stores.embedded_schema import CREATED, schema
from indices.stores.matching import microseconds, whole_tokens
from models.query import TEXT_FIELDS, All, Exactly, Expression, Not, Query, Tokens

Found = tantivy.Query


def everything() -> Found:
    return tantivy.Query.all_query()


def both(first: Found, second: Found) -> Found:
    return tantivy.Query.boolean_query([(Occur.Must, first), (Occur.Must, second)])


def created_between(low: int | None, high: int | None) -> Found:
    """Records created in [low, high], in microseconds; None leaves a side open."""
    if low is None and high is None:
        return everything()
    return _unscored(tantivy.Query.range_query(schema(), CREATED, tantivy.FieldType.Integer, low, high))


def having(field: str, values: Sequence[str]) -> Found:
    """Records whose exact field has one of the values."""
    if not values:
        return tantivy.Query.empty_query()
    if len(values) == 1:
        return _unscored(tantivy.Query.term_query(schema(), field, values[0], "basic"))
    return _unscored(tantivy.Query.term_set_query(schema(), field, list(values)))


def translate(query: Query) -> Found:
    """The records that a query means; only words and phrases of its expression are scored."""
    parts = [having(field, values) for field, values in query.filters.items()]
    if query.since is not None or query.until is not None:
        low = None if query.since is None else microseconds(query.since)
        high = None if query.until is None else microseconds(query.until) - 1
        parts.append(created_between(low, high))
    if query.match is not None:
        parts.append(_expression(query.match))
    return _all_of(parts)


def _expression(expression: Expression) -> Found:
    if isinstance(expression, Tokens):
        return _words(expression)
    if isinstance(expression, Exactly):
        return having(expression.field, [expression.value])
    if isinstance(expression, Not):
        inner = _expression(expression.part)
        return tantivy.Query.boolean_query([(Occur.Must, _unscored(everything())), (Occur.MustNot, inner)])
    if isinstance(expression, All):
        return _all_of([_expression(part) for part in expression.parts])
    return _any_of([_expression(part) for part in expression.parts])


def _words(tokens: Tokens) -> Found:
    phrase = whole_tokens(tokens.tokens)
    if not phrase:
        return tantivy.Query.empty_query()
    return _any_of([_phrase(field, phrase) for field in ((tokens.field,) if tokens.field else TEXT_FIELDS)])


def _phrase(field: str, phrase: Sequence[str]) -> Found:
    if len(phrase) == 1:
        return tantivy.Query.term_query(schema(), field, phrase[0], "position")
    return tantivy.Query.phrase_query(schema(), field, list(phrase))


def _all_of(parts: Sequence[Found]) -> Found:
    if not parts:
        return _unscored(everything())
    return parts[0] if len(parts) == 1 else tantivy.Query.boolean_query([(Occur.Must, part) for part in parts])


def _any_of(parts: Sequence[Found]) -> Found:
    if not parts:
        return tantivy.Query.empty_query()
    return parts[0] if len(parts) == 1 else tantivy.Query.boolean_query([(Occur.Should, part) for part in parts])


def _unscored(found: Found) -> Found:
    return tantivy.Query.const_score_query(found, 0.0)
