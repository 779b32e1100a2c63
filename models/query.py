"""A question to a store, as a value. No engine's syntax crosses the port.

What users type is parsed into an `Expression` by `indices.query_language`, which also segments words into the tokens
that the index holds.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from models.record import Frozen, Record

TEXT_FIELDS: Final = ("title", "text", "reply")
FIELDS: Final = (
    "id", "source", "native_id", "kind", "channel", "district", "street", "community", "place", "department", "status", "resolved",
    "grade", "speaker", "demand_type", "merged_into", "rating", "contacted", "topic", "subtopic", "emotion", "urgency",
    "fingerprint", "suggested_department", "sentiment", "timely", "returned", "reopened", "day", "week", "month",
)  # fmt: skip
MAX_PAGE = 100
MAX_WINDOW = 10_000


class Sort(StrEnum):
    RELEVANCE = "relevance"
    NEWEST = "newest"
    OLDEST = "oldest"


class Tokens(Frozen):
    """Adjacent tokens in this order, in `field` or, without one, in title, text or reply. One token is a word."""

    op: Literal["tokens"] = "tokens"
    tokens: tuple[str, ...] = Field(min_length=1)
    field: Literal["title", "text", "reply"] | None = None


class Exactly(Frozen):
    """An exact field has this value."""

    op: Literal["exactly"] = "exactly"
    field: str
    value: str


class All(Frozen):
    op: Literal["all"] = "all"
    parts: tuple[Expression, ...]


class Some(Frozen):
    op: Literal["some"] = "some"
    parts: tuple[Expression, ...]


class Not(Frozen):
    op: Literal["not"] = "not"
    part: Expression


Expression = Annotated[Tokens | Exactly | All | Some | Not, Field(discriminator="op")]
for _model in (All, Some, Not):
    _model.model_rebuild()


class Query(Frozen):
    """Records that match the expression AND every filter AND the half-open time window [since, until) on `created_at`."""

    match: Expression | None = None
    filters: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="field of FIELDS → values, any of which fits"
    )
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = Sort.NEWEST
    offset: int = Field(0, ge=0, le=MAX_WINDOW)
    size: int = Field(20, ge=0, le=MAX_PAGE)

    def narrowed(self, **filters: tuple[str, ...]) -> Query:
        """The same question with more filters; a field already filtered keeps the values that are in both."""
        merged = dict(self.filters)
        for field, values in filters.items():
            merged[field] = tuple(v for v in values if v in merged[field]) if field in merged else values
        return self.model_copy(update={"filters": merged})


class Hit(Frozen):
    record: Record
    score: float = 0.0


class Page(Frozen):
    """`total` is exact in every engine. Newest and oldest order ties by id."""

    total: int
    hits: tuple[Hit, ...] = ()


class Bucket(Frozen):
    """How many records share these values: one key per field asked for, in that order."""

    keys: tuple[str, ...]
    count: int


class Outcome(StrEnum):
    STORED = "stored"
    UPDATED = "updated"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Receipt(Frozen):
    """What became of each record of a batch, in the order of the batch. Nothing raises for one bad record.

    DUPLICATE: the store holds this revision or a later one. REJECTED carries the reason.
    """

    outcomes: tuple[Outcome, ...]
    reasons: tuple[str, ...] = Field((), description="one per record; empty where not rejected")
