"""Questions in Elasticsearch's language; what they find is the contract suite's matter."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.stores.elastic_query import EVERYTHING, MAX_DEPTH, NOTHING, SORTS, clause, depth, scores, translate
from models.errors import BadQuery
from models.query import FIELDS, All, Exactly, Expression, Not, Query, Some, Sort, Tokens

NOISE = Tokens(tokens=("噪音",), field="title")


def test_no_question_is_everything() -> None:
    assert translate(Query()) == {"bool": {"filter": [EVERYTHING]}}


def test_filters_and_window_do_not_score() -> None:
    east = datetime(2026, 3, 1, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))
    question = Query(
        match=NOISE, filters={"district": ("甲", "乙")}, since=east, until=datetime(2026, 3, 2, tzinfo=UTC)
    )
    assert translate(question) == {
        "bool": {
            "filter": [
                {"terms": {"district": ["甲", "乙"]}},
                {"range": {"created_us": {"gte": 1_772_323_200_000_001, "lt": 1_772_409_600_000_000}}},
            ],
            "must": [{"term": {"title": "噪音"}}],
        }
    }


def test_a_filter_without_values_is_met_by_none() -> None:
    assert translate(Query(filters={"district": ()})) == {"bool": {"filter": [NOTHING]}}


def test_a_question_without_words_stands_in_filter_context() -> None:
    asked = translate(Query(match=Not(part=NOISE)))
    assert asked == {"bool": {"filter": [{"bool": {"must_not": [{"term": {"title": "噪音"}}]}}]}}


def test_words_and_phrases() -> None:
    assert clause(Tokens(tokens=("物业", "收费"), field="text")) == {
        "match_phrase": {"text": {"query": "物业 收费", "slop": 0}}
    }
    anywhere = clause(Tokens(tokens=("物业",)))
    assert [next(iter(part["term"])) for part in anywhere["bool"]["should"]] == ["title", "text", "reply"]
    assert clause(Tokens(tokens=(" ",))) == NOTHING


def test_empty_combinations() -> None:
    assert clause(All(parts=())) == {"bool": {"filter": [EVERYTHING]}}
    assert clause(Some(parts=())) == NOTHING


def test_what_scores() -> None:
    exact = Exactly(field="district", value="甲")
    assert scores(All(parts=(exact, Some(parts=(exact, NOISE)))))
    assert not scores(All(parts=(exact, Not(part=NOISE))))


def nested(levels: int) -> Expression:
    expression: Expression = NOISE
    for _ in range(levels - 1):
        expression = Not(part=expression)
    return expression


def test_depth_has_a_limit_with_a_sentence() -> None:
    assert depth(nested(7)) == 7
    translate(Query(match=nested(MAX_DEPTH)))
    with pytest.raises(BadQuery, match=str(MAX_DEPTH + 1)):
        translate(Query(match=nested(MAX_DEPTH + 1)))


def test_every_order_ends_with_the_id() -> None:
    assert set(SORTS) == set(Sort)
    assert all(order[-1] == {"id": "asc"} for order in SORTS.values())


expressions = st.recursive(
    st.builds(Tokens, tokens=st.lists(st.text(max_size=5), min_size=1, max_size=3).map(tuple))
    | st.builds(Exactly, field=st.sampled_from(FIELDS), value=st.text(max_size=5)),
    lambda inner: (
        st.builds(Not, part=inner)
        | st.builds(All, parts=st.lists(inner, max_size=3).map(tuple))
        | st.builds(Some, parts=st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=12,
)


@given(expressions)
def test_bool_is_nested_at_most_one_level_deeper_than_the_expression(expression: Expression) -> None:
    def bools(value: object) -> int:
        if isinstance(value, dict):
            inner = max(map(bools, value.values()), default=0)
            return inner + ("bool" in value)
        return max(map(bools, value), default=0) if isinstance(value, list) else 0

    asked = clause(expression)
    assert bools(asked) <= depth(expression)
    json.dumps(asked)
