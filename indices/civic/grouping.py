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
    groups = _single_pass(posts, vectors.rows)
    merged = _merge(posts, vectors, groups)
    return sorted(merged, key=lambda group: group[0])


def _single_pass(posts: Sequence[Post], rows: csr_matrix) -> list[list[int]]:
    days = np.fromiter((post.day.toordinal() for post in posts), dtype=np.int64, count=len(posts))
    group_of = np.full(len(posts), -1, dtype=np.int64)
    live = np.ones(len(posts), dtype=bool)  # among the last LINKED of its group
    groups: list[list[int]] = []
    named: list[Objects] = []
    for begin in range(0, len(posts), _BLOCK):
        end = min(begin + _BLOCK, len(posts))
        oldest = int(np.searchsorted(days, days[begin] - MEMORY_DAYS))
        near = (rows[begin:end] @ rows[oldest:end].T).tocsr()
        for row in range(begin, end):
            span = slice(near.indptr[row - begin], near.indptr[row - begin + 1])
            other, alike = near.indices[span] + oldest, near.data[span]
            seen = (other < row) & (alike > NEGLIGIBLE)
            other, alike = other[seen], alike[seen]
            seen = live[other] & (days[other] >= days[row] - MEMORY_DAYS)
            number = _best(group_of[other[seen]], alike[seen], groups, named, posts[row])
            if number < 0:
                number = len(groups)
                groups.append([])
                named.append(Objects())
            groups[number].append(row)
            named[number].add(posts[row])
            group_of[row] = number
            if len(groups[number]) > LINKED:
                live[groups[number][-LINKED - 1]] = False
    return groups


def _best(numbers: Ints, alike: NDArray[np.float32], groups: list[list[int]], named: list[Objects], post: Post) -> int:
    """The group with the highest mean similarity ≥ JOIN over its last members that is not about another object; −1 where
    there is none, the older at a tie."""
    if not len(numbers):
        return -1
    distinct, where = np.unique(numbers, return_inverse=True)
    total = np.bincount(where, alike)
    size = np.fromiter((min(len(groups[number]), LINKED) for number in distinct), dtype=np.int64, count=len(distinct))
    mean = np.round(total / size, 6)
    near = np.flatnonzero(mean >= JOIN)
    for place in near[np.argsort(-mean[near], kind="stable")]:
        if named[distinct[place]].admits(post):
            return int(distinct[place])
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
    """One name within the other, or half of their character pairs in common: people shorten and misspell names."""
    if a in b or b in a:
        return True
    pairs_a, pairs_b = ({name[i : i + 2] for i in range(len(name) - 1)} for name in (a, b))
    return 4 * len(pairs_a & pairs_b) >= len(pairs_a) + len(pairs_b)


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
    centroids, anchors = _centroids(vectors, groups, common_limit(len(posts)))
    shared = (anchors @ anchors.T).tocoo()
    upper = shared.row < shared.col
    left, right = shared.row[upper], shared.col[upper]
    cosine = np.asarray(centroids[left].multiply(centroids[right]).sum(axis=1)).ravel() if len(left) else np.zeros(0)
    traits = [_Traits(posts, group) for group in groups]
    found = [
        (-round(float(value), 6), groups[a][0], groups[b][0], int(a), int(b))
        for a, b, value in zip(left, right, cosine, strict=True)
        if value >= MERGE and traits[a].fits(traits[b], float(value))
    ]
    return [(a, b) for *_, a, b in sorted(found)]


def _centroids(vectors: Vectors, groups: list[list[int]], limit: int) -> tuple[csr_matrix, csr_matrix]:
    """(g, f) mean rows of length 1, and which rare features most members have."""
    from scipy.sparse import csr_matrix, diags

    sizes = np.fromiter(map(len, groups), dtype=np.int64, count=len(groups))
    member = np.concatenate([np.asarray(group) for group in groups])
    owner = np.repeat(np.arange(len(groups)), sizes)
    pick = csr_matrix(
        (np.ones(len(member), dtype=np.float32), (owner, member)), shape=(len(groups), vectors.rows.shape[0])
    )
    total = (pick @ vectors.rows).tocsr()
    length = np.sqrt(np.asarray(total.multiply(total).sum(axis=1)).ravel())
    centroids = diags(1 / np.maximum(length, 1e-12)) @ total
    present = vectors.rows.copy()
    present.data[:] = 1.0
    share = (diags(1.0 / sizes) @ (pick @ present)).tocsr()
    share.data[(share.data < ANCHOR_SHARE) | (vectors.frequency[share.indices] > limit)] = 0.0
    share.eliminate_zeros()
    share.data[:] = 1.0
    return centroids.tocsr(), share


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
