"""Computed answers. No number without its source: each figure names the question, the window and n that it came from.

The field names of `Hotspot`, `IndexRow`, `Routing` are the public `--json` formats; they stay.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from models.labels import Level
from models.query import Query
from models.record import Candidate, Frozen


class Source(Frozen):
    """Where a figure came from."""

    query: Query
    n: int = Field(description="records that the figure was computed from")
    computed_at: datetime
    versions: dict[str, str] = Field(default_factory=dict, description="rule, model and weight versions that made it")


class Sentence(Frozen):
    """A sentence that really stands in the record `id` (native id), masked."""

    text: str
    id: str


class DayCount(Frozen):
    day: date
    count: int
    expected: float = Field(description="seasonal expectation for that day")


class Hotspot(Frozen):
    rank: int
    title: str
    heat: float = Field(description="0–100; the sum of `parts`")
    parts: dict[str, float] = Field(description="contribution of each component to the heat, 0–100")
    count: int = Field(description="records")
    people: int = Field(description="distinct speakers after near-duplicates are removed")
    first: datetime
    last: datetime
    places: tuple[str, ...]
    topic: str
    level: Level
    members: tuple[str, ...] = Field(description="native ids (record id where there is none)")
    sentences: tuple[Sentence, ...]
    key: str = Field(description="stable while the earliest member stays")
    incident: str = Field(
        "", description="number in the register of incidents, like SJ2026-00017; empty while it has none"
    )
    record_ids: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    department: str | None = None
    p_value: float = 1.0
    expected: float = 0.0
    rule: str = Field("", description="the alert rule and its inputs, in words")
    daily: tuple[DayCount, ...] = ()


class LoudSource(Frozen):
    """A feed that brought far more on the last day than ever."""

    source: str
    count: int = Field(description="records of the last day")
    most: int = Field(description="records of its busiest day in the 60 days before")


class Hotspots(Frozen):
    """`hotspots` may be empty: 今日无达到阈值的热点 is an answer."""

    hotspots: tuple[Hotspot, ...]
    source: Source
    silent_sources: tuple[str, ...] = Field((), description="feeds from which nothing came in the window's last days")
    loud_sources: tuple[LoudSource, ...] = Field(
        (), description="feeds that brought far more than ever on the last day"
    )


class IndexRow(Frozen):
    """One unit of the satisfaction index on 0–100. `value` is None where there is too little."""

    key: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_effective: float
    status: Literal["ok", "样本不足", "not_ranked"]
    raw: float | None = Field(None, description="plain mean of the ratings on 0–100, shown beside the estimate")
    low90: float | None = None
    high90: float | None = None
    orders: int = Field(0, description="all orders that could have been rated")
    coverage: float | None = Field(None, description="per cent of these orders that were rated")
    alike: float | None = Field(
        None, description="what the value would be with everybody's mix of matters and channels"
    )
    deviation: float | None = Field(None, description="standard deviation of `alike`")
    tier: Literal["", "上档", "中档", "下档"] = ""
    p_lowest: float | None = Field(None, description="probability to be in the lowest fifth of the ranked units")
    p_highest: float | None = None
    weighted: float | None = Field(
        None, description="of all orders together: by one over the chance of an answer alone"
    )
    pessimistic: float | None = Field(
        None, description="of all orders together: were those who did not answer 10 points less content than they look"
    )


class Index(Frozen):
    by: Literal["district", "department", "topic", "week", "street", "community"]
    rows: tuple[IndexRow, ...]
    overall: IndexRow
    source: Source


class Evaluation(Frozen):
    """Units in tiers. `left_out`: reason → how many orders do not count."""

    index: Index
    left_out: dict[str, int]


class IndexCell(Frozen):
    """The index of one unit in one week. `value` is None where there is too little."""

    unit: str
    week: str
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    low90: float | None = None
    high90: float | None = None


class Layer(Frozen):
    """One layer of the composite index of a unit, on 0–100, higher is better. `value` is None where there is too little."""

    name: str
    n: int
    metric: str = Field("", description="version of the metric or model that it comes from")
    value: float | None = None
    low: float | None = None
    high: float | None = None
    low90: float | None = None
    high90: float | None = None


class CompositeRow(Frozen):
    """The composite of one unit. `band_low` and `band_high`: were every weight up to a half smaller or larger."""

    key: str
    status: Literal["ok", "样本不足"]
    layers: tuple[Layer, ...] = ()
    missing: tuple[str, ...] = Field((), description="layers of the scheme that the unit has no value for")
    value: float | None = None
    low: float | None = None
    high: float | None = None
    low90: float | None = None
    high90: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    latent: float | None = Field(None, description="what the layers have in common, on the composite's scale")
    n: int = Field(0, description="ratings behind the layer 满意")
    n_effective: float = 0.0
    coverage: float | None = Field(None, description="per cent of the orders that were rated")


class Composite(Frozen):
    by: Literal["district", "department", "topic"]
    rows: tuple[CompositeRow, ...]
    weights: dict[str, float] = Field(description="layer → share of the whole")
    scheme: str
    title: str
    source: Source


class Span(Frozen):
    """A number with its 95 % and 90 % intervals."""

    value: float
    low: float
    high: float
    low90: float
    high90: float


class Moved(Frozen):
    """What a part added to a change, in points: by its own score and by its share of the whole."""

    name: str
    rate: Span
    mix: Span


class IndexChange(Frozen):
    """Why an index changed between two periods: `rate` + `mix` = `change`, exactly, and so are the parts'."""

    field: str
    before: Span
    after: Span
    change: Span
    rate: Span
    mix: Span
    parts: tuple[Moved, ...]
    n_before: int
    n_after: int


