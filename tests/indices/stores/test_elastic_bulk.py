"""Lines of a bulk request, and what the answers mean. How they travel is in tests/faults/test_elastic_faults.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("elasticsearch")
import itertools

from indices.stores.elastic_bulk import (
    REQUEST_BYTES,
    Answer,
    Line,
    answer_of,
    chunks,
    deletion_of,
    line_of,
    outcome_of,
    stands,
)
from indices.stores.elastic_index import template
from indices.stores.matching import Kept
from models.query import Outcome
from models.record import Annotation, Record

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def record(**fields: Any) -> Record:
    return Record(**({"id": "r1", "revision": 7, "intake": "row-1", "source": "test", "created_at": AT} | fields))


def document_of(made: Record) -> dict[str, Any]:
    return dict(json.loads(line_of(Kept.of(made, str.split)).document))


def test_the_order_carries_id_and_revision() -> None:
    line = line_of(Kept.of(record(revision=2**52), str.split))
    order = json.loads(line.order)
    assert order == {"index": {"_id": "r1", "version": 2**52, "version_type": "external"}}
    assert b"\n" not in line.order + line.document


def test_the_document_has_only_mapped_fields() -> None:
    note = Annotation(model="m", title_tokens=("路灯",), text_tokens=("三天", "了"), topic="城乡建设")
    document = document_of(record(title="路灯", reply="已 修", rating=5, district="甲区", annotation=note))
    assert set(document) <= set(template()["mappings"]["properties"]), "the mapping is strict"
    assert (document["title"], document["text"], document["reply"]) == ("路灯", "三天 了", "已 修")
    assert (document["rating"], document["district"], document["topic"]) == ("5", "甲区", "城乡建设")
    assert document["created_us"] == 1_772_368_215_123_456
    assert document["created_at"] == "2026-03-01T12:30:15.123+00:00"
    assert document["intake"] == "row-1"


@given(st.text(max_size=60), st.text(max_size=60), st.none() | st.floats(-180, 180))
def test_the_record_in_the_document_is_the_record(title: str, text: str, longitude: float | None) -> None:
    made = record(title=title, text=text, longitude=longitude)
    assert Record.model_validate(document_of(made)["record"]) == made


def test_a_deletion_has_no_document() -> None:
    assert json.loads(deletion_of("长").order) == {"delete": {"_id": "长"}}
    assert deletion_of("x").document == b""


@given(st.lists(st.integers(1, REQUEST_BYTES * 2), max_size=12))
def test_chunks_keep_order_lose_nothing_and_fit(sizes: list[int]) -> None:
    lines = [Line(b"", b"x" * 0) for _ in sizes]
    for line, size in zip(lines, sizes, strict=True):
        object.__setattr__(line, "order", _Sized(size))
    runs = chunks(lines, list(range(len(lines))))
    assert [i for run in runs for i in run] == list(range(len(lines)))
    assert all(len(run) == 1 or sum(lines[i].size for i in run) <= REQUEST_BYTES for run in runs)
    assert all(sum(lines[i].size for i in a) + lines[b[0]].size > REQUEST_BYTES for a, b in itertools.pairwise(runs)), (
        "no request is shorter than it may be"
    )


class _Sized(bytes):
    """Says that it is long without being so."""

    def __new__(cls, size: int) -> _Sized:
        made = super().__new__(cls)
        made.size = size
        return made

    size: int

    def __len__(self) -> int:
        return self.size


def item(status: int, result: str = "", error: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"_id": "r1", "status": status, "result": result}
    return {"index": told | ({"error": {"type": error, "reason": "because"}} if error else {})}


@pytest.mark.parametrize(
    ("told", "final"),
    [
        (item(201, "created"), True),
        (item(200, "updated"), True),
        (item(200, "deleted"), True),
        (item(404, "not_found"), True),
        (item(409, error="version_conflict_engine_exception"), True),
        (item(400, error="document_parsing_exception"), True),
        (item(429, error="es_rejected_execution_exception"), False),
        (item(503, error="unavailable_shards_exception"), False),
        (item(500, error="node_disconnected_exception"), False),
        (item(403, error="cluster_block_exception"), False),
        (item(404, error="shard_not_found_exception"), False),
    ],
)
def test_which_answers_stand(told: dict[str, Any], final: bool) -> None:
    assert stands(answer_of(told, unsure=False)) is final


def outcome(answer: Answer, there: tuple[int, str] | None = None) -> tuple[Outcome, str]:
    return outcome_of(answer, record(), lambda _: there)


def test_outcomes() -> None:
    assert outcome(Answer(201, "created")) == (Outcome.STORED, "")
    assert outcome(Answer(200, "updated")) == (Outcome.UPDATED, "")
    assert outcome(Answer(400, reason="t: because")) == (Outcome.REJECTED, "t: because")
    assert outcome(Answer(409), (7, "row-1")) == (Outcome.DUPLICATE, ""), "nobody asked twice: it was there before us"


def test_a_duplicate_after_a_lost_answer_is_ours_if_it_carries_our_row() -> None:
    assert outcome(Answer(409, unsure=True), (7, "row-1")) == (Outcome.STORED, "")
    assert outcome(Answer(409, unsure=True), (7, "row-2")) == (Outcome.DUPLICATE, "")
    assert outcome(Answer(409, unsure=True), (8, "row-1")) == (Outcome.DUPLICATE, "")
    assert outcome(Answer(409, unsure=True), None) == (Outcome.DUPLICATE, "")
