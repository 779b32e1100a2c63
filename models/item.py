"""What arrives: one state of one thing, as its source tells it, before masking and annotation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_json

from models.clock import CITY_TIME, no_number, now
from models.labels import Grade, Kind, Resolved

MAX_TEXT_CHARACTERS = 200_000
PROBLEM: Final = "#problem"
"""Key of `Item.extra` under which an importer says why the row is no item; no column of a file is named so."""


def aware(instant: datetime) -> datetime:
    """The instant in the city's time, so that one instant is written in one way whatever zone it came in (identity, revision).

    A time without zone is the city's: hotline exports never carry a zone. Raises ValueError at the ends of the calendar.
    """
    try:
        return (instant if instant.tzinfo else instant.replace(tzinfo=CITY_TIME)).astimezone(UTC).astimezone(CITY_TIME)
    except OverflowError:
        raise ValueError("日期超出可用的范围（公元 1–9999 年）") from None


def _keepable(extra: dict[str, Any]) -> dict[str, Any]:
    """What the inbox can write down: half a surrogate pair and endless nesting are told to the sender, not met later."""
    try:
        to_json(extra)
    except ValueError:
        raise ValueError("含有不能存为 JSON 的内容（半个代理对，或嵌套过深）") from None
    return extra


Instant = Annotated[datetime, BeforeValidator(no_number), AfterValidator(aware)]
ShortText = Annotated[str, Field(max_length=500)]
Count = Annotated[int, Field(ge=0, le=2**31, strict=True)]


class Payload(BaseModel):
    """The fields of a work order, letter, message or post (domain.md §2). Everything may be missing but some text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Kind.DEMAND
    channel: ShortText = "hotline"
    title: Annotated[str, Field(max_length=2_000)] = ""
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] = ""
    reply: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)] = ""
    url: Annotated[str, Field(max_length=2_000)] | None = None

    created_at: Instant | None = None
    accepted_at: Instant | None = None
    dispatched_at: Instant | None = None
    signed_at: Instant | None = None
    due_at: Instant | None = None
    replied_at: Instant | None = None
    closed_at: Instant | None = None
    called_back_at: Instant | None = None
    changed_at: Instant | None = None

    adcode: ShortText | None = None
    district: ShortText | None = None
    street: ShortText | None = None
    community: ShortText | None = None
    place: ShortText | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, strict=True)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, strict=True)] | None = None

    stated_type: ShortText | None = None
    stated_topic: ShortText | None = None
    department: ShortText | None = None
    status: ShortText | None = None
    returns: Count | None = None
    transfers: Count | None = None
    reminders: Count | None = None
    reopens: Count | None = None
    merged_into: ShortText | None = None

    contacted: Annotated[bool, Field(strict=True)] | None = None
    resolved: Resolved | None = None
    rating: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    rating_reason: ShortText | None = None

    speaker: ShortText | None = None
    likes: Count | None = None
    dislikes: Count | None = None
    views: Count | None = None

    @property
    def latest_second(self) -> int:
        """Unix seconds of the latest thing that happened to it (`due_at` is a plan, not a happening); 0 if nothing is known."""
        times = (self.created_at, self.accepted_at, self.dispatched_at, self.signed_at, self.replied_at, self.closed_at,
                 self.called_back_at, self.changed_at)  # fmt: skip
        return max((max(0, int(t.timestamp())) for t in times if t), default=0)


class Item(BaseModel):
    """A payload with its origin. Identity and revision are computed from it by `models.identity`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, max_length=100)]
    native_id: Annotated[str, Field(max_length=200)] | None = None
    revision: Annotated[int, Field(ge=0, lt=2**32, strict=True)] | None = None
    fetched_at: Instant = Field(default_factory=now)
    payload: Payload
    legal_basis: ShortText | None = None
    grade: Grade = Grade.GENERAL_3
    extra: Annotated[dict[str, Any], AfterValidator(_keepable)] = Field(
        default_factory=dict, description="columns of the source that no field holds; kept in the inbox only"
    )
