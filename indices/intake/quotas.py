"""How many items an account may push a day: a client that runs wild fills its own share and not the inbox."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Engine, String, Table, delete, select

from indices.database import metadata, reading, upsert, writing
from models.clock import city_day, day_start, now
from models.errors import TooManyRequests

push_quotas = Table(
    "push_quotas", metadata,
    Column("account", String(100), primary_key=True),
    Column("items_a_day", BigInteger, nullable=False),
)  # fmt: skip
pushed = Table(
    "pushed", metadata,
    Column("account", String(100), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("items", BigInteger, nullable=False),
)  # fmt: skip


class Quotas:
    """Accounts without a quota are not counted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, account: str, items_a_day: int | None) -> None:
        """None: no quota any more."""
        with writing(self._engine) as connection:
            if items_a_day is None:
                connection.execute(delete(push_quotas).where(push_quotas.c.account == account))
                return
            row = upsert(self._engine, push_quotas).values(account=account, items_a_day=items_a_day)
            connection.execute(row.on_conflict_do_update(index_elements=["account"], set_={"items_a_day": items_a_day}))

    def get(self, account: str) -> int | None:
        with reading(self._engine) as connection:
            return connection.execute(
                select(push_quotas.c.items_a_day).where(push_quotas.c.account == account)
            ).scalar()

    def used(self, account: str, at: datetime | None = None) -> int:
        """Items pushed on the city's day."""
        day = city_day(at or now()).isoformat()
        with reading(self._engine) as connection:
            return (
                connection.execute(
                    select(pushed.c["items"]).where(pushed.c.account == account, pushed.c.day == day)
                ).scalar()
                or 0
            )

    def take(self, account: str, items: int, at: datetime | None = None) -> None:
        """Count items that are about to be accepted. Raises TooManyRequests until midnight where they do not fit; then none is counted."""
        if (quota := self.get(account)) is None:
            return
        moment = at or now()
        day = city_day(moment)
        with writing(self._engine) as connection:
            same = (pushed.c.account == account, pushed.c.day == day.isoformat())
            used = connection.execute(select(pushed.c["items"]).where(*same)).scalar() or 0
            if used + items > quota:
                wait = (day_start(day + timedelta(days=1)) - moment).total_seconds()
                raise TooManyRequests(
                    limit=f"每天 {quota:,} 件（今天已收 {used:,} 件）", retry_after_seconds=max(1, int(wait))
                )
            row = upsert(self._engine, pushed).values(account=account, day=day.isoformat(), items=items)
            connection.execute(
                row.on_conflict_do_update(index_elements=["account", "day"], set_={"items": pushed.c["items"] + items})
            )
            connection.execute(delete(pushed).where(pushed.c.day < (day - timedelta(days=40)).isoformat()))
