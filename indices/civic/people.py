"""How many people stand behind records: one caller many times counts once, one text by many accounts counts once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from indices.civic.posts import Post

ALIKE: Final = 0.8
"""Jaccard similarity of character 5-grams from which two texts are the same text."""
LEAST_TEXT: Final = 20
"""Characters below which two known speakers may say the same by chance (某小区停水了)."""
RECOUNT_DAYS: Final = 7
"""A person counts again after so many days: the longest window of the burst test never counts anybody twice."""
_DROPPED: Final = re.compile(r"[\W_]+")


def persons(posts: Sequence[Post]) -> list[int]:
    """The number of the person behind each post, 0, 1, … in order of first appearance.

    Two posts are one person's if the speaker's pseudonym is the same, or the texts are near-duplicates (for two known speakers only
    where the text is long enough not to be the same by chance).
    """
    parent = list(range(len(posts)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(keys: Sequence[object]) -> None:
        first: dict[object, int] = {}
        for index, key in enumerate(keys):
            if key is not None:
                a, b = root(first.setdefault(key, index)), root(index)
                parent[max(a, b)] = min(a, b)

    join([post.speaker for post in posts])
    join(_same_text(posts))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(index), len(numbers)) for index in range(len(posts))]


def _same_text(posts: Sequence[Post]) -> list[object]:
    """A key per post that near-duplicates share."""
    from nlp.similar import near_duplicates

    if len(posts) < 2:
        return [None] * len(posts)
    texts = [f"{post.title} {post.text}" for post in posts]
    alike = near_duplicates(texts, ALIKE)
    long_enough = [
        post.speaker is None or len(_DROPPED.sub("", text)) >= LEAST_TEXT
        for post, text in zip(posts, texts, strict=True)
    ]
    return [number if counts else None for number, counts in zip(alike, long_enough, strict=True)]


def daily_people(days: Sequence[int], people: Sequence[int], length: int) -> list[int]:
    """People per day. A person who speaks again within `RECOUNT_DAYS` days of being counted is not counted again.

    Args:
        days: day number of each post, ascending.
        people: its person.
        length: days of the series.
    """
    series, counted = [0] * length, dict[int, int]()
    for day, person in zip(days, people, strict=True):
        if day - counted.get(person, -RECOUNT_DAYS) >= RECOUNT_DAYS:
            counted[person] = day
            series[day] += 1
    return series
