"""The index and the metric registry as data: the same figures as the pages 满意度, its exports and the briefing show."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from api import answers, index_answers
from api.auth import Allow, house_of, scoped
from api.day import Day
from api.questions import today
from api.routes.answers import period
from dashboards.frame import PAGES
from models.figures import (
    Composite,
    Drivers,
    Evaluation,
    IndexChange,
    Metrics,
    MetricSeries,
    PolicyEffect,
    Surveyed,
    TextPrediction,
)
from models.record import Frozen
from models.satisfaction import Policy, Scheme, Weekly
from models.viewer import Viewer

router = APIRouter(prefix="/figures", tags=["figures"])
Reading = Annotated[Viewer, Depends(Allow(*next(entry.roles for entry in PAGES if entry.key == "satisfaction")))]
District = Annotated[str | None, Query(max_length=100)]
Unit = Literal["district", "department", "topic"]


@router.get("/metrics")
def metrics(
    request: Request, viewer: Reading, since: Day = None, until: Day = None, district: District = None
) -> Metrics:
    """Every metric of the registry with value, intervals, numerator, denominator and definition (default: the last 90 days)."""
    first, end = period(since, until, days=90)
    return index_answers.metrics(house_of(request), scoped(request, viewer), first, end, district=district)


@router.get("/metrics/{name}")
def metric(
    request: Request, viewer: Reading, name: Annotated[str, Path(max_length=64)], since: Day = None, until: Day = None,
    district: District = None,
) -> MetricSeries:  # fmt: skip
    """One metric month by month, and where its definition changed (default: the last 400 days)."""
    first, end = period(since, until, days=400)
    return index_answers.metric_series(house_of(request), scoped(request, viewer), name, first, end, district=district)


@router.get("/composite")
def composite(request: Request, viewer: Reading, by: Unit = "district", since: Day = None, until: Day = None, district: District = None) -> Composite:  # fmt: skip
    """The composite of five layers by the scheme in force on the last day (default: the last 90 days)."""
    first, end = period(since, until, days=90)
    house, reader = house_of(request), scoped(request, viewer)
    index = answers.index(house, reader, by, first, end, district=district)
    return index_answers.composite(house, reader, index, index_answers.scheme_of(house, end - timedelta(days=1), {}))


@router.get("/change")
def change(
    request: Request, viewer: Reading, before_since: Day = None, before_until: Day = None, since: Day = None, until: Day = None,
    by: Unit = "topic", district: District = None,
) -> IndexChange:  # fmt: skip
    """Why the mean rating changed: service and mix, part by part (default: the last 28 days against the 28 before)."""
    first, end = period(since, until, days=28)
    last_before = before_until or first - timedelta(days=1)
    before, before_end = period(before_since, last_before, days=(end - first).days)
    return index_answers.change(
        house_of(request), scoped(request, viewer), (before, before_end - timedelta(days=1)), (first, end - timedelta(days=1)), by,
        district=district,
    )  # fmt: skip


@router.get("/drivers")
def drivers(
    request: Request, viewer: Reading, since: Day = None, until: Day = None, district: District = None
) -> Drivers:
    """What ratings depend on: importance against performance (default: the last 90 days)."""
    first, end = period(since, until, days=90)
    return index_answers.drivers(house_of(request), scoped(request, viewer), first, end, district=district)


@router.get("/text")
def text(
    request: Request, viewer: Reading, since: Day = None, until: Day = None, district: District = None
) -> TextPrediction:
    """What texts alone tell of ratings, each month predicted from the others (default: the last 365 days)."""
    first, end = period(since, until, days=365)
    return index_answers.text_prediction(house_of(request), scoped(request, viewer), first, end, district=district)


@router.get("/evaluation")
def evaluation(
    request: Request, viewer: Reading, by: Literal["street", "department", "community"] = "street", since: Day = None, until: Day = None,
    district: District = None,
) -> Evaluation:  # fmt: skip
    """Units in tiers, without refused, merged and successfully appealed orders (default: the last 90 days)."""
    first, end = period(since, until, days=90)
    return index_answers.evaluation(house_of(request), scoped(request, viewer), by, first, end, district=district)


@router.get("/surveys")
def surveys(request: Request, viewer: Reading) -> Surveyed:
    """Surveys of residents by district: another construct than ratings, never mixed with them."""
    from indices.civic.surveys import Surveys

    house = house_of(request)
    house.audit.note(viewer.name, "surveys.read", "")
    return Surveyed(surveys=tuple(Surveys(house.database).all(viewer.districts)))


class PolicyList(Frozen):
    """Registered policies, the latest start first."""

    policies: tuple[Policy, ...]


class SchemeList(Frozen):
    """Schemes of weights in the order in which they came into force, samples last; `in_force`: the version of today."""

    schemes: tuple[Scheme, ...]
    in_force: str


@router.get("/weekly")
def weekly(
    request: Request,
    viewer: Reading,
    by: Unit = "district",
    since: Day = None,
    until: Day = None,
    district: District = None,
) -> Weekly:
    """Every unit in every week with 90 % and 95 % intervals, and how probable it is that it fell by more than three points in four weeks."""
    first, end = period(since, until, days=180)
    house, reader = house_of(request), scoped(request, viewer)
    return index_answers.weekly(house, reader, answers.index(house, reader, by, first, end, district=district))


@router.get("/weights")
def weights(request: Request, viewer: Reading) -> SchemeList:
    """The public weights of the composite, all versions."""
    from indices.civic.weights import in_force, known

    house = house_of(request)
    house.audit.note(viewer.name, "weights.read", "")
    return SchemeList(schemes=tuple(known(house.database)), in_force=in_force(house.database, today()).version)


@router.get("/policies")
def policies(request: Request, viewer: Reading) -> PolicyList:
    """The register of policies."""
    from indices.civic.policies import Policies

    house = house_of(request)
    house.audit.note(viewer.name, "policies.read", "")
    return PolicyList(policies=tuple(Policies(house.database).all()))


@router.get("/policies/{policy}")
def policy(
    request: Request, viewer: Reading, policy: Annotated[int, Path(ge=1, le=2**31 - 1)], until: Day = None
) -> PolicyEffect:
    """A registered policy's before and after."""
    from indices.civic.policies import Policies

    house = house_of(request)
    return index_answers.policy_effect(
        house, scoped(request, viewer), Policies(house.database).get(policy), until or today()
    )
