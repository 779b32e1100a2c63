"""Layout of the embedded index: what each record becomes in it."""

from __future__ import annotations

from functools import cache

import tantivy

from indices.stores.matching import Kept
from models.query import FIELDS, TEXT_FIELDS

CREATED, REVISION, RANK, RECORD = "created", "revision", "rank", "record"


@cache
def schema() -> tantivy.Schema:
    """Fields of the index. After a change older folders are rewritten when they are opened (`embedded_rewriting`).

    Exact fields are raw terms and columns (`fast`), words are split at white space and keep their positions, and the
    record itself lies compressed beside them.
    """
    builder = tantivy.SchemaBuilder()
    for name in FIELDS:
        builder.add_text_field(name, stored=name == "id", fast=True, tokenizer_name="raw", index_option="basic")
    for name in TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in (CREATED, REVISION, RANK):
        builder.add_integer_field(name, fast=True)
    builder.add_bytes_field(RECORD, stored=True)
    return builder.build()


def rank(record_id: str) -> int:
    """The first 63 bits of the id: orders ids as their text does, save for ties, without reading any text."""
    return int.from_bytes(record_id.encode()[:8].ljust(8, b"\0"), "big") >> 1


def document(kept: Kept) -> tantivy.Document:
    """Raises ValueError or TypeError where the index cannot hold it."""
    record = kept.record
    return tantivy.Document(
        **kept.keywords,
        **{name: " ".join(tokens) for name, tokens in kept.tokens.items() if tokens},
        created=kept.created,
        revision=record.revision,
        rank=rank(record.id),
        record=record.model_dump_json(exclude_none=True).encode(),
    )
