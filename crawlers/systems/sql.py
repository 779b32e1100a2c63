"""Rows of a table or view, by a column that only grows or by the time of the last change. SQLAlchemy: PostgreSQL and SQLite are tested for
real; MySQL, Oracle and 达梦 by their dialects' addresses.

Rows are read in the order of the cursor, a batch after the other, each by a query of its own (keyset paging), so that no transaction stays
open in somebody else's system. Rows without a cursor are not seen: they have no place in the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Column, Engine, MetaData, Table, and_, create_engine, inspect, or_, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from crawlers.systems.source import Batch, Span, SystemSource
from models.errors import BadFile, SourceUnavailable

_TIMEOUTS: Final[dict[str, dict[str, Any]]] = {
    "sqlite": {"timeout": 30},
    "postgresql": {"connect_timeout": 10},
    "mysql": {"connect_timeout": 10},
}


class SqlConnector:
    """One table."""

    def __init__(self, source: SystemSource) -> None:
        self.source = source

    def batches(self, position: Mapping[str, Any], span: Span | None = None) -> Iterator[Batch]:
        system = self._engine()
        try:
            yield from self._read(system, self._table(system), position, span)
        except SQLAlchemyError as error:
            raise SourceUnavailable(source=self.source.name, reason=_reason(error)) from None
        finally:
            system.dispose()

    def _read(self, system: Engine, table: Table, position: Mapping[str, Any], span: Span | None) -> Iterator[Batch]:
        cursor = self._column(table, self.source.cursor)
        key = self._column(table, self.source.key) if self.source.key else None
        last, last_key = _known(position.get("cursor"), cursor), position.get("key")
        if span is None and last is not None and self.source.overlap:
            last, last_key = _back(last, self.source.overlap), None
        if span is not None:
            last = last_key = None
        highest = position if span is None else {}
        while True:
            query = (
                select(table)
                .where(cursor.is_not(None))
                .order_by(cursor, *([key] if key is not None else []))
                .limit(self.source.batch)
            )
            if last is not None and key is not None and last_key is not None:
                query = query.where(or_(cursor > last, and_(cursor == last, key > last_key)))
            elif last is not None:
                query = query.where(cursor >= last if key is not None else cursor > last)
            if span is not None:
                query = query.where(cursor >= _as_moment(cursor, span.begin), cursor <= _as_moment(cursor, span.end))
            with system.connect() as connection:
                rows = [dict(row._mapping) for row in connection.execute(query)]
            if not rows:
                return
            last = rows[-1][cursor.name]
            last_key = rows[-1][key.name] if key is not None else None
            # What is read again for the overlap lies behind the position; that never goes back.
            reached = {"cursor": _plain(last), "key": _plain(last_key)}
            highest = reached if not highest or _not_before(last, _known(highest.get("cursor"), cursor)) else highest
            yield Batch([{name: _plain(value) for name, value in row.items()} for row in rows], dict(highest))
            if len(rows) < self.source.batch:
                return

    def _engine(self) -> Engine:
        url = self.source.filled(self.source.url)
        try:
            backend = url.partition(":")[0].partition("+")[0]
            return create_engine(url, connect_args=_TIMEOUTS.get(backend, {}), pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise BadFile(
                file=self.source.name, reason=f"数据库地址不可用（{error}）；驱动要另装，例如 pip install pymysql"
            ) from None

    def _table(self, engine: Engine) -> Table:
        schema, _, name = self.source.table.rpartition(".")
        try:
            return Table(name, MetaData(), schema=schema or None, autoload_with=engine)
        except NoSuchTableError:
            there = sorted(
                [*inspect(engine).get_table_names(schema or None), *inspect(engine).get_view_names(schema or None)]
            )
            raise BadFile(
                file=self.source.name, reason=f"没有表 {self.source.table}；有 {'、'.join(there[:20]) or '（空）'}"
            ) from None

    def _column(self, table: Table, name: str) -> Column[Any]:
        if name not in table.c:
            raise BadFile(
                file=self.source.name,
                reason=f"表 {self.source.table} 没有列 {name}；有 {'、'.join(column.name for column in table.c)}",
            )
        return table.c[name]


def _reason(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]


def _is_time(column: Column[Any]) -> bool:
    try:
        return issubclass(column.type.python_type, date)
    except NotImplementedError:
        return False


def _known(value: Any, column: Column[Any]) -> Any:
    """A kept cursor as the column's kind again."""
    if value is None or not _is_time(column):
        return value
    moment = datetime.fromisoformat(value)
    return moment if issubclass(column.type.python_type, datetime) else moment.date()


def _as_moment(column: Column[Any], moment: datetime) -> Any:
    if not _is_time(column):
        raise BadFile(file=column.table.name, reason=f"按日期补采要求 cursor 是时间列，{column.name} 不是")
    return moment if getattr(column.type, "timezone", False) else moment.replace(tzinfo=None)


def _not_before(value: Any, other: Any) -> bool:
    return other is None or value >= other


def _back(last: Any, overlap: float) -> Any:
    return last - timedelta(seconds=overlap) if isinstance(last, date) else last - type(last)(overlap)


def _plain(value: Any) -> Any:
    """A value as JSON and the mapping can take it."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, memoryview)):
        return None  # pictures and recordings are not for reading
    return value if value is None or isinstance(value, (str, int, float, bool, list, dict)) else str(value)
