"""From `models.query` to Elasticsearch's query language. The only module that knows that language's questions.

Exact fields, windows and negations stand in filter context, so that only words add to the score, as in the reference engine.
Everything is built of what an Elasticsearch without any module has: term, terms, range, match_phrase, bool, dis_max.
"""

from __future__ import annotations

from typing import Any, Final

from indices.stores.matching import microseconds, whole_tokens
from models.errors import BadQuery
from models.query import TEXT_FIELDS, All, Exactly, Expression, Not, Query, Some, Sort, Tokens

Clause = dict[str, Any]

EVERYTHING: Final[Clause] = {"match_all": {}}
NOTHING: Final[Clause] = {"match_none": {}}
# The server refuses questions that nest bool more than 30 deep (indices.query.bool.max_nested_depth) with an error that
# names none of the user's words. One level each is ours: the filters around, the fields of a word below.
MAX_DEPTH: Final = 26

NEWEST: Final[list[Clause]] = [{"created_us": "desc"}, {"id": "asc"}]
OLDEST: Final[list[Clause]] = [{"created_us": "asc"}, {"id": "asc"}]
SORTS: Final[dict[Sort, list[Clause]]] = {
    Sort.NEWEST: NEWEST,
    Sort.OLDEST: OLDEST,
    Sort.RELEVANCE: [{"_score": "desc"}, *NEWEST],
}


def translate(query: Query) -> Clause:
    """The clause that finds what `query` asks for.

    Raises BadQuery where the expression is nested too deeply for the engine.
    """
    filters: list[Clause] = [one_of(field, values) for field, values in sorted(query.filters.items())]
    if window := window_of(query):
        filters.append({"range": {"created_us": window}})
    if query.match is None:
        return {"bool": {"filter": filters or [EVERYTHING]}}
    if (levels := depth(query.match)) > MAX_DEPTH:
        raise BadQuery(position=1, reason=f"括号嵌套 {levels} 层，上限 {MAX_DEPTH} 层")
    asked = clause(query.match)
    return {"bool": {"filter": filters, "must": [asked]} if scores(query.match) else {"filter": [*filters, asked]}}


def window_of(query: Query) -> dict[str, int]:
    window = {}
    if query.since is not None:
        window["gte"] = microseconds(query.since)
    if query.until is not None:
        window["lt"] = microseconds(query.until)
    return window


def one_of(field: str, values: tuple[str, ...]) -> Clause:
    """Any of the values fits; none fits none."""
    return {"terms": {field: list(values)}} if values else NOTHING


def clause(expression: Expression) -> Clause:
    """One part of an expression. `All()` is everything, `Some()` nothing."""
    if isinstance(expression, Tokens):
        return words(expression)
    if isinstance(expression, Exactly):
        return {"bool": {"filter": [{"term": {expression.field: expression.value}}]}}
    if isinstance(expression, Not):
        return {"bool": {"must_not": [clause(expression.part)]}}
    parts = [clause(part) for part in expression.parts]
    if isinstance(expression, Some):
        return {"bool": {"should": parts, "minimum_should_match": 1}} if parts else NOTHING
    return {"bool": {"must": parts}} if parts else {"bool": {"filter": [EVERYTHING]}}


def words(tokens: Tokens) -> Clause:
    """A word or a phrase in one field or in any of the three. The scores of the fields add up."""
    phrase = whole_tokens(tokens.tokens)
    if not phrase:
        return NOTHING
    fields = (tokens.field,) if tokens.field else TEXT_FIELDS
    parts = [in_field(field, phrase) for field in fields]
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}


def in_field(field: str, phrase: tuple[str, ...]) -> Clause:
    if len(phrase) == 1:
        return {"term": {field: phrase[0]}}
    return {"match_phrase": {field: {"query": " ".join(phrase), "slop": 0}}}


def scores(expression: Expression) -> bool:
    """Whether any words stand outside a NOT."""
    if isinstance(expression, Tokens):
        return True
    return isinstance(expression, All | Some) and any(scores(part) for part in expression.parts)


def depth(expression: Expression) -> int:
    if isinstance(expression, Not):
        return 1 + depth(expression.part)
    if isinstance(expression, All | Some):
        return 1 + max((depth(part) for part in expression.parts), default=0)
    return 1
