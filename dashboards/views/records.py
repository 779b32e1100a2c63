"""One order, as the side panel shows it: masked text, what is known, what the model read and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboards import formats
from dashboards.views.counts import label_of
from dashboards.views.marks import Piece, pieces, spans
from indices.collection.reposts import Family
from models.labels import CHANNEL_NAMES, DEPARTMENTS, EMOTION_NAMES, RATINGS, URGENCY_NAMES
from models.record import Annotation, Candidate, Record

ENTITY_NAMES: Final = {
    "place": "地点", "road": "道路", "community": "小区", "organisation": "单位", "person": "人名", "street": "街道",
}  # fmt: skip
HEAD_NAMES: Final = {
    "topic": "分类", "subtopic": "二级分类", "demand_type": "类型", "department": "承办单位", "urgency": "紧急程度",
    "sentiment": "情感", "emotion": "情绪",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model read for one head; `sure` False: it abstained and these are only its candidates."""

    name: str
    candidates: tuple[Candidate, ...]
    sure: bool


@dataclass(frozen=True, slots=True)
class RecordView:
    record: Record
    title: str
    title_pieces: tuple[Piece, ...]
    text_pieces: tuple[Piece, ...]
    channel: str
    urgency: str
    steps: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...]
    readings: tuple[Reading, ...]
    mood: str
    rating: str
    keywords: tuple[str, ...]
    back: str
    family: Family | None = None


def record_view(
    record: Record, *, words: Iterable[str] = (), back: str = "", family: Family | None = None
) -> RecordView:
    """`words` are marked instead of the entities (the search that led here); `back` is where closing the panel leads;
    `family`: the records that say the same, it among them."""
    words = tuple(words)
    note = record.annotation
    entities = [(e.start, e.end, f"entity {ENTITY_NAMES.get(e.kind, e.kind)}") for e in note.entities] if note else []
    offset = len(record.title) + 1 if record.title else 0
    inside = [(start - offset, end - offset, mark) for start, end, mark in entities if start >= offset]
    return RecordView(
        record=record,
        title=title_of(record),
        title_pieces=pieces(title_of(record), words),
        text_pieces=pieces(record.text, words) if words else spans(record.text, inside),
        channel=CHANNEL_NAMES.get(record.channel, record.channel),
        urgency=URGENCY_NAMES[note.urgency] if note else "",
        steps=_steps(record),
        facts=tuple((name, value) for name, value in _facts(record) if value),
        readings=_readings(note) if note else (),
        mood=_mood(note) if note else "",
        rating=RATINGS.get(record.rating, "") if record.rating else "",
        keywords=note.keywords if note else (),
        back=back,
        family=family,
    )


def title_of(record: Record) -> str:
    """The title, else the beginning of the text."""
    if record.title.strip():
        return record.title
    flat = " ".join(record.text.split())
    return (flat[:36] + "…" if len(flat) > 36 else flat) or "（无标题）"


def place_of(record: Record) -> str:
    """District, street, community and place, as far as they are known and do not repeat each other."""
    parts: list[str] = []
    for part in (record.district, record.street, record.community, record.place):
        if part and part not in parts:
            parts.append(part)
    return " ".join(parts)


def _steps(record: Record) -> tuple[Step, ...]:
    named = (
        ("提出", record.created_at), ("受理", record.accepted_at), ("派单", record.dispatched_at), ("签收", record.signed_at),
        ("到期", record.due_at), ("回复", record.replied_at), ("办结", record.closed_at), ("回访", record.called_back_at),
    )  # fmt: skip
    return tuple(Step(name, at, formats.full_moment(at)) for name, at in named if at)


def _facts(record: Record) -> Iterable[tuple[str, str]]:
    yield "工单编号", record.native_id or record.id
    yield "来源", record.source
    yield "地点", place_of(record)
    yield "承办单位", label_of("department", record.department) if record.department else ""
    yield "状态", record.status or ""
    yield "诉求类型", record.demand_type or ""
    yield "原分类", record.stated_topic or ""
    yield "退单", f"{record.returns} 次" if record.returns else ""
    yield "转办", f"{record.transfers} 次" if record.transfers else ""
    yield "重办", f"{record.reopens} 次" if record.reopens else ""
    yield "催办", f"{record.reminders} 次" if record.reminders else ""
    yield "并单至", record.merged_into or ""
    yield "是否解决", record.resolved.value if record.resolved else ""
    yield "不满意原因", record.rating_reason or ""
    yield "数据分级", record.grade.value
    yield "采集依据", record.legal_basis or ""


def _readings(note: Annotation) -> tuple[Reading, ...]:
    departments = tuple(
        Candidate(label=DEPARTMENTS.get(c.label, c.label), probability=c.probability) for c in note.departments
    )
    heads = (("topic", note.topics), ("demand_type", note.demand_types), ("department", departments))
    return tuple(Reading(HEAD_NAMES[head], found[:3], head not in note.abstained) for head, found in heads if found)


def _mood(note: Annotation) -> str:
    emotion = EMOTION_NAMES.get(note.emotion or "", "")
    return "，".join(part for part in (emotion, f"正面概率 {100 * note.positive:.0f}%") if part)
