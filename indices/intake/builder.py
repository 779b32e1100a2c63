"""From an item and what was read in it to the record that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.identity import pseudonym, record_id, revision
from models.item import Item
from models.record import Record

if TYPE_CHECKING:
    from nlp.annotate import Reading

AS_GIVEN = (
    "kind", "channel", "url", "accepted_at", "dispatched_at", "signed_at", "due_at", "replied_at", "closed_at", "called_back_at",
    "adcode", "district", "longitude", "latitude", "stated_type", "stated_topic", "department", "status", "returns", "transfers",
    "reminders", "reopens", "merged_into", "contacted", "resolved", "rating", "likes", "dislikes", "views",
)  # fmt: skip
WRITTEN_BY_HAND = ("street", "community", "place", "rating_reason")
"""Short fields that people fill with whatever they like; masked like the text."""


def build_record(item: Item, reading: Reading, *, intake: str, pseudonym_key: bytes) -> Record:
    """The record of one state.

    Args:
        reading: the masked title, text and reply, and their annotation.
        intake: the inbox row.
        pseudonym_key: turns the speaker into a pseudonym; the name or number itself is not kept.

    An item without `created_at` counts from the time it was fetched.
    """
    from nlp.mask import mask

    payload = item.payload
    fields = {name: getattr(payload, name) for name in AS_GIVEN}
    for name in WRITTEN_BY_HAND:
        value = getattr(payload, name)
        fields[name] = mask(value).text if value else value
    return Record(
        id=record_id(item),
        revision=revision(item),
        intake=intake,
        source=item.source,
        native_id=item.native_id,
        legal_basis=item.legal_basis,
        grade=item.grade,
        title=reading.title,
        text=reading.text,
        reply=reading.reply,
        created_at=payload.created_at or item.fetched_at,
        speaker=pseudonym(pseudonym_key, payload.speaker) if payload.speaker and payload.speaker.strip() else None,
        annotation=reading.annotation,
        **fields,
    )
