"""Counts that several pages share, each straight from the store's exact aggregates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dashboards import formats
from models.clock import city_day, day_start, week_start
from models.labels import CHANNEL_NAMES, DEPARTMENTS, EMOTION_NAMES, RATINGS, URGENCY_NAMES
from models.ports import Reader
from models.query import Query

# The same weekday of this many weeks before is the plain expectation for a day's count.
SEASON_WEEKS: Final = 4


@dataclass(frozen=True, slots=True)
class Share:
    """A value of a field, how many, and its share of those that have the field."""

    key: str
    name: str
    count: int
    whole: int

    @property
    def percent(self) -> str:
        return formats.percent(self.count, self.whole)

    @property
    def width(self) -> float:
        return round(100 * self.count / self.whole, 2) if self.whole else 0.0


def window(since: date, until: date, district: str | None = None) -> Query:
    """Records of the city days since … until (inclusive), in a district where one is given."""
    filters = {"district": (district,)} if district else {}
    return Query(since=day_start(since), until=day_start(until + timedelta(days=1)), filters=filters, size=0)


def label_of(field: str, value: str) -> str:
    """A field's value in the reader's words."""
    names: dict[str, dict[str, str]] = {
        "channel": CHANNEL_NAMES, "department": DEPARTMENTS, "suggested_department": DEPARTMENTS, "emotion": EMOTION_NAMES,
        "rating": {str(k): v for k, v in RATINGS.items()}, "urgency": {str(i): name for i, name in enumerate(URGENCY_NAMES)},
        "sentiment": {"negative": "负面", "neutral": "中性", "positive": "正面"}, "contacted": {"yes": "已联系", "no": "未联系"},
        "kind": {"demand": "诉求", "opinion": "舆情", "news": "新闻", "policy": "政策"},
    }  # fmt: skip
    return names.get(field, {}).get(value, value)


def shares(reader: Reader, query: Query, field: str, top: int = 8) -> tuple[Share, ...]:
    """The `top` most frequent values of a field; the share counts all records that have the field."""
    buckets = reader.aggregate(query, [field])
    whole = sum(bucket.count for bucket in buckets)
    return tuple(Share(b.keys[0], label_of(field, b.keys[0]), b.count, whole) for b in buckets[:top])


def by_day(reader: Reader, query: Query, since: date, until: date) -> dict[date, int]:
    """Count of every city day since … until; a day without records is 0."""
    found = {bucket.keys[0]: bucket.count for bucket in reader.aggregate(query, ["day"])}
    days = [since + timedelta(days=i) for i in range((until - since).days + 1)]
    return {day: found.get(day.isoformat(), 0) for day in days}


def expectation(daily: dict[date, int], day: date) -> float | None:
    """Mean of the same weekday in the four weeks before; None where `daily` does not reach back that far."""
    before = [day - timedelta(weeks=k) for k in range(1, SEASON_WEEKS + 1)]
    known = [daily[past] for past in before if past in daily]
    return sum(known) / len(known) if len(known) == SEASON_WEEKS else None


def bucket_of(span_days: int) -> str:
    """The calendar field that gives a readable number of bars: day to 92 days, week to two years, then month."""
    return "day" if span_days <= 92 else "week" if span_days <= 731 else "month"


def bucket_days(field: str, first: date, last: date) -> list[tuple[str, date, date]]:
    """(key, first day, last day) of every bucket of `field` between two days, clipped to them."""
    out: list[tuple[str, date, date]] = []
    day = first
    while day <= last:
        if field == "day":
            end, key = day, day.isoformat()
        elif field == "week":
            start = week_start(day)
            end, key = start + timedelta(days=6), start.isoformat()
        else:
            end, key = month_end(day), day.isoformat()[:7]
        out.append((key, day, min(end, last)))
        day = end + timedelta(days=1)
    return out


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)


def bucket_label(field: str, start: date) -> str:
    """What the axis says under a bucket that starts on `start`."""
    return f"{start.year}/{start.month}" if field == "month" else formats.short_day(start)


def repeated(reader: Reader, query: Query, at_least: int) -> tuple[int, int, Counter[str]]:
    """Speakers with `at_least` records on one topic: how many speakers, how many records, records by topic.

    Speakers are pseudonyms and are only counted, never returned.
    """
    speakers, records = set(), 0
    topics: Counter[str] = Counter()
    for bucket in reader.aggregate(query, ["speaker", "topic"]):
        if bucket.count < at_least:
            break  # largest first
        speakers.add(bucket.keys[0])
        records += bucket.count
        topics[bucket.keys[1]] += bucket.count
    return len(speakers), records, topics


def newest_day(reader: Reader) -> date | None:
    """The city day of the newest record that the viewer may see."""
    page = reader.search(Query(size=1))
    return city_day(page.hits[0].record.created_at) if page.hits else None


def values(reader: Reader, query: Query, field: str, top: int) -> Sequence[str]:
    """The values of a field, most frequent first."""
    return [bucket.keys[0] for bucket in reader.aggregate(query, [field])[:top]]
