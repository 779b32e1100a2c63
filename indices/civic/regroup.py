"""Groups from one day to the next: what was grouped keeps its group, and only what is new is compared.

A new post is compared with the last `LINKED` members of every group with news in `MEMORY_DAYS`, and with posts that stand alone
for `ALONE_DAYS`; so a day costs what is new in it, not what came before. The result is not quite that of grouping
everything anew: words are weighed by the posts that are compared, and what was put together stays together. How near it comes
is measured by `minsheng bench hotspots`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from indices.civic.grouping import LINKED, MEMORY_DAYS, Growth
from indices.civic.posts import Post
from indices.civic.ties import Group
from indices.civic.vectors import Vectors

ALONE_DAYS: Final = 60
"""A post that nobody joined for so long is not looked at any more: two in five orders of a city stand alone."""


class Regrouped(NamedTuple):
    """`names`: (posts,) the group of each, the id of a post in it; `merged`: the group → the one that it became part of."""

    names: list[str]
    merged: dict[str, str]


def regroup(posts: Sequence[Post], known: Mapping[str, str]) -> Regrouped:
    """The groups of posts of which most are in one already.

    Args:
        posts: of a stretch of days, sorted by (at, id).
        known: id of a post → its group; may hold others than these.
    """
    names: list[str | None] = [known.get(post.id) for post in posts]
    new = [row for row, name in enumerate(names) if name is None]
    if not new:
        return Regrouped([known[post.id] for post in posts], {})
    members: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name is not None:
            members.setdefault(name, []).append(row)
    groups = {name: rows for name, rows in members.items() if _may_grow(posts, rows, new[0])}
    number_of = {name: number for number, name in enumerate(groups)}
    held = sorted([*new, *(row for rows in groups.values() for row in rows[-LINKED:])])
    some = [posts[row] for row in held]
    numbers = [-1 if (name := names[row]) is None else number_of[name] for row in held]
    common = {number_of[name]: Group.of(posts[row] for row in rows) for name, rows in groups.items()}
    grown = Growth(some, Vectors(some), numbers, common, len(groups))
    grown.take([place for place, number in enumerate(numbers) if number < 0])
    called = list(groups)
    for number, places in grown.groups.items():
        name = called[number] if number < len(called) else some[min(places)].id
        for place in places:
            names[held[place]] = name
    merged = {called[gone]: called[grown.end_of(kept)] for gone, kept in grown.merged.items() if gone < len(called)}
    return Regrouped([merged.get(str(name), str(name)) for name in names], merged)


def _may_grow(posts: Sequence[Post], rows: Sequence[int], first_new: int) -> bool:
    quiet = (posts[first_new].day - posts[rows[-1]].day).days
    return quiet <= (ALONE_DAYS if len(rows) == 1 else MEMORY_DAYS)


def positions_of(names: Sequence[str]) -> list[list[int]]:
    """Groups of positions, each ascending, in order of their first member."""
    found: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        found.setdefault(name, []).append(position)
    return list(found.values())
