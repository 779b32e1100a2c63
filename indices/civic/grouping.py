"""Which posts are one event: place or object × issue × time.

Posts are taken in order of (time, id). Each joins the group to whose last `LINKED` members it is most similar on average,
ties of place, day and issue added (`indices.civic.ties`), or begins a group of its own; a group without news for
`MEMORY_DAYS` is closed. Then groups that a single pass has split are merged: they share a rare feature that most of their
members have, and their centroids, with the same ties, are alike. The order of the input does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indices.civic.posts import Post
from indices.civic.ties import MOST_TIE, Group
from indices.civic.vectors import Vectors, common_limit

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]

LINKED: Final = 15
MEMORY_DAYS: Final = 120
JOIN: Final = 0.17
"""Mean similarity with ties from which a post joins. On the 2019 message board 0.15 mixed issues and 0.25 split the large ones."""
MERGE: Final = 0.25
"""Centroid cosine with ties from which groups with a common anchor are one. There 0.30 left a large issue in two, 0.25 none."""
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
        self._common: list[Group] = []
        self._group_of = np.full(len(posts), -1, dtype=np.int64)
        self._live = np.ones(len(posts), dtype=bool)  # among the last LINKED of its group

    def add(self, row: int, other: Ints, alike: NDArray[np.float32]) -> None:
        """Post `row` joins a group or begins one; `other`, `alike`: earlier posts and their similarity."""
        live = self._live[other]
        number = self._best(self.posts[row], self._group_of[other[live]], alike[live])
        if number < 0:
            number = len(self.groups)
            self.groups.append([])
            self._common.append(Group())
        group = self.groups[number]
        group.append(row)
        self._common[number].add(self.posts[row])
        self._group_of[row] = number
        if len(group) > LINKED:
            self._live[group[-LINKED - 1]] = False

    def _best(self, post: Post, numbers: Ints, alike: NDArray[np.float32]) -> int:
        """The group with the highest mean similarity + tie ≥ JOIN; −1 where there is none, the older at a tie."""
        distinct, where = np.unique(numbers, return_inverse=True)
        best, found = JOIN, -1
        for number, total in zip(distinct.tolist(), np.bincount(where, alike).tolist(), strict=True):
            mean = total / min(len(self.groups[number]), LINKED)
            if mean + MOST_TIE < best:
                continue
            tie = self._common[number].tie(post)
            if tie is not None and (score := round(mean + tie, 6)) >= best and (score > best or found < 0):
                best, found = score, number
        return found


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
    common = [_common(posts, group) for group in groups]
    found = [
        (-round(value, 6), groups[a][0], groups[b][0], a, b)
        for a, b, value in zip(left.tolist(), right.tolist(), cosine.tolist(), strict=True)
        if value + MOST_TIE >= MERGE and _belong(common[a], common[b], value)
    ]
    return [(a, b) for *_, a, b in sorted(found)]


def _common(posts: Sequence[Post], group: Sequence[int]) -> Group:
    common = Group()
    for index in group:
        common.add(posts[index])
    return common


def _belong(one: Group, other: Group, cosine: float) -> bool:
    tie = one.tie(other)
    return tie is not None and cosine + tie >= MERGE and one.days_apart(other) <= MEMORY_DAYS


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
