"""Base data: how many people, households and legal persons live where, by year and source. What rates per 10,000 residents divide by."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Final

from pydantic import Field
from sqlalchemy import Column, Double, Engine, Integer, String, Table, select

from indices.database import metadata, reading, upsert, writing
from models.record import Frozen

INDICATORS: Final = {"population": "常住人口", "households": "户数", "legal_persons": "法人单位数"}
UNITS: Final = {"population": "人", "households": "户", "legal_persons": "个"}

base_figures = Table(
    "base_figures", metadata,
    Column("code", String(12), primary_key=True),
    Column("indicator", String(32), primary_key=True),
    Column("part", String(32), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("name", String(100), nullable=False, index=True),
    Column("value", Double, nullable=False),
    Column("source", String(200), nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip


class BaseFigure(Frozen):
    """One number of one division. `part`: an age group like 60岁以上; empty for all."""

    code: str = Field(description="code of the administrative division, 6, 9 or 12 digits")
    name: str
    indicator: str
    year: int
    value: float
    source: str
    part: str = ""


class BaseData:
    """What was imported; the newest import of a code, indicator, part and year stands."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def keep(self, rows: Sequence[BaseFigure], who: str) -> None:
        """All rows or none."""
        keys = ["code", "indicator", "part", "year"]
        with writing(self._engine) as connection:
            for row in rows:
                values = {**row.model_dump(), "who": who, "at": self._clock()}
                keep = upsert(self._engine, base_figures).values(values)
                connection.execute(keep.on_conflict_do_update(index_elements=keys, set_=values))

    def all(self) -> list[BaseFigure]:
        """By code, indicator, part and year."""
        names = tuple(BaseFigure.model_fields)
        order = [base_figures.c[name] for name in ("code", "indicator", "part", "year")]
        with reading(self._engine) as connection:
            rows = connection.execute(select(*(base_figures.c[name] for name in names)).order_by(*order))
            return [BaseFigure(**row._mapping) for row in rows]

    def of(
        self, indicator: str, year: int, *, names: Collection[str] | None = None, part: str = ""
    ) -> dict[str, BaseFigure]:
        """Name of a division → its figure of the newest year up to `year`, or of the earliest where all are later."""
        chosen = select(*(base_figures.c[name] for name in BaseFigure.model_fields)).where(
            base_figures.c.indicator == indicator, base_figures.c.part == part
        )  # fmt: skip
        with reading(self._engine) as connection:
            rows = [BaseFigure(**row._mapping) for row in connection.execute(chosen)]
        found: dict[str, BaseFigure] = {}
        for row in sorted(rows, key=lambda row: (row.year <= year, row.year if row.year <= year else -row.year)):
            if names is None or row.name in names:
                found[row.name] = row
        return found


def strangers(rows: Sequence[BaseFigure]) -> list[str]:
    """Code and name of each division whose code begins with another city's four digits than most do."""
    cities = Counter(row.code[:4] for row in rows)
    if not cities:
        return []
    own = max(cities, key=lambda city: (cities[city], city))
    return list(dict.fromkeys(f"{row.code} {row.name}" for row in rows if row.code[:4] != own))


def unmatched(rows: Sequence[BaseFigure], names: Collection[str]) -> list[str]:
    """Code and name of each division that no record names, in the file's order."""
    return list(dict.fromkeys(f"{row.code} {row.name}" for row in rows if row.name not in names))
