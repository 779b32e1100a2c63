"""Tables of the inbox and of what the worker line does beside it. A row lives in `inbox` until it is settled; then only the
counters remember it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, String, Table, Text

from indices.database import metadata

_ROW = BigInteger().with_variant(Integer, "sqlite")

inbox = Table(
    "inbox", metadata,
    Column("row", _ROW, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("body", Text, nullable=False),  # the item as JSON
    Column("accepted_at", Double, nullable=False),
    Column("leased_until", Double, nullable=False, server_default="0"),  # 0: free
    Column("worker", String(200), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),  # leases so far; also the number that fences a late worker off
    Column("releases", Integer, nullable=False, server_default="0"),  # leases that were given back; the others ended in a death
    sqlite_autoincrement=True,  # a row's number names it for ever (`Record.intake`), so it is never used again
)  # fmt: skip

quarantine = Table(
    "quarantine", metadata,
    Column("row", _ROW, primary_key=True, autoincrement=False),
    Column("source", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("quarantined_at", Double, nullable=False),
)  # fmt: skip

counts = Table(
    "inbox_counts", metadata,
    Column("source", String(100), primary_key=True),
    *(Column(name, BigInteger, nullable=False, server_default="0")
      for name in ("received", "stored", "updated", "duplicate", "quarantined", "refused", "waiting")),
)  # fmt: skip

# One row: what all writers have to agree on.
state = Table(
    "inbox_state", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", String(8), nullable=False),  # told apart from another inbox's rows in the same store
    Column("waiting", BigInteger, nullable=False, server_default="0"),
    Column("bad_in_a_row", Integer, nullable=False, server_default="0"),
    Column("halted_at", Double, nullable=True),  # set: the worker line stands until somebody looked at the quarantine
    Column("settled_at", Double, nullable=False, server_default="0"),
    Column("rate", Double, nullable=False, server_default="0"),  # items settled per second, smoothed
)  # fmt: skip

# One row: the wish that everything kept be read again by one model (`indices.intake.renewal`).
renewal = Table(
    "renewal", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", String(200), nullable=False),  # of the model
    Column("asked_at", Double, nullable=False),
    Column("finished_at", Double, nullable=True),
    Column("round", Integer, nullable=False),
    Column("cursor_us", BigInteger, nullable=True),  # created_at and id of the last record that this round looked at
    Column("cursor_id", Text, nullable=False),
    Column("looked", BigInteger, nullable=False),  # records looked at in this round
    Column("renewed_in_round", BigInteger, nullable=False),
    Column("renewed", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),  # in this round
    Column("renewed_ever", BigInteger, nullable=False),  # by this and all earlier wishes: figures computed before are stale
    Column("leased_until", Double, nullable=False),
    Column("worker", String(200), nullable=False),
    Column("attempts", Integer, nullable=False),  # leases since the cursor last moved
)  # fmt: skip
