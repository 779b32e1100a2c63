"""A day of 10,000 orders into groups that are kept, on one core, beside grouping all days anew; and how it grows with memory.

Usage: python tests/bench/bench_grouping.py [days]. The texts are not annotated: what a record states is enough for the grouping.
"""

from __future__ import annotations

import os
import sys

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import resource
import time
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.item import Item
    from models.record import Record

DAYS = 21  # the fewest with simulated events
PER_DAY = 10_000.0
TARGET_SECONDS = 60.0


def unread(item: Item) -> Record:
    """The record of an order that no model has read."""
    from indices.intake.builder import build_record

    payload = item.payload
    said: Any = SimpleNamespace(title=payload.title, text=payload.text, reply="", annotation=None)
    return build_record(item, said, intake="", pseudonym_key=b"bench" * 8)


def main(days: int) -> None:
    from crawlers.simulation.orders import simulate
    from indices.civic.grouping import group_posts
    from indices.civic.posts import post_of
    from indices.civic.regroup import regroup

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    city = simulate(seed=7, days=days, per_day=PER_DAY, end=date(2026, 9, 30), events=60)
    posts = sorted((post_of(unread(item)) for item in city.items()), key=lambda post: (post.at, post.id))
    print(f"{len(posts):,} orders in {days} days, one core")
    known: dict[str, str] = {}
    for number, day in enumerate(sorted({post.day for post in posts}), start=1):
        window = [post for post in posts if post.day <= day]
        started = time.perf_counter()
        names = regroup(window, known).names
        seconds = time.perf_counter() - started
        new = len(window) - len(known)
        known = dict(zip((post.id for post in window), names, strict=True))
        print(
            f"day {number:3}: {new:,} new of {len(window):,}, {len(set(names)):,} groups, {seconds:.1f} s", flush=True
        )
    started = time.perf_counter()
    anew = group_posts(posts)
    whole = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"all days anew: {len(anew):,} groups, {whole:.1f} s, {whole / seconds:.0f} times the last day; {memory:.1f} GB in all"
    )
    print(
        f"the last day {seconds:.1f} s, target {TARGET_SECONDS:.0f} s: {'kept' if seconds <= TARGET_SECONDS else 'missed'}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DAYS)
