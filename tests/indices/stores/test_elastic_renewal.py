"""What is sent for a new annotation, and what the answers mean. Against real servers: tests/contract/test_renew.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("elasticsearch")

from indices.stores.elastic_bulk import Answer, Line
from indices.stores.elastic_renewal import renew
from models.query import Outcome
from models.record import Record

AT = datetime(2026, 3, 1, tzinfo=UTC)


def record(name: str, revision: int = 7, **fields: Any) -> Record:
    return Record(id=name, revision=revision, intake="row-1", source="test", created_at=AT, **fields)


class Server:
    """Holds revisions; answers what it is told for an id, else that the document was updated or deleted."""

    def __init__(self, held: dict[str, int], **answers: Answer) -> None:
        self.held, self.answers = held, answers
        self.asked: list[list[str]] = []
        self.sent: list[dict[str, Any]] = []

    def stored(self, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
        self.asked.append(list(ids))
        return {name: (self.held[name], "row-1") for name in ids if name in self.held}

    def send(self, lines: Sequence[Line]) -> list[Answer]:
        orders = [json.loads(line.order) for line in lines]
        self.sent += orders
        return [self._answer(order) for order in orders]

    def _answer(self, order: dict[str, Any]) -> Answer:
        if "delete" in order:
            return Answer(200, "deleted")
        return self.answers.get(order["index"]["_id"], Answer(200, "updated"))


def renewed(server: Server, *batch: Record) -> tuple[Outcome, ...]:
    return renew(batch, str.split, server.stored, server.send).outcomes


def test_only_what_is_there_in_this_revision_is_written_and_a_later_state_may_still_win() -> None:
    server = Server({"same": 7, "later": 8, "earlier": 6})
    outcomes = renewed(server, *map(record, ("same", "later", "earlier", "absent")))
    assert outcomes == (Outcome.UPDATED, *[Outcome.DUPLICATE] * 3)
    assert server.sent == [{"index": {"_id": "same", "version": 7, "version_type": "external_gte"}}]


def test_a_later_state_between_the_look_and_the_write_wins() -> None:
    server = Server({"r": 7}, r=Answer(409, reason="version_conflict_engine_exception"))
    assert renewed(server, record("r")) == (Outcome.DUPLICATE,)


def test_what_was_forgotten_between_the_look_and_the_write_is_forgotten_again_but_no_later_state() -> None:
    server = Server({"gone": 7, "r": 7}, gone=Answer(201, "created"))
    assert renewed(server, record("gone"), record("r")) == (Outcome.DUPLICATE, Outcome.UPDATED)
    assert server.sent[2:] == [{"delete": {"_id": "gone", "version": 7, "version_type": "external_gte"}}]


def test_what_cannot_be_kept_is_neither_asked_for_nor_sent() -> None:
    server = Server({"r": 7}, r=Answer(400, reason="document_parsing_exception"))
    receipt = renew([record("x" * 600), record("r")], str.split, server.stored, server.send)
    assert receipt.outcomes == (Outcome.REJECTED, Outcome.REJECTED)
    assert receipt.reasons[1] == "document_parsing_exception"
    assert server.asked == [["r"]]


def test_nothing_is_asked_for_nothing() -> None:
    server = Server({})
    assert renewed(server) == ()
    assert renewed(server, record("x" * 600)) == (Outcome.REJECTED,)
    assert (server.asked, server.sent) == ([], [])
