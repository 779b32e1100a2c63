"""分派台: new orders by urgency and doubt, one at a time, with the reason for each suggestion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboards import formats
from dashboards.charts import IntervalBar
from dashboards.views.marks import Piece, pieces
from dashboards.views.records import place_of, title_of
from models.figures import Hotspot, Routing, SimilarOrder
from models.labels import CHANNEL_NAMES, DEPARTMENTS, URGENCIES, URGENCY_NAMES
from models.record import Record

ACTIONS: Final = ("accept", "department", "person", "merge", "undo")
CANDIDATES: Final = 3
SIMILAR: Final = 4
QUEUE_SHOWN: Final = 30
# Confidence in words, beside the number.
SURE, LIKELY = 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Counters:
    """The operator's own day, and what waits for everybody. `waiting_at_least`: not all of it was looked at."""

    decided: int = 0
    accepted: int = 0
    changed: int = 0
    to_person: int = 0
    waiting: int = 0
    waiting_at_least: bool = False


@dataclass(frozen=True, slots=True)
class QueueRow:
    id: str
    title: str
    urgency: int
    urgency_name: str
    confidence: float | None
    age: str
    current: bool


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A department that key `number` chooses."""

    number: int
    department: str
    name: str
    confidence: float
    words: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """The order that is to be decided now."""

    id: str
    number: str
    title: tuple[Piece, ...]
    text: tuple[Piece, ...]
    meta: tuple[str, ...]
    urgency: int
    urgency_name: str
    topic: str
    demand_type: str
    deadline: str
    overdue: bool
    candidates: tuple[CandidateRow, ...]
    to_person: bool
    verdict: str
    reasons: tuple[tuple[str, IntervalBar], ...]
    rule: str
    similar: tuple[SimilarOrder, ...]
    incident: Hotspot | None
    merge_into: str
    model: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What was just done, so that it can be undone."""

    id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class DeskView:
    queue: tuple[QueueRow, ...]
    order: OrderView | None
    departments: tuple[tuple[str, str], ...]
    counters: Counters
    last: Decided | None
    empty: str = "没有待分派的工单。新工单进来后会出现在这里。"


def desk_view(
    queue: Sequence[Record],
    *,
    now: datetime,
    current: tuple[Record, Routing] | None = None,
    counters: Counters | None = None,
    departments: Sequence[str] | None = None,
    last: Decided | None = None,
    incident: Hotspot | None = None,
) -> DeskView:
    """The page, and the partial after a decision.

    Args:
        queue: orders without a decision, in the order in which they are to be worked on (`by_urgency_and_doubt`).
        current: the order shown and its routing; None: the queue is empty.
        departments: codes that `d` offers; None: all of `models.labels.DEPARTMENTS`.
        last: the latest decision of this operator that can still be undone.
        incident: the hotspot that the order may belong to; its earliest member is what `m` merges into.
    """
    shown = current[0].id if current else ""
    codes = DEPARTMENTS if departments is None else departments
    return DeskView(
        queue=tuple(_row(record, now, record.id == shown) for record in queue[:QUEUE_SHOWN]),
        order=_order(*current, now=now, incident=incident) if current else None,
        departments=tuple((code, DEPARTMENTS.get(code, code)) for code in codes),
        counters=counters or Counters(waiting=len(queue)),
        last=last,
    )


def by_urgency_and_doubt(records: Sequence[Record]) -> list[Record]:
    """Most urgent first; among equals the least sure, then the oldest."""

    def rank(record: Record) -> tuple[int, float, datetime, str]:
        note = record.annotation
        return (
            -(note.urgency if note else 0),
            doubt if (doubt := _confidence(record)) is not None else 0.0,
            record.created_at,
            record.id,
        )

    return sorted(records, key=rank)


def _confidence(record: Record) -> float | None:
    note = record.annotation
    return note.departments[0].probability if note and note.departments else None


def _row(record: Record, now: datetime, current: bool) -> QueueRow:
    urgency = record.annotation.urgency if record.annotation else 0
    age = formats.elapsed(now - record.created_at)
    return QueueRow(record.id, title_of(record), urgency, URGENCY_NAMES[urgency], _confidence(record), age, current)


def _order(record: Record, routing: Routing, *, now: datetime, incident: Hotspot | None) -> OrderView:
    words = [word for word, weight in routing.reason.words if weight > 0]
    best = max((weight for _, weight in routing.reason.words), default=1.0) or 1.0
    merge_into = (incident.record_ids[0] if incident and incident.record_ids else "") or next(
        (order.record_id for order in routing.similar if order.similarity >= SURE), ""
    )
    meta = (formats.full_moment(record.created_at), CHANNEL_NAMES.get(record.channel, record.channel), place_of(record))
    return OrderView(
        id=record.id,
        number=record.native_id or record.id[:12],
        title=pieces(title_of(record), words, "reason"),
        text=pieces(record.text, words, "reason"),
        meta=tuple(part for part in meta if part and part != formats.DASH),
        urgency=routing.urgency,
        urgency_name=URGENCY_NAMES[routing.urgency],
        topic=routing.topic or "模型不确定",
        demand_type=record.stated_type or routing.demand_type or "模型不确定",
        deadline=_deadline(record, now),
        overdue=bool(record.due_at and record.due_at < now),
        candidates=tuple(
            CandidateRow(i, c.label, DEPARTMENTS.get(c.label, c.label), c.probability, _sure(c.probability))
            for i, c in enumerate(routing.candidates[:CANDIDATES], 1)
        ),
        to_person=routing.to_person,
        verdict=_verdict(routing),
        reasons=tuple((w, IntervalBar(0, round(100 * x / best, 1), x)) for w, x in routing.reason.words[:6] if x > 0),
        rule=routing.reason.rule,
        similar=routing.similar[:SIMILAR],
        incident=incident,
        merge_into=merge_into,
        model=routing.model,
    )


def _sure(probability: float) -> str:
    return "把握大" if probability >= SURE else "较可能" if probability >= LIKELY else "把握小"


def _verdict(routing: Routing) -> str:
    if routing.urgency == URGENCIES[-1]:
        return "可能危及人身安全，请人工即刻处理。"
    if routing.to_person or routing.department is None:
        return "模型没有把握，请人工判断。"
    return f"建议派 {DEPARTMENTS.get(routing.department, routing.department)}，置信度 {100 * routing.confidence:.0f}%。"


def _deadline(record: Record, now: datetime) -> str:
    if not record.due_at:
        return "未定"
    if record.due_at < now:
        return f"已逾期 {formats.elapsed(now - record.due_at)}"
    return f"{formats.moment(record.due_at)} 到期，还有 {formats.elapsed(record.due_at - now)}"
