"""Which posts are one event: place or object × issue × time.

Posts are taken in order of (time, id). Each joins the group to whose last `LINKED` members it is most similar on average,
or begins a group of its own; a group without news for `MEMORY_DAYS` is closed. Then groups that a single pass has split
are merged: they share an object (or a rare feature that most of their members have), their topic does not differ and
their centroids are alike. The order of the input does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indices.civic.posts import Post
from indices.civic.vectors import Vectors, common_limit

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]

LINKED: Final = 15
MEMORY_DAYS: Final = 120
JOIN: Final = 0.17
"""Mean similarity from which a post joins. On the 2019 message board 0.15 mixed issues and 0.25 split the large ones."""
MERGE: Final = 0.25
"""Centroid cosine from which groups with a common anchor are one. On the same board 0.30 left a large issue in two, 0.25 none."""
MERGE_OTHER_TOPIC: Final = 0.35
"""The same where the classifier reads different topics: it may be wrong, so words can outvote it. 0.5 left an issue in three."""
ANCHOR_SHARE: Final = 0.5
"""An anchor is a rare feature that this share of a group's members has."""
LEAST_NAME: Final = 3
"""Characters of a name that can stand for a longer one."""
OBJECT_SHARE: Final = 0.1
"""A group is about every object that so many of its members name."""
NEGLIGIBLE: Final = 0.03
_BLOCK: Final = 512


def group_posts(posts: Sequence[Post], vectors: Vectors | None = None) -> list[list[int]]:
    """Groups of positions in `posts`, each in order of (time, id); groups in order of their first member.

    Args:
        posts: sorted by (at, id).
        vectors: of these posts, where the caller has them already.
    """
    if not posts:
        return []
    vectors = vectors or Vectors(posts)
    groups = _single_pass(posts, vectors)
    merged = _merge(posts, vectors, groups)
    return sorted(merged, key=lambda group: group[0])


def _single_pass(posts: Sequence[Post], vectors: Vectors) -> list[list[int]]:
    days = np.fromiter((post.day.toordinal() for post in posts), dtype=np.int64, count=len(posts))
    joined = _Joined(posts)
    for begin in range(0, len(posts), _BLOCK):
        end = min(begin + _BLOCK, len(posts))
        oldest = int(np.searchsorted(days, days[begin] - MEMORY_DAYS))
        near = (vectors.rows[begin:end] @ vectors.rows[oldest:end].T).tocsr()
        for row in range(begin, end):
            span = slice(near.indptr[row - begin], near.indptr[row - begin + 1])
            other, alike = near.indices[span] + oldest, near.data[span]
            remembered = (other < row) & (alike > NEGLIGIBLE) & (days[other] >= days[row] - MEMORY_DAYS)
            joined.add(row, other[remembered], alike[remembered])
    return joined.groups


class _Joined:
    """The groups so far."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self.posts = posts
        self.groups: list[list[int]] = []
        self._objects: list[Objects] = []
        self._group_of = np.full(len(posts), -1, dtype=np.int64)
        self._live = np.ones(len(posts), dtype=bool)  # among the last LINKED of its group

    def add(self, row: int, other: Ints, alike: NDArray[np.float32]) -> None:
        """Post `row` joins a group or begins one; `other`, `alike`: earlier posts and their similarity."""
        live = self._live[other]
        number = self._best(row, self._group_of[other[live]], alike[live])
        if number < 0:
            number = len(self.groups)
            self.groups.append([])
            self._objects.append(Objects())
        group = self.groups[number]
        group.append(row)
        self._objects[number].add(self.posts[row])
        self._group_of[row] = number
        if len(group) > LINKED:
            self._live[group[-LINKED - 1]] = False

    def _best(self, row: int, numbers: Ints, alike: NDArray[np.float32]) -> int:
        """The group with the highest mean similarity ≥ JOIN over its last members that is not about another object; −1 where
        there is none, the older at a tie."""
        if not len(numbers):
            return -1
        distinct, where = np.unique(numbers, return_inverse=True)
        size = np.fromiter((min(len(self.groups[n]), LINKED) for n in distinct), dtype=np.int64, count=len(distinct))
        mean = np.round(np.bincount(where, alike) / size, 6)
        near = np.flatnonzero(mean >= JOIN)
        for place in near[np.argsort(-mean[near], kind="stable")]:
            number = int(distinct[place])
            if self._objects[number].admits(self.posts[row]):
                return number
        return -1


class Objects:
    """What the members of a group name, and whether something else that is named fits."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._members = self._naming = self._bound = 0

    def add(self, post: Post) -> None:
        """One member."""
        self._members += 1
        self._bound += post.bound
        if post.objects:
            self._naming += 1
            self._counted.update(post.objects)

    @property
    def bound(self) -> bool:
        """Whether the group is about a place or thing: half of its members are."""
        return 2 * self._bound >= self._members

    def usual(self) -> list[str]:
        """Objects that at least `OBJECT_SHARE` of the members that name any name."""
        return [name for name, count in self._counted.items() if count >= OBJECT_SHARE * self._naming]

    def admits(self, other: Post | Objects) -> bool:
        """Two places are two events: false if both are about objects and none is the same."""
        if not (self.bound and other.bound):
            return True
        names = other.usual() if isinstance(other, Objects) else other.objects
        return any(same_object(a, b) for a in names for b in self.usual())


