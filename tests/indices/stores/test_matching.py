from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.stores import matching
from indices.stores.matching import (
    Kept,
    check_counted,
    index_tokens,
    meets,
    microseconds,
    occurrences,
    whole_tokens,
    why_not_kept,
)
from models.errors import BadRequest
from models.query import All, Exactly, Not, Query, Some, Tokens
from models.record import Annotation, Record

Make = Callable[..., Record]
INSTANTS = st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@settings(deadline=None)
@given(INSTANTS, INSTANTS)
def test_microseconds_keep_order_and_lose_nothing(first: datetime, second: datetime) -> None:
    assert (microseconds(first) < microseconds(second)) == (first < second)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(first)) == first
    assert microseconds(first.astimezone(timezone(timedelta(hours=8)))) == microseconds(first)
    assert abs(microseconds(first)) < 2**53, "exact in a double, as aggregations give it back"


@settings(deadline=None)
@given(st.lists(st.text(max_size=8)))
def test_whole_tokens_hold_no_white_space_and_stay(tokens: list[str]) -> None:
    whole = whole_tokens(tokens)
    assert all(token and not any(c.isspace() for c in token) for token in whole)
    assert whole_tokens(whole) == whole
    assert "".join(whole) == "".join("".join(tokens).split())


def test_long_tokens_are_cut() -> None:
    assert [len(token) for token in whole_tokens(["x" * 101, "字" * 300])] == [100, 100]


def test_tokens_come_from_the_annotation_where_there_is_one(record: Make) -> None:
    noted = record(title="路 灯", text="不 亮", reply="已修")
    assert index_tokens(noted, lambda text: [f"<{text}>"]) == {
        "title": ("路", "灯"),
        "text": ("不", "亮"),
        "reply": ("<已修>",),
    }
    bare = noted.model_copy(update={"annotation": None})
    assert index_tokens(bare, list)["title"] == ("路", "灯")
    assert index_tokens(record(), lambda _: pytest.fail("nothing to segment")) == {
        "title": (),
        "text": (),
        "reply": (),
    }


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=3), st.lists(st.sampled_from("ab"), max_size=12))
def test_occurrences_against_strings(phrase: list[str], tokens: list[str]) -> None:
    text, sought = "".join(tokens), "".join(phrase)
    assert occurrences(phrase, tokens) == sum(text.startswith(sought, i) for i in range(len(text)))


def test_what_is_kept_has_no_reason(record: Make) -> None:
    assert why_not_kept(record()) == ""
    assert why_not_kept(record(created_at=matching.EARLIEST)) == ""
    assert why_not_kept(record(created_at=matching.LATEST)) != ""
    assert why_not_kept(record("x" * 512)) == ""
    assert why_not_kept(record(revision=matching.MAX_REVISION)) == ""


def test_lone_surrogates_have_a_reason(record: Make) -> None:
    for name in ("text", "district", "id", "url"):
        reason = why_not_kept(record().model_copy(update={name: "a\ud800"}))
        assert f"{name} 的第 2 个字符无法编码" in reason
    noted = record().model_copy(
        update={"annotation": Annotation.model_construct(model="m", topic="\udfff", departments=())}
    )
    assert "topic" in why_not_kept(noted)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_what_pydantic_lets_in_can_be_encoded(text: str) -> None:
    state = Record(id="x", revision=1, intake="", source=text, text=text, created_at=matching.EARLIEST)
    assert why_not_kept(state) == ""


def test_unknown_fields_are_named_with_those_that_exist() -> None:
    with pytest.raises(BadRequest, match=r"created_at.*district"):
        check_counted(["created_at"])
    nested = Not(part=Some(parts=(All(parts=(Exactly(field="nowhere", value=""),)),)))
    with pytest.raises(BadRequest, match="nowhere"):
        matching.check_query(Query(match=nested))


def test_meets_is_the_conjunction(record: Make) -> None:
    kept = Kept.of(record(text="甲", district="x"), str.split)
    good = {"match": Tokens(tokens=("甲",)), "filters": {"district": ("x", "y")}, "since": kept.record.created_at}
    assert meets(Query.model_validate(good), kept)
    later = kept.record.created_at + timedelta(microseconds=1)
    for bad in (
        {"match": Tokens(tokens=("乙",))},
        {"filters": {"district": ()}},
        {"since": later},
        {"until": kept.record.created_at},
    ):
        assert not meets(Query.model_validate(good | bad), kept)
