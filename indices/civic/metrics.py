"""The metric registry (口径): definitions are data (metrics.toml), the implementation is one, so that two screens agree.

A metric counts in a table of exactly the fields that its definition names (`Store.tabulate`); by a unit or a month, these are one
more field of the same table.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from indices.civic.base_data import INDICATORS, BaseData
from indices.civic.intervals import wilson
from indices.civic.workdays import workdays_between
from models.clock import city_day, now
from models.errors import NotFound
from models.figures import Change, Metric, MetricSeries, Source
from models.ports import Reader
from models.query import FIELDS, Bucket, Query
from models.record import Frozen

Filters = dict[str, tuple[str, ...]]
By = Literal["month", "week", "district", "department", "topic", "street"]
ANY: Final = ("*",)
PER: Final = 10_000
WHOLE: Final = ""


class Definition(Frozen):
    name: str
    title: str
    unit: str
    effective: date
    owner: str
    definition: str
    numerator: Filters
    denominator: Filters | None = None
    exclusions: Filters = {}
    per: str | None = None
    workdays: int | None = None

    @property
    def version(self) -> str:
        return f"{self.name}@{self.effective}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Exact fields that it looks at."""
        return tuple(dict.fromkeys([*self.numerator, *(self.denominator or {}), *self.exclusions]))