def same_object(a: str, b: str) -> bool:
    """Equal, one within the other, or the same beginning and half of the character pairs: people shorten and misspell names.

    The beginning tells names apart; the end is shared by all of a kind (…火锅店, …初级中学).
    """
    if a == b or (min(len(a), len(b)) >= LEAST_NAME and (a in b or b in a)):
        return True
    pairs_a, pairs_b = ({name[i : i + 2] for i in range(len(name) - 1)} for name in (a, b))
    return a[:2] == b[:2] and 4 * len(pairs_a & pairs_b) >= len(pairs_a) + len(pairs_b)


def _merge(posts: Sequence[Post], vectors: Vectors, groups: list[list[int]]) -> list[list[int]]:
    """Merge what belongs together, most alike pairs first, until nothing more does."""
    while True:
        large = [group for group in groups if len(group) > 1]
        pairs = _pairs(posts, vectors, large)
        if not pairs:
            return groups
        used: set[int] = set()
        merged = []
        for left, right in pairs:
            if left not in used and right not in used:
                used.update((left, right))
                merged.append(sorted(large[left] + large[right]))
        groups = [group for group in groups if len(group) == 1]
        groups += [group for number, group in enumerate(large) if number not in used] + merged


def _pairs(posts: Sequence[Post], vectors: Vectors, groups: list[list[int]]) -> list[tuple[int, int]]:
    """Pairs of groups to merge, most alike first, ties by their first members."""
    if len(groups) < 2:
        return []
    centroids, anchors = _centroids_of(vectors.rows, groups), _anchors(vectors, groups, common_limit(len(posts)))
    shared = (anchors @ anchors.T).tocoo()
    upper = shared.row < shared.col
    left, right = shared.row[upper], shared.col[upper]
    cosine = _cosines(centroids, left, right)
    traits = [_Traits(posts, group) for group in groups]
    found = [
        (-round(float(value), 6), groups[a][0], groups[b][0], int(a), int(b))
        for a, b, value in zip(left, right, cosine, strict=True)
        if value >= MERGE and traits[a].fits(traits[b], float(value))
    ]
    return [(a, b) for *_, a, b in sorted(found)]


def _cosines(centroids: csr_matrix, left: Ints, right: Ints) -> NDArray[np.float64]:
    if not len(left):
        return np.zeros(0)
    return np.asarray(centroids[left].multiply(centroids[right]).sum(axis=1), dtype=np.float64).ravel()


def _picks(groups: list[list[int]], n: int) -> csr_matrix:
    """(g, n) which posts a group holds."""
    from scipy.sparse import csr_matrix

    member = np.concatenate([np.asarray(group) for group in groups])
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return csr_matrix((np.ones(len(member), dtype=np.float32), (owner, member)), shape=(len(groups), n))


def _centroids_of(rows: csr_matrix, groups: list[list[int]]) -> csr_matrix:
    """(g, f) mean rows, of length 1."""
    from scipy.sparse import diags

    total = (_picks(groups, rows.shape[0]) @ rows).tocsr()
    length = np.sqrt(np.asarray(total.multiply(total).sum(axis=1)).ravel())
    return (diags(1 / np.maximum(length, 1e-12)) @ total).tocsr()


def _anchors(vectors: Vectors, groups: list[list[int]], limit: int) -> csr_matrix:
    """(g, f) 1 for the rare features that most members have."""
    from scipy.sparse import diags

    present = vectors.rows.copy()
    present.data[:] = 1.0
    share = (
        diags(1.0 / np.array([len(group) for group in groups])) @ (_picks(groups, present.shape[0]) @ present)
    ).tocsr()
    share.data[(share.data < ANCHOR_SHARE) | (vectors.frequency[share.indices] > limit)] = 0.0
    share.eliminate_zeros()
    share.data[:] = 1.0
    return share


class _Traits:
    """Topic, objects and time of a group."""

    def __init__(self, posts: Sequence[Post], group: list[int]) -> None:
        members = [posts[index] for index in group]
        topics = Counter(post.topic for post in members if post.topic)
        self.topic = majority(topics)
        self.objects = Objects()
        for post in members:
            self.objects.add(post)
        self.first, self.last = members[0].day, members[-1].day

    def fits(self, other: _Traits, cosine: float) -> bool:
        if (max(self.first, other.first) - min(self.last, other.last)).days > MEMORY_DAYS:
            return False
        if not self.objects.admits(other.objects):
            return False
        same_topic = self.topic is None or other.topic is None or self.topic == other.topic
        return same_topic or cosine >= MERGE_OTHER_TOPIC


def majority(counter: Counter[str]) -> str | None:
    """The most frequent value, the first in order at a tie; None of nothing."""
    return min(counter, key=lambda value: (-counter[value], value)) if counter else None
