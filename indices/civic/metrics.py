"""The metric registry (口径): definitions are data (metrics.toml), the implementation is one, so that two screens agree."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from models.clock import city_day, now
from models.errors import NotFound
from models.figures import Metric, Source
from models.ports import Reader
from models.query import FIELDS, Query
from models.record import Frozen

Filters = dict[str, tuple[str, ...]]


class Definition(Frozen):
    name: str
    title: str
    unit: str
    effective: date
    owner: str
    definition: str
    numerator: Filters
    denominator: Filters | None = None

    @property
    def version(self) -> str:
        return f"{self.name}@{self.effective}"


@cache
def registry(path: Path = Path(__file__).with_name("metrics.toml")) -> tuple[Definition, ...]:
    """All definitions, of all dates."""
    definitions = tuple(
        Definition.model_validate(row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["metric"]
    )
    for one in definitions:
        unknown = (set(one.numerator) | set(one.denominator or {})) - set(FIELDS)
        if unknown:
            raise NotFound(what=f"指标 {one.name} 所用字段 {'、'.join(sorted(unknown))}")
    return definitions


def definition(name: str, day: date) -> Definition:
    """The definition of a metric that is in force on a day. Raises NotFound."""
    found = [one for one in registry() if one.name == name and one.effective <= day]
    if not found:
        raise NotFound(what=f"{day} 有效的指标 {name}")
    return max(found, key=lambda one: one.effective)


def measure(reader: Reader, name: str, query: Query) -> Metric:
    """The metric over the question's records; the value is None where the denominator is empty.

    A rate's value is in percent. The definition is the one in force on the last day of the window.
    """
    one = definition(name, city_day(query.until - timedelta(microseconds=1) if query.until else now()))
    numerator = _count(reader, query, {**(one.denominator or {}), **one.numerator})
    denominator = None if one.denominator is None else _count(reader, query, one.denominator)
    if denominator is None:
        value: float | None = float(numerator)
    else:
        value = round(100.0 * numerator / denominator, 2) if denominator else None
    source = Source(
        query=query,
        n=numerator if denominator is None else denominator,
        computed_at=now(),
        versions={"metric": one.version},
    )
    return Metric(name=name, title=one.title, value=value, unit=one.unit, numerator=numerator, denominator=denominator,
                  definition=one.definition, source=source)  # fmt: skip


def _count(reader: Reader, query: Query, filters: Filters) -> int:
    return reader.search(query.narrowed(**filters).model_copy(update={"size": 0, "offset": 0})).total