class Driver(Frozen):
    """Something about the course of an order. `importance` in points of a rating, `performance` in per cent of the orders."""

    name: str
    field: str
    importance: Span
    performance: Span
    quadrant: str


class Drivers(Frozen):
    points: tuple[Driver, ...]
    importance_cut: float
    performance_cut: float
    n: int


class Placebo(Frozen):
    """The effect that would be told had the policy begun in this week before it did."""

    week: date
    effect: float


class PolicyEffect(Frozen):
    """A policy's before and after on 0–100. `expected`: the places reached as they would be without it; `place`: first week with it."""

    title: str
    start: date
    effect: Span
    told: bool = Field(description="whether it is told from chance")
    words: str
    against: str = Field(description="what it is compared with; empty: nothing but its own past")
    weeks: tuple[date, ...]
    place: int
    reached: tuple[float | None, ...]
    others: tuple[float | None, ...]
    expected: tuple[float | None, ...]
    placebos: tuple[Placebo, ...]
    placebo_share: float
    n_before: int
    n_after: int
    source: Source


class CalibrationBin(Frozen):
    """Orders of which about the same rating was expected, on 0–100, and what they were rated."""

    expected: float
    observed: float
    low: float
    high: float
    n: int


class TextPrediction(Frozen):
    """What texts alone tell of ratings, each month predicted from the others."""

    enough: bool
    months: tuple[str, ...]
    n: int
    bins: tuple[CalibrationBin, ...]
    explained: float = Field(0.0, description="share of the ratings' variance; 0 or less: texts tell nothing")
    error: float = Field(0.0, description="mean distance of expected and observed over the bins, in points")
    drift: float = Field(0.0, description="observed less expected in the newest month, in points")
    drift_low: float = 0.0
    drift_high: float = 0.0
    drifted: bool = False


class SurveyRow(Frozen):
    """The mean of one district's questionnaires on 0–100. `value` is None where there are fewer than 30."""

    key: str
    n: int
    n_effective: float
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Survey(Frozen):
    """A survey of residents: another construct than ratings of call-backs."""

    name: str
    first: date
    last: date
    overall: SurveyRow
    rows: tuple[SurveyRow, ...]


class Surveyed(Frozen):
    """Every survey, the latest first."""

    surveys: tuple[Survey, ...]


class SimilarOrder(Frozen):
    id: str = Field(description="native id (record id where there is none)")
    record_id: str = Field(description="what the record is read and merged by")
    title: str
    department: str | None
    similarity: float


class Reason(Frozen):
    words: tuple[tuple[str, float], ...] = Field(description="words and their weight for the department")
    rule: str = Field("", description="the catalogue entry that applied, in words")


class Routing(Frozen):
    """Who should take a demand. `department` is None where a person has to decide."""

    department: str | None
    confidence: float
    candidates: tuple[Candidate, ...]
    reason: Reason
    similar: tuple[SimilarOrder, ...]
    to_person: bool
    unit: str | None = Field(None, description="the office's own name in this city's catalogue")
    topic: str | None = None
    demand_type: str | None = None
    urgency: int = 0
    model: str = ""


class Metric(Frozen):
    """A value of the metric registry (口径)."""

    name: str
    title: str
    value: float | None
    unit: str = ""
    numerator: int | None = None
    denominator: int | None = None
    definition: str = ""
    owner: str = ""
    effective: date | None = Field(None, description="first day of this version of the definition")
    low: float | None = Field(None, description="95 % interval of a rate (Wilson)")
    high: float | None = None
    low90: float | None = None
    high90: float | None = None
    source: Source | None = None


class Metrics(Frozen):
    """Every metric of the registry, in its order."""

    metrics: tuple[Metric, ...]


class Change(Frozen):
    """From this month on a series counts by another version of its definition."""

    month: str
    day: date
    version: str
    definition: str


class MetricSeries(Frozen):
    """A metric month by month, each month by the definition in force on its last day."""

    name: str
    title: str
    unit: str
    points: dict[str, Metric]
    changes: tuple[Change, ...] = Field((), description="what is on either side of one is not counted alike")
