"""The state database: inbox, ledger, users, audit, decisions. One set of tables on SQLite and PostgreSQL.

Each module declares its tables on `metadata`, imports nothing from the others, and opens its transactions by `reading` and
`writing`, so that a database that is away is one error of ours (503) wherever it is met. Instants are kept as Unix seconds
(Double), so that both engines compare them alike.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, PoolProxiedConnection, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.errors import DatabaseBusy

metadata = MetaData()

_TABLES_LOCK = 0x4D53  # any number of our own: PostgreSQL's advisory lock while tables are made


def connect(url: str, *, timeout_seconds: float = 30.0) -> Engine:
    """An engine on the state database; a SQLite file's folder is made.

    SQLite: WAL so that readers never wait for the writer; synchronous=FULL so that a commit is on the disk before it is
    acknowledged (promise R1). PostgreSQL: an address without a driver gets psycopg 3.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        return create_engine(address, pool_pre_ping=True, pool_timeout=timeout_seconds)
    if path := address.database:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    line = (Line(), timeout_seconds)
    engine = create_engine(url, connect_args={"timeout": timeout_seconds}, execution_options={"write_line": line})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below takes the write lock at once
        cursor = connection.cursor()
        _use_write_ahead_log(cursor, timeout_seconds)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=FAST")  # what was said is not left in freed pages where that costs nothing
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # BEGIN IMMEDIATE: two writers queue up instead of failing half-way with "database is locked". By the driver's own
        # connection, because SQLAlchemy's execution would be a quarter of the cost of a small transaction.
        begin = "BEGIN" if connection.get_execution_options().get("read_only") else "BEGIN IMMEDIATE"
        try:
            connection.connection.driver_connection.execute(begin)
        except sqlite3.OperationalError as error:
            raise OperationalError(begin, None, error) from error

    return engine


def _use_write_ahead_log(cursor: Any, timeout_seconds: float) -> None:
    """Switch a new file to WAL. SQLite does not wait for a lock here, so processes that start together have to try again."""
    deadline = time.monotonic() + timeout_seconds
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end of the block.

    Raises:
        DatabaseBusy: the database is locked for longer than its timeout, full, or away, or no connection is free; nothing was
            written, unless the connection broke during COMMIT itself (then the same call may be repeated: every write here is idempotent).
    """
    with _busy(engine), _in_line(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing_directly(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """As `writing`, by the driver's connection alone: a fifth of the cost, for statements that are `Prepared`."""
    with _busy(engine), _in_line(engine):
        connection = engine.raw_connection()
        try:
            if engine.dialect.name == "sqlite":  # PostgreSQL's driver begins by itself
                connection.cursor().execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            connection.close()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; on SQLite it never waits for the writer.

    Raises:
        DatabaseBusy: the database is away.
    """
    with _busy(engine), engine.connect().execution_options(read_only=True) as connection:
        yield connection


class Line:
    """A lock that goes to who waits longest; a `threading.Lock` may go to the thread that has just released it, again and again."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        """Whether it is held now, after at most `timeout` seconds."""
        with self._changing:
            if not self._held:
                self._held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._changing:
            given = turn not in self._waiting  # between the end of the wait and now
            if not given:
                self._waiting.remove(turn)
            return given

    def release(self) -> None:
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


@contextmanager
def _in_line(engine: Engine) -> Iterator[None]:
    """SQLite: the threads of this process write one after the other; who waits is woken.

    SQLite's own waiting is to sleep, ever longer, and ask again: beside a thread that writes much, others waited for
    half a second to write a row that takes one millisecond (`tests/bench/bench_neighbours.py`).

    Raises:
        DatabaseBusy: the line did not move for as long as SQLite would have waited.
    """
    line, timeout_seconds = engine.get_execution_options().get("write_line", (None, 0.0))
    if line is None:
        yield
        return
    if not line.acquire(timeout_seconds):
        raise DatabaseBusy(reason=f"{timeout_seconds:g} 秒内没有轮到写入")
    try:
        yield
    finally:
        line.release()


@contextmanager
def _busy(engine: Engine) -> Iterator[None]:
    driver: Any = engine.dialect.loaded_dbapi  # `Prepared` meets the driver's own errors
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise DatabaseBusy(reason=str(error.orig)) from error
    except PoolTimeout as error:  # no connection of the pool became free in time
        raise DatabaseBusy(reason=str(error)) from error
    except (driver.OperationalError, driver.InterfaceError) as error:
        raise DatabaseBusy(reason=str(error)) from error


def upsert(engine: Engine, table: Table) -> Any:
    """An INSERT of this engine's dialect, with `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)


class Prepared:
    """A statement compiled once and given to the driver's own cursor.

    For the hottest writes only. Measured on SQLite in memory, three statements and their commit: 1.1 ms built anew each time,
    0.18 ms through the connection, 0.08 ms through the driver's cursor. Values must be what the driver takes: str, int, float.
    """

    def __init__(self, engine: Engine, statement: Any, columns: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=engine.dialect, column_keys=columns)
        self._sql = str(compiled)
        self._constants = compiled.params
        self._order = compiled.positiontup

    def run(self, connection: Connection | PoolProxiedConnection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run for each row of values; the number of rows changed."""
        values: list[Any] = [{**self._constants, **row} for row in rows] if self._constants else list(rows)
        if self._order is not None:
            values = [tuple(row[name] for name in self._order) for row in values]
        cursor = (connection.connection if isinstance(connection, Connection) else connection).cursor()
        try:
            if len(values) == 1:
                cursor.execute(self._sql, values[0])
            else:
                cursor.executemany(self._sql, values)
            return int(cursor.rowcount)
        finally:
            cursor.close()


def database_seconds(connection: Connection) -> float:
    """Unix seconds by the clock that all processes on this database share: leases must not trust several machines' clocks."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def create_tables(engine: Engine) -> None:
    """Make every table that does not exist yet."""
    import indices.alerts.outbox  # these declare their tables
    import indices.alerts.refit
    import indices.alerts.rules
    import indices.audit
    import indices.civic.alerts
    import indices.civic.appeals
    import indices.civic.base_data
    import indices.civic.decisions
    import indices.civic.kept_groups
    import indices.civic.policies
    import indices.civic.surveys
    import indices.civic.weights
    import indices.collection.days
    import indices.collection.reposts
    import indices.collection.tables
    import indices.figures
    import indices.incidents.tables
    import indices.instructions
    import indices.intake.inbox
    import indices.intake.quotas
    import indices.ledger
    import indices.saved_views
    import indices.subscriptions
    import indices.topics.register
    import indices.users  # noqa: F401

    make_declared_tables(engine)


def make_declared_tables(engine: Engine) -> None:
    """Make the tables of the modules imported so far; processes that start together do it one after the other."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"))
        metadata.create_all(connection)
