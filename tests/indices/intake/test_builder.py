from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from indices.intake.builder import AS_GIVEN, WRITTEN_BY_HAND, build_record
from models.identity import pseudonym, record_id, revision
from models.item import Item, Payload
from models.labels import Grade, Kind, Resolved
from models.record import Annotation, Record

KEY = b"k" * 32
NOTE = Annotation(model="none", topic="城乡建设")
PHONE = "13912345678"


def build(item: Item, **masked: str) -> Record:
    from nlp.annotate import Reading

    reading = Reading(**({"title": "标题", "text": "正文", "reply": ""} | masked), annotation=NOTE, probabilities={})
    return build_record(item, reading, intake="ab-1", pseudonym_key=KEY)


def test_every_field_of_the_payload_arrives(item: Callable[..., Item]) -> None:
    when = datetime(2026, 3, 1, 8, tzinfo=UTC)
    values: dict[str, Any] = {
        "kind": Kind.OPINION, "channel": "board", "url": "https://a.example/1", "adcode": "430100", "district": "甲区",
        "street": "南街", "community": "桥头社区", "place": "南门", "longitude": 112.9, "latitude": 28.2, "stated_type": "投诉",
        "stated_topic": "市政", "department": "城管局", "status": "已办结", "returns": 1, "transfers": 2, "reminders": 3, "reopens": 1,
        "merged_into": "77", "contacted": True, "resolved": Resolved.PARTLY, "rating": 2, "rating_reason": "太慢",
        "likes": 4, "dislikes": 5, "views": 6,
    } | {name: when for name in Payload.model_fields if name.endswith("_at")}  # fmt: skip
    record = build(item(**values), title="题", text="文", reply="复")
    assert {name: getattr(record, name) for name in values if name != "changed_at"} == {
        name: value for name, value in values.items() if name != "changed_at"
    }
    assert (record.title, record.text, record.reply, record.annotation) == ("题", "文", "复", NOTE)


def test_no_field_of_the_payload_is_forgotten() -> None:
    elsewhere = {"title", "text", "reply", "created_at", "speaker", "changed_at"}
    assert set(AS_GIVEN) | set(WRITTEN_BY_HAND) | elsewhere == set(Payload.model_fields)


def test_origin_and_identity(item: Callable[..., Item]) -> None:
    sent = item("7", revision=3).model_copy(update={"legal_basis": "条例第 8 条", "grade": Grade.IMPORTANT})
    record = build(sent)
    assert (record.id, record.revision, record.intake) == (record_id(sent), revision(sent), "ab-1")
    assert (record.source, record.native_id) == ("热线", "7")
    assert (record.legal_basis, record.grade) == ("条例第 8 条", Grade.IMPORTANT)


def test_without_a_time_the_item_counts_from_its_arrival(item: Callable[..., Item]) -> None:
    sent = item()
    assert build(sent).created_at == sent.fetched_at
    when = datetime(2026, 3, 1, tzinfo=UTC)
    assert build(item(created_at=when)).created_at == when


def test_the_speaker_becomes_a_pseudonym(item: Callable[..., Item]) -> None:
    record = build(item(speaker=f" {PHONE} "))
    assert record.speaker == pseudonym(KEY, PHONE)
    assert PHONE not in record.model_dump_json()
    assert build(item(speaker="  ")).speaker is None
    assert build(item()).speaker is None


@pytest.mark.parametrize("field", WRITTEN_BY_HAND)
def test_fields_written_by_hand_are_masked(item: Callable[..., Item], field: str) -> None:
    record = build(item(**{field: f"找我电话{PHONE}"}))
    assert PHONE not in getattr(record, field)
    assert getattr(record, field).startswith("找我电话")
    assert getattr(build(item(**{field: ""})), field) == ""
    assert getattr(build(item()), field) is None
