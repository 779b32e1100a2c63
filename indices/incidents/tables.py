"""Tables of the register. `changes` is the log that undoing reads; nothing is ever deleted from it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Double, Integer, String, Table, Text

from indices.database import metadata

incidents: Final = Table(
    "incidents", metadata,
    Column("number", String(16), primary_key=True),  # SJ2026-00017
    Column("title", Text, nullable=False),
    Column("renamed", Boolean, nullable=False),  # a person's title stays
    Column("state", String(16), nullable=False, index=True),
    Column("merged_into", String(16), nullable=True, index=True),
    Column("opened_at", Double, nullable=False),
    Column("first", Double, nullable=False),  # of its records as the machine last saw them
    Column("last", Double, nullable=False, index=True),
    Column("level", String(4), nullable=False),
    Column("heat", Double, nullable=False),
    Column("topic", String(64), nullable=False),
    Column("place", Text, nullable=False),
    Column("words", Text, nullable=False),  # what it is compared with others by, separated by spaces
)  # fmt: skip

members: Final = Table(
    "incident_members", metadata,
    Column("record_id", String(64), primary_key=True),
    Column("number", String(16), nullable=False, index=True),
    Column("placed", Boolean, nullable=False),  # by a person: the machine leaves it there
)  # fmt: skip

changes: Final = Table(
    "incident_changes", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("number", String(16), nullable=False, index=True),
    Column("other", String(16), nullable=True, index=True),  # the second incident of a merge, split or move
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("before", Text, nullable=False),  # JSON: what undoing writes back
    Column("undone", Boolean, nullable=False),
)  # fmt: skip
