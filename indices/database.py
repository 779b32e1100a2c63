"""The state database: inbox, ledger, users, audit, decisions. One set of tables on SQLite and PostgreSQL.

Each module declares its tables on `metadata` and imports nothing from the others. Instants are kept as Unix seconds
(Double), so that both engines compare them alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url

metadata = MetaData()


def connect(url: str, *, timeout_seconds: float = 30.0) -> Engine:
    """An engine on the state database; a SQLite file's folder is made.

    SQLite: WAL so that readers never wait for the writer; synchronous=FULL so that a commit is on the disk before it is
    acknowledged (promise R1).
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_timeout=timeout_seconds)
    if path := make_url(url).database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": timeout_seconds})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below takes the write lock at once
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # BEGIN IMMEDIATE: two writers queue up instead of failing half-way with "database is locked".
        options = connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if options.get("read_only") else "BEGIN IMMEDIATE")

    return engine


def create_tables(engine: Engine) -> None:
    """Make every table that does not exist yet."""
    import indices.audit  # noqa: F401 - declares its tables
    import indices.civic.decisions
    import indices.intake.inbox
    import indices.ledger
    import indices.users  # noqa: F401

    metadata.create_all(engine)
