"""What is kept: masked, annotated, versioned."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from models.clock import city_day, week_start
from models.labels import Grade, Kind, Resolved


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entity(Frozen):
    """A span of the masked text (`title + "\\n" + text`, or the text alone where there is no title)."""

    text: str
    kind: str = Field(description="place, road, community, organisation, person, ...")
    start: int
    end: int


class Candidate(Frozen):
    label: str
    probability: float


class Annotation(Frozen):
    """What the language pipeline read. `model` names the version that did."""

    model: str
    title_tokens: tuple[str, ...] = ()
    text_tokens: tuple[str, ...] = ()
    topic: str | None = Field(None, description="first level; None: the model is not sure; 其他: none of the classes")
    subtopic: str | None = None
    topics: tuple[Candidate, ...] = Field((), description="up to three, the most probable first")
    demand_type: str | None = None
    demand_types: tuple[Candidate, ...] = ()
    departments: tuple[Candidate, ...] = Field((), description="up to three; who should take it, not who has it")
    second_topic: str | None = Field(None, description="of a second demand that another office would have to deal with")
    second_department: str | None = Field(None, description="who would help the lead office")
    urgency: int = Field(0, ge=0, le=3)
    positive: float = Field(0.5, ge=0, le=1, description="probability that the speaker is content")
    emotion: str | None = None
    keywords: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    place: Entity | None = Field(None, description="the place or thing that it is about, where the model read one")
    fingerprint: str = Field(
        "", description="64-bit similarity hash, 16 hexadecimal digits; equal for near-identical texts"
    )
    abstained: tuple[str, ...] = Field((), description="heads that the model did not dare to answer")


class Record(Frozen):
    """One thing that was said, in its latest known state."""

    id: str
    revision: int
    intake: str = Field(description="the inbox row that wrote this state")
    source: str
    native_id: str | None = None
    kind: Kind = Kind.DEMAND
    channel: str = "hotline"
    title: str = ""
    text: str = ""
    reply: str = ""
    url: str | None = None
    legal_basis: str | None = None
    grade: Grade = Grade.GENERAL_3

    created_at: datetime
    accepted_at: datetime | None = None
    dispatched_at: datetime | None = None
    signed_at: datetime | None = None
    due_at: datetime | None = None
    replied_at: datetime | None = None
    closed_at: datetime | None = None
    called_back_at: datetime | None = None

    adcode: str | None = None
    district: str | None = None
    street: str | None = None
    community: str | None = None
    place: str | None = None
    longitude: float | None = None
    latitude: float | None = None

    stated_type: str | None = None
    stated_topic: str | None = None
    department: str | None = None
    status: str | None = None
    returns: int | None = None
    transfers: int | None = None
    reminders: int | None = None
    reopens: int | None = Field(None, description="how often it was handled anew (重办)")
    merged_into: str | None = None

    contacted: bool | None = None
    resolved: Resolved | None = None
    rating: int | None = Field(None, ge=1, le=5)
    rating_reason: str | None = None

    speaker: str | None = Field(None, description="pseudonym (HMAC); never a name or number")
    likes: int | None = None
    dislikes: int | None = None
    views: int | None = None

    annotation: Annotation | None = None

    @property
    def topic(self) -> str | None:
        return self.annotation.topic if self.annotation else None

    @property
    def demand_type(self) -> str | None:
        """As the source states it, else as the model reads it."""
        return self.stated_type or (self.annotation.demand_type if self.annotation else None)

    @property
    def body(self) -> str:
        """The text that entity offsets count in."""
        return f"{self.title}\n{self.text}" if self.title else self.text

    @property
    def settled_at(self) -> datetime | None:
        """When it was answered or closed, whichever came first; None while it is open."""
        return min((at for at in (self.replied_at, self.closed_at) if at), default=None)

    @property
    def timely(self) -> str | None:
        """Whether it was answered by its due time: yes, no, or None while it is open or has no due time."""
        answered = self.replied_at or self.closed_at
        if self.due_at is None or answered is None:
            return None
        return "yes" if answered <= self.due_at else "no"

    def keywords_of(self) -> dict[str, str]:
        """Values of the exact fields (models.query.FIELDS) that are set; the same in every engine."""
        day, note = city_day(self.created_at), self.annotation
        values = {
            "id": self.id, "source": self.source, "native_id": self.native_id, "kind": self.kind, "channel": self.channel,
            "district": self.district, "street": self.street, "community": self.community, "place": self.place,
            "department": self.department, "status": self.status, "resolved": self.resolved, "grade": self.grade,
            "speaker": self.speaker, "demand_type": self.demand_type, "merged_into": self.merged_into,
            "rating": None if self.rating is None else str(self.rating),
            "contacted": None if self.contacted is None else ("yes" if self.contacted else "no"),
            "topic": note and note.topic, "subtopic": note and note.subtopic, "emotion": note and note.emotion,
            "urgency": note and str(note.urgency), "fingerprint": note and (note.fingerprint or None),
            "suggested_department": note.departments[0].label if note and note.departments else None,
            "sentiment": note and ("negative" if note.positive < 0.4 else "positive" if note.positive > 0.6 else "neutral"),
            "timely": self.timely, "returned": "yes" if self.returns else "no" if self.returns == 0 or self.dispatched_at else None,
            "reopened": "yes" if self.reopens else "no" if self.reopens == 0 or self.replied_at else None,
            "day": day.isoformat(), "week": week_start(day).isoformat(), "month": day.isoformat()[:7],
        }  # fmt: skip
        return {name: str(value) for name, value in values.items() if value is not None}
