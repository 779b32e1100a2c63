"""Writing many documents so that a failure loses nothing (promise R4).

Every document has its own answer. 200 and 201 are kept, 409 is there already, 400 is this document's fault for ever; every other
answer is a reason to send that document again, and only that one, until the deadline. A request that got no answer may have
been carried out: its documents are marked unsure, and a later 409 for one of them is looked at before it is called a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError

from indices.stores.elastic_calls import (
    Breaker,
    Deadline,
    IndexGone,
    NoAnswer,
    TryLater,
    attempt,
    describe,
    reason_of,
    unavailable,
)
from indices.stores.matching import Kept
from models.query import Outcome
from models.record import Record

# A request is at most this long; Elasticsearch advises 5 to 15 MB, and refuses 100 MB.
REQUEST_BYTES: Final = 5_000_000
# A request may take half of what is left, so that a lost answer leaves time to ask again.
SHARE: Final = 0.5
SHORTEST_SECONDS: Final = 0.2
KEPT, THERE, WRONG = frozenset({200, 201}), 409, 400


@dataclass(frozen=True, slots=True)
class Line:
    """One operation of a bulk request: its order and, but for a deletion, its document."""

    order: bytes
    document: bytes = b""

    @property
    def size(self) -> int:
        return len(self.order) + len(self.document) + 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of one operation; `unsure`: an earlier request for it got no answer."""

    status: int
    result: str = ""
    reason: str = ""
    unsure: bool = False


def line_of(kept: Kept, version_type: str = "external") -> Line:
    """Index this record unless the same or a later revision is there (external versioning by revision).

    `external_gte`: unless a later one is there.
    """
    record = kept.record
    order = {"index": {"_id": record.id, "version": record.revision, "version_type": version_type}}
    fields = kept.keywords | {name: " ".join(tokens) for name, tokens in kept.tokens.items()}
    fields |= {"intake": record.intake, "created_at": record.created_at.isoformat(timespec="milliseconds")}
    head = _json(fields | {"created_us": kept.created})
    whole = record.model_dump_json(exclude_none=True).encode()
    return Line(_json(order), head[:-1] + b',"record":' + whole + b"}")


def deletion_of(record_id: str, revision: int | None = None) -> Line:
    """Delete this record; with a revision only where no later one is there."""
    bound = {} if revision is None else {"version": revision, "version_type": "external_gte"}
    return Line(_json({"delete": {"_id": record_id} | bound}))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Sender:
    """Sends lines until each has an answer that stands."""

    def __init__(self, client: Elasticsearch, target: str, breaker: Breaker, *, alias: bool) -> None:
        self._client, self._target, self._breaker, self._alias = client, target, breaker, alias

    def send(self, lines: Sequence[Line], deadline: Deadline) -> list[Answer]:
        """One answer a line, in their order; lines of one id are carried out in their order.

        Raises StoreUnavailable where the deadline comes first; what was kept by then stays kept.
        """
        answers: dict[int, Answer] = {}
        for chunk in chunks(lines, list(range(len(lines)))):
            self._send_chunk(lines, chunk, deadline, answers)
        return [answers[i] for i in range(len(lines))]

    def _send_chunk(
        self, lines: Sequence[Line], chunk: list[int], deadline: Deadline, answers: dict[int, Answer]
    ) -> None:
        waiting, unsure, reason = chunk, set[int](), "时限已过"
        for _ in deadline.pauses():
            try:
                items = attempt(lambda: self._request([lines[i] for i in waiting], deadline), self._breaker)  # noqa: B023
            except NoAnswer as error:
                reason, unsure = str(error), unsure | set(waiting)
                continue
            except TryLater as error:
                reason = str(error)
                continue
            except (BadRequestError, NotFoundError, ApiError) as error:
                self._refused(error, lines, waiting, deadline, answers)
                return
            again: list[int] = []
            for i, item in zip(waiting, items, strict=True):
                answer = answer_of(item, unsure=i in unsure)
                if "index_not_found" in answer.reason:
                    raise IndexGone(answer.reason)
                if stands(answer):
                    answers[i] = answer
                else:
                    again.append(i)
                    reason = answer.reason
                    unsure |= {i} if answer.status >= 500 else set()
            waiting = again
            if not waiting:
                return
        raise unavailable(f"{len(waiting)} 件未写入：{reason}")

    def _request(self, lines: Sequence[Line], deadline: Deadline) -> list[Mapping[str, Any]]:
        seconds = max(SHORTEST_SECONDS, deadline.remaining * SHARE)
        body: list[Any] = [part for line in lines for part in (line.order, line.document) if part]
        answer = self._client.options(request_timeout=min(seconds, max(deadline.remaining, 0.001))).bulk(
            index=self._target, operations=body, timeout=f"{int(seconds * 900)}ms", require_alias=self._alias or None
        )
        return list(answer["items"])

    def _refused(
        self, error: ApiError, lines: Sequence[Line], waiting: list[int], deadline: Deadline, answers: dict[int, Answer]
    ) -> None:
        """The whole request was refused: one of its documents is the reason, or the request is too long. Halve it."""
        if error.meta.status not in (WRONG, 413):
            raise unavailable(describe(error)) from error
        if len(waiting) == 1:
            answers[waiting[0]] = Answer(WRONG, reason=describe(error))
            return
        middle = len(waiting) // 2
        for half in (waiting[:middle], waiting[middle:]):
            self._send_chunk(lines, half, deadline, answers)


def chunks(lines: Sequence[Line], indices: list[int]) -> list[list[int]]:
    """Runs of lines that fit into one request; a longer line goes alone."""
    runs: list[list[int]] = []
    length = 0
    for i in indices:
        if not runs or length + lines[i].size > REQUEST_BYTES:
            runs.append([])
            length = 0
        runs[-1].append(i)
        length += lines[i].size
    return runs


def answer_of(item: Mapping[str, Any], *, unsure: bool) -> Answer:
    ((_, told),) = item.items()
    reason = reason_of(told["error"]) if "error" in told else ""
    return Answer(int(told["status"]), str(told.get("result", "")), reason, unsure)


def stands(answer: Answer) -> bool:
    """Whether sending again could not change the answer. 404 without an error is a deletion of what is not there."""
    return answer.status in KEPT or answer.status in (THERE, WRONG) or (answer.status == 404 and not answer.reason)


def outcome_of(answer: Answer, record: Record, stored: Callable[[str], tuple[int, str] | None]) -> tuple[Outcome, str]:
    """What became of a record. `stored` looks up (revision, intake) of an id, for a duplicate that may be our own write."""
    if answer.status in KEPT:
        return (Outcome.STORED if answer.result == "created" else Outcome.UPDATED), ""
    if answer.status == WRONG:
        return Outcome.REJECTED, answer.reason
    if answer.unsure and stored(record.id) == (record.revision, record.intake):
        return Outcome.STORED, ""
    return Outcome.DUPLICATE, ""
