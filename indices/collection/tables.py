"""Tables of collection: the pages of a web source, and where every source stands. Instants are Unix seconds."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from indices.database import metadata

# A page of a web source: what is to be asked, when, and what was found there last.
page = Table(
    "crawl_page", metadata,
    Column("source", String(100), primary_key=True),
    Column("key", String(40), primary_key=True),  # digest of role, canonical address and form
    Column("url", Text, nullable=False),
    Column("role", String(10), nullable=False),  # list or detail
    Column("depth", Integer, nullable=False),  # pages of the same paging before it
    Column("idle", Integer, nullable=False),  # of these, the last ones that showed nothing new
    Column("context", Text, nullable=False),  # JSON: what the list said beside the link
    Column("mark", String(40), nullable=False),  # digest of that, without times and counts
    Column("round", Integer, nullable=False),  # in which it was last wanted
    Column("found_at", Double, nullable=False),
    Column("due_at", Double, nullable=True),  # null: not wanted any more
    Column("asked_at", Double, nullable=True),
    Column("status", Integer, nullable=False),  # of HTTP; 0: no answer
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),  # Last-Modified in the site's words
    Column("digest", String(40), nullable=False),
    Column("visits", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),  # in a row
    Column("settled", Integer, nullable=False),  # 1: answered or gone, so not visited again by itself
    Column("error", Text, nullable=False),
)  # fmt: skip
Index("crawl_page_due", page.c.source, page.c.due_at)

# Where a source stands; every kind of source has one of these rows.
place = Table(
    "source_place", metadata,
    Column("source", String(100), primary_key=True),
    Column("paused", Integer, nullable=False, server_default="0"),
    Column("wanted_at", Double, nullable=True),  # somebody asked for a run
    Column("not_before", Double, nullable=False, server_default="0"),  # the site asked to be left alone until then
    Column("round", Integer, nullable=False, server_default="0"),
    Column("position", Text, nullable=False, server_default="{}"),  # JSON: what a connector has read
    Column("began_at", Double, nullable=True),  # of the run at work, or of the last one
    Column("ended_at", Double, nullable=True),  # earlier than began_at: the run is at work, or died
    Column("reason", Text, nullable=False, server_default=""),  # how it ended, in words
    Column("error", Text, nullable=False, server_default=""),  # why it failed; empty: it did not
)  # fmt: skip
