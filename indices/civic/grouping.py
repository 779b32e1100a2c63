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
MERGE: Final = 0.27
"""Centroid cosine from which groups with a common anchor are one. On the same board 0.30 left one large issue in two, 0.25 none."""
MERGE_OTHER_TOPIC: Final = 0.50
"""The same where the classifier reads different topics: it may be wrong, so words can outvote it."""
ANCHOR_SHARE: Final = 0.5
"""An anchor is a rare feature that this share of a group's members has."""
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
            number = _best(group_of[other[seen]], alike[seen], groups)
            if number < 0:
                number = len(groups)
                groups.append([])
            groups[number].append(row)
            group_of[row] = number
            if len(groups[number]) > LINKED:
                live[groups[number][-LINKED - 1]] = False
    return groups


def _best(numbers: Ints, alike: NDArray[np.float32], groups: list[list[int]]) -> int:
    """The group with the highest mean similarity ≥ JOIN over its last members; −1 where there is none, the older at a tie."""
    if not len(numbers):
        return -1
    distinct, where = np.unique(numbers, return_inverse=True)
    total = np.bincount(where, alike)
    size = np.fromiter((min(len(groups[number]), LINKED) for number in distinct), dtype=np.int64, count=len(distinct))
    mean = np.round(total / size, 6)
    best = int(np.argmax(mean))
    return int(distinct[best]) if mean[best] >= JOIN else -1


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
        named = Counter(name for post in members for name in post.objects[:2])
        self.objects = {name for name, count in named.items() if count * 2 >= len(members)}
        self.first, self.last = members[0].day, members[-1].day

    def fits(self, other: _Traits, cosine: float) -> bool:
        if (max(self.first, other.first) - min(self.last, other.last)).days > MEMORY_DAYS:
            return False
        if self.objects and other.objects and not any(a in b or b in a for a in self.objects for b in other.objects):
            return False
        same_topic = self.topic is None or other.topic is None or self.topic == other.topic
        return same_topic or cosine >= MERGE_OTHER_TOPIC


def majority(counter: Counter[str]) -> str | None:
    """The most frequent value, the first in order at a tie; None of nothing."""
    return min(counter, key=lambda value: (-counter[value], value)) if counter else None