@cache
def registry(path: Path = Path(__file__).with_name("metrics.toml")) -> tuple[Definition, ...]:
    """All definitions, of all dates."""
    definitions = tuple(
        Definition.model_validate(row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["metric"]
    )
    for one in definitions:
        unknown = set(one.fields) - set(FIELDS) | ({one.per} - set(INDICATORS) if one.per else set())
        if unknown:
            raise NotFound(what=f"指标 {one.name} 所用字段 {'、'.join(sorted(unknown))}")
    return definitions


def names() -> tuple[str, ...]:
    """Every metric once, in the registry's order."""
    return tuple(dict.fromkeys(one.name for one in registry()))


def definition(name: str, day: date) -> Definition:
    """The definition of a metric that is in force on a day. Raises NotFound."""
    found = [one for one in registry() if one.name == name and one.effective <= day]
    if not found:
        raise NotFound(what=f"{day} 有效的指标 {name}")
    return max(found, key=lambda one: one.effective)


def last_day(query: Query) -> date:
    """The last day of the question's window; today where it has no end."""
    return city_day(query.until - timedelta(microseconds=1) if query.until else now())


def measure(reader: Reader, name: str, query: Query, *, base: BaseData | None = None) -> Metric:
    """The metric over the question's records; the value is None where the denominator is empty or unknown.

    A rate's value is in percent. The definition is the one in force on the last day of the window.
    """
    one = definition(name, last_day(query))
    hits, n = _counts(reader, one, query, None).get(WHOLE, (0, 0))
    whole = _base_of(reader, one, query, base) if one.per else None
    return _metric(one, hits, n, query, whole)


def measure_by(reader: Reader, name: str, query: Query, by: By, *, base: BaseData | None = None) -> dict[str, Metric]:
    """The metric of every unit that has a record, by its key. The definition is the one in force on the last day of the window."""
    one = definition(name, last_day(query))
    people = base.of(one.per, last_day(query).year) if one.per and base else {}
    return {
        key: _metric(one, hits, n, query.narrowed(**{by: (key,)}), people[key].value if key in people else None)
        for key, (hits, n) in sorted(_counts(reader, one, query, by).items())
        if key
    }


def series(reader: Reader, name: str, query: Query, *, base: BaseData | None = None) -> MetricSeries:
    """The metric month by month, each by the definition that was in force on the month's last day, and where that changed."""
    months = sorted(bucket.keys[0] for bucket in reader.aggregate(query, ["month"]))
    versions = {month: definition(name, _end_of(month)) for month in months}
    points: dict[str, Metric] = {}
    for one in {one.version: one for one in versions.values()}.values():
        counts = _counts(reader, one, query, "month")
        whole = _base_of(reader, one, query, base) if one.per else None
        for month in (month for month in months if versions[month] == one):
            points[month] = _metric(one, *counts.get(month, (0, 0)), query.narrowed(month=(month,)), whole)
    changes = [
        Change(month=month, day=versions[month].effective, definition=versions[month].definition, version=versions[month].version)
        for before, month in pairwise(months) if versions[before] != versions[month]
    ]  # fmt: skip
    newest = definition(name, last_day(query))
    return MetricSeries(
        name=name, title=newest.title, unit=newest.unit, points={m: points[m] for m in months}, changes=tuple(changes)
    )


def _end_of(month: str) -> date:
    year, number = map(int, month.split("-"))
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


def _counts(reader: Reader, one: Definition, query: Query, by: By | None) -> dict[str, tuple[int, int]]:
    """Numerator and denominator by unit; of a count, both are the count."""
    if one.workdays is not None:
        return _by_clock(reader, one, query, by)
    fields = [*([by] if by else []), *(field for field in one.fields if field != by)]
    if not fields:
        total = reader.search(query.model_copy(update={"size": 0, "offset": 0})).total
        return {WHOLE: (total, total)}
    return count(reader.tabulate(query, fields), fields, one, by)


def count(
    table: Sequence[Bucket], fields: Sequence[str], one: Definition, by: str | None
) -> dict[str, tuple[int, int]]:
    """Numerator and denominator by the values of `by`, of a table of these fields."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for bucket in table:
        row = dict(zip(fields, bucket.keys, strict=True))
        if not meets(row, one.denominator or {}) or any(_fits(row[f], values) for f, values in one.exclusions.items()):
            continue
        counts = found[row[by] if by else WHOLE]
        counts[1] += bucket.count
        counts[0] += bucket.count if meets(row, one.numerator) else 0
    return {key: (counts[0], counts[1]) for key, counts in found.items()}


def meets(row: Mapping[str, str], filters: Filters) -> bool:
    """Whether every field has one of its values."""
    return all(_fits(row[field], values) for field, values in filters.items())


def _fits(value: str, values: tuple[str, ...]) -> bool:
    return bool(value) if values == ANY else value in values


def _by_clock(reader: Reader, one: Definition, query: Query, by: By | None) -> dict[str, tuple[int, int]]:
    """Answered within the definition's working days, of those whose days are over."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    limit, today = one.workdays or 0, city_day(now())
    for record in reader.scan(query):
        row = record.keywords_of()
        if any(_fits(row.get(field, ""), values) for field, values in one.exclusions.items()):
            continue
        begin = city_day(record.created_at)
        if workdays_between(begin, today) < limit:
            continue
        counts = found[row.get(by, "") if by else WHOLE]
        counts[1] += 1
        settled = record.settled_at
        counts[0] += settled is not None and workdays_between(begin, city_day(settled)) <= limit
    return {key: (counts[0], counts[1]) for key, counts in found.items()}


def _base_of(reader: Reader, one: Definition, query: Query, base: BaseData | None) -> float | None:
    """How many of the indicator live where the question's records come from; None where one district has no figure."""
    if base is None or one.per is None:
        return None
    units = {bucket.keys[0] for bucket in reader.aggregate(query, ["district"])}
    found = base.of(one.per, last_day(query).year, names=units)
    return sum(figure.value for figure in found.values()) if units and set(found) == units else None


def _metric(one: Definition, hits: int, n: int, query: Query, whole: float | None) -> Metric:
    ends: tuple[float | None, ...] = (None, None, None, None)
    denominator = None if one.denominator is None and one.per is None else n
    if one.per is not None:
        denominator = None if whole is None else round(whole)
        value = round(PER * hits / whole, 2) if whole else None
    elif one.denominator is None:
        value = float(hits)
    else:
        value = round(100.0 * hits / n, 2) if n else None
        ends = (*wilson(hits, n), *wilson(hits, n, mass=0.9)) if n else ends
    source = Source(
        query=query, n=hits if denominator is None else n, computed_at=now(), versions={"metric": one.version}
    )
    return Metric(name=one.name, title=one.title, value=value, unit=one.unit, numerator=hits, denominator=denominator,
                  definition=one.definition, owner=one.owner, effective=one.effective, low=ends[0], high=ends[1], low90=ends[2],
                  high90=ends[3], source=source)  # fmt: skip
