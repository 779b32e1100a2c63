"""What besides its words ties a post to an event: the object, the street, the day, what it is about.

Ties are added to the similarity of the texts, which is between 0 and 1. Their sizes were chosen on two simulated cities and
read on a third (DECISIONS.md, "Grouping"); where a source knows neither street nor topic none of them counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from math import exp
from typing import Final

from indices.civic.posts import Post

LEAST_NAME: Final = 3
"""Characters of a name that can stand for a longer one, or be misspelt."""
OBJECT_SHARE: Final = 0.1
"""A group is about every object that so many of its members name."""
STREET: Final = 0.12
"""The same street on the same day…"""
FADE_DAYS: Final = 5.0
"""… and so many days later 1/e of it: what happened there weeks ago need not be the same."""
MISSPELT: Final = 0.05
"""A name that differs by one character from one in the same street."""
SAME_ISSUE: Final = 0.05
"""The same topic of the second level."""
OTHER_ISSUE: Final = -0.1
OTHER_TOPIC: Final = -0.15
"""Against, but not decisive: the classifier may be wrong, and words can outvote it."""

MOST_TIE: Final = STREET + MISSPELT + SAME_ISSUE


class Group:
    """What the members of a group have in common. `members`: how many there are."""

    def __init__(self) -> None:
        self.first = self.last = date.min
        self.street: str | None = None
        self.topic: str | None = None
        self.subtopic: str | None = None
        self.objects: tuple[str, ...] = ()
        self.bound = False
        self._named: Counter[str] = Counter()
        self._streets: Counter[str] = Counter()
        self._topics: Counter[str] = Counter()
        self._subtopics: Counter[str] = Counter()
        self.members = self._naming = self._bound = 0

    @classmethod
    def of(cls, posts: Iterable[Post]) -> Group:
        found = cls()
        for post in posts:
            found.add(post)
        return found

    def add(self, post: Post) -> None:
        """One member."""
        self.first = min(self.first, post.day) if self.members else post.day
        self.last = max(self.last, post.day)
        self.members += 1
        self._bound += post.bound
        self.bound = 2 * self._bound >= self.members
        self.street = _counted(self._streets, post.street)
        self.topic = _counted(self._topics, post.topic)
        self.subtopic = _counted(self._subtopics, post.subtopic)
        if post.objects:
            self._naming += 1
            self._named.update(post.objects)
            self.objects = tuple(name for name, n in self._named.items() if n >= OBJECT_SHARE * self._naming)

    def join(self, other: Group) -> None:
        """All members of another group."""
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.members += other.members
        self._bound += other._bound
        self._naming += other._naming
        self.bound = 2 * self._bound >= self.members
        for ours, theirs in (
            (self._named, other._named),
            (self._streets, other._streets),
            (self._topics, other._topics),
            (self._subtopics, other._subtopics),
        ):
            ours.update(theirs)
        self.street, self.topic = majority(self._streets), majority(self._topics)
        self.subtopic = majority(self._subtopics)
        self.objects = tuple(name for name, n in self._named.items() if n >= OBJECT_SHARE * self._naming)

    def tie(self, other: Post | Group) -> float | None:
        """How much besides the words speaks for one event (below 0: against); None where the places tell them apart.

        Both are about objects and none is the same, or they lie in two streets: two events.
        """
        near = bool(self.street) and self.street == other.street
        if self.street and other.street and not near:
            return None
        misspelt = False
        if self.bound and other.bound and not _any(same_object, self.objects, other.objects):
            misspelt = near and _any(one_slip, self.objects, other.objects)
            if not misspelt:
                return None
        return MISSPELT * misspelt + STREET * near * exp(-self._days_to(other) / FADE_DAYS) + self._about(other)

    def days_apart(self, other: Group) -> int:
        """Days without a member between two groups; 0 where they overlap."""
        return max(0, (max(self.first, other.first) - min(self.last, other.last)).days)

    def _days_to(self, other: Post | Group) -> int:
        return self.days_apart(other) if isinstance(other, Group) else max(0, (other.day - self.last).days)

    def _about(self, other: Post | Group) -> float:
        if self.topic and other.topic and self.topic != other.topic:
            return OTHER_TOPIC
        if self.subtopic and other.subtopic:
            return SAME_ISSUE if self.subtopic == other.subtopic else OTHER_ISSUE
        return 0.0


def majority(counter: Counter[str]) -> str | None:
    """The most frequent value, the first in order at a tie; None of nothing."""
    return min(counter, key=lambda value: (-counter[value], value)) if counter else None


def same_object(a: str, b: str) -> bool:
    """Equal, one within the other, or the same beginning and half of the character pairs: people shorten names.

    The beginning tells names apart; the end is shared by all of a kind (…火锅店, …初级中学).
    """
    if a == b or (min(len(a), len(b)) >= LEAST_NAME and (a in b or b in a)):
        return True
    pairs_a, pairs_b = ({name[i : i + 2] for i in range(len(name) - 1)} for name in (a, b))
    return a[:2] == b[:2] and 4 * len(pairs_a & pairs_b) >= len(pairs_a) + len(pairs_b)


def one_slip(a: str, b: str) -> bool:
    """Whether one character changed, left out or put in makes the one name the other; short names are too alike by chance."""
    if abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < LEAST_NAME:
        return False
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) <= 1
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def _counted(counter: Counter[str], value: str | None) -> str | None:
    if value:
        counter[value] += 1
    return majority(counter)


def _any(same: Callable[[str, str], bool], ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return any(same(a, b) for a in ours for b in theirs)
