"""One incident as a viewer may know it: counted from the records that he may see, and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import log
from typing import Final

from sqlalchemy import Engine

from indices.civic.people import persons
from indices.civic.posts import Post, post_of
from indices.incidents.changes import KIND_NAMES, Change, log_of
from indices.incidents.register import MACHINE, STATE_NAMES, Incident, list_incidents, records_of
from models.clock import day_start
from models.ports import Reader
from models.query import Query
from models.record import Record

GROWN_PEOPLE: Final = 3
"""From so many people on it is more than somebody's own trouble."""
QUIET_DAYS: Final = 7
URGENT: Final = 2
AROUND_DAYS: Final = 3
"""Days before the first and after the last record that a curve shows."""
LIKE_LEAST: Final = 0.2
LIKE_SHOWN: Final = 3
_REGISTER: Final = 2_000
YEAR_DAYS: Final = 364
"""Fifty-two weeks: the same weekdays."""
SEASON_LEAST: Final = 10
SEASON_TIMES: Final = 2.0
"""So many times what a year brings on average, and a class is one of this season."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A mark on the timeline. `record_id`: the record that it is about, "" for none."""

    at: datetime
    kind: str
    words: str
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Orders that should be one (并单), and why."""

    record_ids: tuple[str, ...]
    shown_ids: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Like:
    """An earlier incident like this one. `likeness`: 0–1, of words that few incidents share."""

    incident: Incident
    likeness: float
    ended: str


@dataclass(frozen=True, slots=True)
class DayMood:
    day: date
    count: int
    negative: int
    urgent: int


@dataclass(frozen=True, slots=True)
class Season:
    """The same class a year ago, in the weeks of the incident. It comes back every year if there were far more then than usual.

    Attributes:
        subtopic: the class that most of the records have.
        last_year: its records in the same days of the year before; `usual`: in as many days of a year on average.
        days: (day of this year, records on the same day a year before).
    """

    subtopic: str
    last_year: int
    usual: float
    days: tuple[tuple[date, int], ...]

    @property
    def returns(self) -> bool:
        return self.last_year >= SEASON_LEAST and self.last_year >= SEASON_TIMES * self.usual


@dataclass(frozen=True, slots=True)
class Account:
    """What is known of an incident; counts are of the visible records.

    Attributes:
        hidden: records that the viewer may not see.
        season: None where there is nothing of the year before.
        people: distinct people; one caller or one text many times counts once.
    """

    incident: Incident
    records: tuple[Record, ...]
    hidden: int
    people: int
    channels: tuple[tuple[str, int], ...]
    districts: tuple[tuple[str, int], ...]
    departments: tuple[tuple[str, int], ...]
    days: tuple[DayMood, ...]
    timeline: tuple[Moment, ...]
    folds: tuple[Fold, ...]
    like: tuple[Like, ...]
    log: tuple[Change, ...]
    season: Season | None = None


def account(engine: Engine, reader: Reader, incident: Incident, *, today: date) -> Account | None:
    """The incident as the reader's viewer may know it; None where he may see none of its records.

    `today`: the city day on which the question is asked; an incident may have been quiet for days.
    """
    ids = records_of(engine, incident.number)
    records = sorted(filter(None, map(reader.get, ids)), key=lambda record: (record.created_at, record.id))
    if not records:
        return None
    posts = [post_of(record) for record in records]
    people = persons(posts)
    whole = len(records) == len(ids)
    changes = tuple(log_of(engine, incident.number)) if whole else ()
    moments = [*_told(posts, people, today), *_answered(records), *_done(changes)]
    return Account(
        incident=incident, records=tuple(records), hidden=len(ids) - len(records), people=len(set(people)),
        channels=_counted(post.channel for post in posts), districts=_counted(post.district for post in posts),
        departments=_counted(post.department for post in posts), days=_days(posts, today),
        timeline=tuple(sorted(moments, key=lambda moment: moment.at)), folds=tuple(_folds(posts, people, changes)),
        like=tuple(likeness(engine, incident)) if whole else (), log=changes, season=_season(reader, posts),
    )  # fmt: skip


def likeness(engine: Engine, incident: Incident) -> list[Like]:
    """Other incidents that began before, the most alike first: shared words, each weighed by how few incidents have it."""
    known = list_incidents(engine, limit=_REGISTER)
    frequency = Counter(word for one in known for word in one.words)
    weight = {word: log((1 + len(known)) / count) for word, count in frequency.items()}
    mine = incident.words

    def share(other: Incident) -> float:
        total = sum(weight.get(word, 1.0) for word in mine | other.words)
        return sum(weight.get(word, 1.0) for word in mine & other.words) / total if total else 0.0

    earlier = [one for one in known if one.number != incident.number and one.first <= incident.first]
    found = [Like(one, round(share(one), 3), STATE_NAMES[one.state]) for one in earlier]
    ranked = sorted(found, key=lambda like: (-like.likeness, like.incident.number))
    return [like for like in ranked[:LIKE_SHOWN] if like.likeness >= LIKE_LEAST]


def _season(reader: Reader, posts: Sequence[Post]) -> Season | None:
    """The year before, of the class and the districts of the incident, as far as the viewer sees it."""
    classes = Counter(post.subtopic for post in posts if post.subtopic)
    if not classes:
        return None
    subtopic = min(classes, key=lambda name: (-classes[name], name))
    filters: dict[str, tuple[str, ...]] = {"subtopic": (subtopic,)}
    if districts := tuple(sorted({post.district for post in posts if post.district})):
        filters["district"] = districts
    first, last = posts[0].day - timedelta(days=AROUND_DAYS), posts[-1].day + timedelta(days=AROUND_DAYS)
    year = Query(since=day_start(first - timedelta(days=YEAR_DAYS)), until=day_start(first), filters=filters, size=0)
    counts = {date.fromisoformat(bucket.keys[0]): bucket.count for bucket in reader.aggregate(year, ["day"])}
    if not counts or min(counts) > last - timedelta(days=YEAR_DAYS):
        return None
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    days = tuple((day, counts.get(day - timedelta(days=YEAR_DAYS), 0)) for day in span)
    return Season(
        subtopic, sum(count for _, count in days), round(sum(counts.values()) * len(span) / YEAR_DAYS, 1), days
    )


def _told(posts: Sequence[Post], people: Sequence[int], today: date) -> list[Moment]:
    """First, growth, peak and quiet, from the records themselves."""
    found = [Moment(posts[0].at, "first", "第一件", posts[0].id)]
    seen: set[int] = set()
    for post, person in zip(posts, people, strict=True):
        seen.add(person)
        if len(seen) == GROWN_PEOPLE:
            found.append(Moment(post.at, "growth", f"第 {GROWN_PEOPLE} 人反映", post.id))
            break
    days = Counter(post.day for post in posts)
    peak = min(days, key=lambda day: (-days[day], day))
    if days[peak] > 1:
        at = next(post for post in posts if post.day == peak)
        found.append(Moment(at.at, "peak", f"当日 {days[peak]} 件，最多", at.id))
    silent = (today - posts[-1].day).days
    if silent >= QUIET_DAYS:
        found.append(
            Moment(posts[-1].at + timedelta(seconds=1), "quiet", f"此后 {silent} 天没有新的来件", posts[-1].id)
        )
    return found


def _answered(records: Sequence[Record]) -> list[Moment]:
    replied = sorted((record.replied_at, record.id) for record in records if record.replied_at)
    if not replied:
        return []
    found = [Moment(replied[0][0], "reply", "第一次答复", replied[0][1])]
    if len(replied) == len(records) > 1:
        found.append(Moment(replied[-1][0], "reply", "全部答复", replied[-1][1]))
    return found


def _done(changes: Sequence[Change]) -> list[Moment]:
    return [
        Moment(one.at, "change", words_of(one))
        for one in changes
        if not one.undone and one.kind not in ("fold", "keep")
    ]


def words_of(one: Change) -> str:
    """A line of the log in words: 王改名：夜间施工."""
    who = "系统" if one.who == MACHINE else one.who
    about = "，".join(filter(None, (one.other, one.note)))
    return f"{who}{KIND_NAMES[one.kind]}" + (f"：{about}" if about else "")


def _days(posts: Sequence[Post], today: date) -> tuple[DayMood, ...]:
    first, newest = posts[0].day - timedelta(days=AROUND_DAYS), posts[-1].day
    last = max(newest, min(newest + timedelta(days=AROUND_DAYS), today))  # what is not over has no count yet
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    count = Counter(post.day for post in posts)
    negative = Counter(post.day for post in posts if post.negative)
    urgent = Counter(post.day for post in posts if post.urgency >= URGENT)
    return tuple(DayMood(day, count[day], negative[day], urgent[day]) for day in days)


def _folds(posts: Sequence[Post], people: Sequence[int], changes: Sequence[Change]) -> list[Fold]:
    """Open orders of one person, or of one text: one order in truth. What a person has judged is not asked again."""
    judged = {frozenset(one.note.split()) for one in changes if one.kind in ("fold", "keep") and not one.undone}
    by_person: dict[int, list[Post]] = {}
    for post, person in zip(posts, people, strict=True):
        if not post.settled:
            by_person.setdefault(person, []).append(post)
    found = []
    for own in by_person.values():
        if len(own) < 2 or frozenset(post.id for post in own) in judged:
            continue
        speakers = {post.speaker for post in own}
        why = "同一人" if len(speakers) == 1 and None not in speakers else "文字几乎相同"
        days = (own[-1].day - own[0].day).days
        evidence = f"{why}，{len(own)} 件，" + ("同一天" if days == 0 else f"前后 {days} 天")
        places = {name for post in own for name in post.objects[:1]}
        if len(places) == 1:
            evidence += f"，都说 {places.pop()}"
        found.append(Fold(tuple(post.id for post in own), tuple(post.shown_id for post in own), evidence))
    return sorted(found, key=lambda fold: (-len(fold.record_ids), fold.record_ids))


def _counted(values: Iterable[str | None]) -> tuple[tuple[str, int], ...]:
    counted = Counter(value for value in values if value)
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))
