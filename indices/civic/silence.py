"""Sources that usually deliver but have gone quiet, or bring far more than ever: "nothing hot" and "the feed is broken" must not look
alike, and a feed that delivers everything twice must not look like a city in uproar.

One rule for pages, figures and alerts. It knows of each source how many records it had on each city day, and asks whether the
whole days without any are more than chance: they must be more than the source ever had in a row, and at its usual rate so many
records must be missing that none at all would be a rare accident.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

from indices.civic.posts import Post
from models.figures import LoudSource

State = Literal["usual", "late", "silent", "ended", "no rhythm"]

HISTORY_DAYS: Final = 60
"""The rhythm is that of so many days up to the last record; before that a source may have been another."""
ENDED_DAYS: Final = 60
"""A source without anything for so long has ended; it is not reported again and again. With `HISTORY_DAYS` it makes the 120 days
that the search for hotspots holds, so that it and the pages, which count over everything, call the same sources silent."""
MISSING_LATE: Final = 3.0
"""Records that should have come since the last one: with 3 expected, none has a chance of e^−3 = 5 %."""
MISSING_SILENT: Final = 5.0
"""With 5 expected, none has a chance of e^−5 < 1 %."""
LEAST_SPAN_DAYS: Final = 14
"""A source must have delivered over two weeks before it "usually" delivers; one import of a file is no feed."""
LEAST_QUIET_DAYS: Final = 2
"""A night without letters is no silence."""

LOUD_TIMES: Final = 3.0
"""Of the busiest day of the history: a storm doubles a hotline, a broken export sends years."""
LOUD_LEAST: Final = 50


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a source delivers, and for how long it has not.

    Attributes:
        count: records in the `HISTORY_DAYS` that end with its last one.
        span_days: from the first of them to the last, both days included.
        longest_days: the most whole days in a row without any, between two of them.
        quiet_days: whole days without any since the last.
    """

    count: int
    span_days: int
    longest_days: int
    quiet_days: int

    @property
    def missing(self) -> float:
        """Records that would have come in the quiet days at the usual rate."""
        return self.quiet_days * self.count / self.span_days

    @property
    def state(self) -> State:
        if self.span_days < LEAST_SPAN_DAYS:
            return "no rhythm"
        if self.quiet_days > ENDED_DAYS:
            return "ended"
        if self.quiet_days <= self.longest_days or self.missing < MISSING_LATE:
            return "usual"
        return "silent" if self.quiet_days >= LEAST_QUIET_DAYS and self.missing >= MISSING_SILENT else "late"


def rhythm(counts: Mapping[date, int], last: date) -> Rhythm | None:
    """The rhythm of a source with these records a day, seen at the end of `last`; None of a source without records.

    Of the day after `last`, which may not be over, only that something came counts.
    """
    if not counts:
        return None
    newest = max(counts)
    days = sorted(day for day in counts if day > newest - timedelta(days=HISTORY_DAYS))
    return Rhythm(
        count=sum(counts[day] for day in days),
        span_days=(newest - days[0]).days + 1,
        longest_days=max(((later - earlier).days - 1 for earlier, later in pairwise(days)), default=0),
        quiet_days=max(0, (last - newest).days),
    )


def silent_sources(deliveries: Mapping[str, Mapping[date, int]], last: date) -> tuple[str, ...]:
    """Names of the sources that are silent at the end of `last`, in order, from what each had on each day."""
    found = {source: rhythm(counts, last) for source, counts in deliveries.items()}
    return tuple(sorted(source for source, one in found.items() if one and one.state == "silent"))


def loud_sources(deliveries: Mapping[str, Mapping[date, int]], last: date) -> tuple[LoudSource, ...]:
    """Sources that had on `last` at least `LOUD_TIMES` as many records as on their busiest day of the `HISTORY_DAYS` before."""
    found = []
    for source, counts in sorted(deliveries.items()):
        before = {day: n for day, n in counts.items() if last - timedelta(days=HISTORY_DAYS) <= day < last}
        if not before or (last - min(before)).days < LEAST_SPAN_DAYS:
            continue
        most = max(before.values())
        if counts.get(last, 0) >= max(LOUD_LEAST, LOUD_TIMES * most):
            found.append(LoudSource(source=source, count=counts[last], most=most))
    return tuple(found)


def deliveries_of(posts: Iterable[Post]) -> dict[str, Counter[date]]:
    """For each source the number of its posts on each day."""
    found: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for post in posts:
        found[post.source][post.day] += 1
    return dict(found)
