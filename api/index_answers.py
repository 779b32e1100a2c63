"""What stands behind the page 满意度, its exports and the API of the same: each figure computed or remembered, one way for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel

from api.answers import FRESH_SECONDS, INDEX_SECONDS, mark_of, note_figure, question_of, within
from indices.access import ScopedStore
from models.clock import day_start
from models.errors import BadRequest
from models.figures import (
    Composite,
    Drivers,
    Evaluation,
    Index,
    IndexChange,
    Metrics,
    MetricSeries,
    PolicyEffect,
    TextPrediction,
)
from models.query import Query

if TYPE_CHECKING:
    from api.wiring import House
    from models.satisfaction import Policy, Scheme, Weekly

Unit = Literal["district", "department", "topic"]
Figure = TypeVar("Figure", bound=BaseModel)


def query_of(since: date, until: date, district: str | None) -> Query:
    """Records of the city days [since, until)."""
    return within(district).model_copy(update={"since": day_start(since), "until": day_start(until)})


def remembered(
    house: House,
    reader: ScopedStore,
    kind: type[Figure],
    name: str,
    parts: tuple[object, ...],
    compute: Callable[[], Figure],
    max_age_seconds: float = INDEX_SECONDS,
) -> Figure:  # fmt: skip
    """The kept figure or a new one; an access is noted either way."""
    if not reader.viewer.sees_business:
        return compute()
    question = question_of(reader, *parts)
    note_figure(house, reader, name, question)
    return house.figures.get(
        kind, name, question, mark=mark_of(house), max_age_seconds=max_age_seconds, compute=compute
    )


def metrics(house: House, reader: ScopedStore, since: date, until: date, *, district: str | None = None) -> Metrics:
    """Every metric of the registry over the days [since, until)."""
    from indices.civic.metrics import measure, names

    query = query_of(since, until, district)

    def compute() -> Metrics:
        return Metrics(metrics=tuple(measure(reader, name, query, base=house.base) for name in names()))

    return remembered(house, reader, Metrics, "metrics", (district, since, until), compute, FRESH_SECONDS)


def metric_series(
    house: House, reader: ScopedStore, name: str, since: date, until: date, *, district: str | None = None
) -> MetricSeries:
    """One metric month by month. Raises NotFound."""
    from indices.civic.metrics import definition, series

    definition(name, until - timedelta(days=1))  # before a name goes into a question
    query = query_of(since, until, district)
    return remembered(
        house, reader, MetricSeries, "series", (name, district, since, until), lambda: series(reader, name, query, base=house.base)
    )  # fmt: skip


def weekly(house: House, reader: ScopedStore, index: Index) -> Weekly:
    """The weeks of every unit of an index by district, department or topic."""
    from indices.civic.weekly import by_week
    from models.satisfaction import Weekly

    query = index.source.query
    parts = (index.by, query.model_dump_json(), index.source.versions)
    return remembered(house, reader, Weekly, "weekly", parts, lambda: by_week(reader, query, index.by, index))  # type: ignore[arg-type]


def composite(house: House, reader: ScopedStore, index: Index, scheme: Scheme) -> Composite:
    """The composite of the units of an index by a scheme, which need not be saved anywhere."""
    from indices.civic import composite as made
    from indices.civic.weights import shipped

    query = index.source.query
    layers = remembered(
        house, reader, Composite, "composite", (index.by, query.model_dump_json(), index.source.versions),
        lambda: made.composite(reader, query, index, shipped()[0], house.base),
    )  # fmt: skip
    return made.reweighed(layers, scheme)


def scheme_of(house: House, day: date, weights: Mapping[str, str]) -> Scheme:
    """The scheme in force on a day, or one tried out with these weights, which is kept nowhere. Raises BadRequest."""
    from indices.civic.weights import checked, in_force
    from models.satisfaction import Scheme

    if not weights:
        return in_force(house.database, day)
    parts = {}
    for layer, value in weights.items():
        try:
            parts[layer] = float(value or 0)
        except ValueError:
            raise BadRequest(name=f"权重 {layer}", value=value[:40], reason="应为数字") from None
    return checked(Scheme(version="试算", title="试算（不保存）", owner="", weights=parts))


def change(
    house: House, reader: ScopedStore, before: tuple[date, date], after: tuple[date, date], field: Unit, *,
    district: str | None = None,
) -> IndexChange:  # fmt: skip
    """Why the mean of the ratings changed between two periods of whole days, both ends included. Raises BadRequest."""
    from indices.civic.cells import cells
    from indices.civic.drivers import index_change
    from indices.civic.satisfaction import asked, orders

    def compute() -> IndexChange:
        both = [
            asked(cells(reader, orders(query_of(first, last + timedelta(days=1), district)), _distinct(field, "channel", "rating")))
            for first, last in (before, after)
        ]  # fmt: skip
        return index_change(both[0], both[1], field)

    return remembered(house, reader, IndexChange, "change", (field, district, *before, *after), compute)


def _distinct(*fields: str) -> list[str]:
    return list(dict.fromkeys(fields))


def drivers(house: House, reader: ScopedStore, since: date, until: date, *, district: str | None = None) -> Drivers:
    """What ratings depend on, of the days [since, until)."""
    from indices.civic.cells import cells
    from indices.civic.drivers import ATTRIBUTES
    from indices.civic.drivers import drivers as found
    from indices.civic.satisfaction import orders

    query = orders(query_of(since, until, district))
    fields = [*ATTRIBUTES, "rating"]
    return remembered(
        house, reader, Drivers, "drivers", (district, since, until), lambda: found(cells(reader, query, fields))
    )


def text_prediction(
    house: House, reader: ScopedStore, since: date, until: date, *, district: str | None = None
) -> TextPrediction:
    """What texts tell of ratings, of the days [since, until)."""
    from indices.civic.text_prediction import text_prediction as found

    query = query_of(since, until, district)
    return remembered(house, reader, TextPrediction, "text", (district, since, until), lambda: found(reader, query))


def evaluation(
    house: House, reader: ScopedStore, by: Literal["street", "department", "community"], since: date, until: date, *,
    district: str | None = None,
) -> Evaluation:  # fmt: skip
    """Units in tiers with the exclusions of this moment, of the days [since, until)."""
    from indices.civic.appeals import Appeals
    from indices.civic.evaluation import evaluate

    upheld = tuple(Appeals(house.database).upheld())
    query = query_of(since, until, district)
    return remembered(
        house, reader, Evaluation, "evaluation", (by, district, since, until, upheld),
        lambda: evaluate(reader, query, by, upheld, peers=house.peers),
    )  # fmt: skip


def policy_effect(house: House, reader: ScopedStore, policy: Policy, last: date) -> PolicyEffect:
    """A policy's before and after with the data up to a day. Raises BadRequest where there is too little."""
    from indices.civic.policies import policy_effect as found

    return remembered(
        house, reader, PolicyEffect, "policy", (policy.model_dump_json(), last), lambda: found(reader, policy, last)
    )
