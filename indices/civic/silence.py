"""Sources that usually deliver but have gone quiet: "nothing hot" and "the feed is broken" must not look alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Final

from indices.civic.posts import Post

RECENT_DAYS: Final = 60
"""A source without anything for so long has ended; it is not reported again and again."""
LEAST_MISSING: Final = 5.0
"""Records that should have come since the last one: with 5 expected, none has a chance of e^−5 < 1 %."""
LEAST_SPAN_DAYS: Final = 14
"""A source must have delivered over two weeks before it "usually" delivers; one import of a file is no feed."""
LEAST_QUIET_DAYS: Final = 2
"""A night without letters is no silence."""


def silent_sources(posts: Sequence[Post], last: date) -> tuple[str, ...]:
    """Names of the sources from which nothing came in the last days up to `last`, in order.

    Silent: at least `LEAST_QUIET_DAYS` whole days without a record, longer than any gap the source had before, and at its
    usual rate `LEAST_MISSING` records would have come. The rate is that of the days between its first and last record.
    """
    days_of: defaultdict[str, list[date]] = defaultdict(list)
    for post in posts:
        days_of[post.source].append(post.day)
    return tuple(sorted(source for source, days in days_of.items() if _silent(sorted(days), last)))


def _silent(days: Sequence[date], last: date) -> bool:
    quiet = (last - days[-1]).days
    if not LEAST_QUIET_DAYS <= quiet <= RECENT_DAYS:
        return False
    span = (days[-1] - days[0]).days + 1
    if span < LEAST_SPAN_DAYS:
        return False
    longest = max(((b - a).days - 1 for a, b in pairwise(days)), default=span)
    return quiet > longest and quiet * len(days) / span >= LEAST_MISSING
