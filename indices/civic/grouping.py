"""Which posts are one event: place or object × issue × time.

Posts are taken in order of (time, id). Each joins the group to whose last `LINKED` members it is most similar on average,
ties of place, day and issue added (`indices.civic.ties`), or begins a group of its own; a group without news for
`MEMORY_DAYS` is closed. Then groups that a single pass has split are merged: they share a rare feature that most of their
members have, and their centroids, with the same ties, are alike. Last, groups whose halves lie in two places are split. The order of the input does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indices.civic.halves import halves
from indices.civic.posts import Post
from indices.civic.ties import MOST_TIE, SAME_ISSUE, Group
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
    grown = Growth(posts, vectors or Vectors(posts))
    grown.take(range(len(posts)))
    return sorted((sorted(group) for group in grown.groups.values()), key=lambda group: group[0])


class Growth:
    """Groups while posts join them.

    Attributes:
        groups: number → positions in `posts`, the latest to join last.
        common: number → what its members have in common, those that are not among `posts` any more included.
        merged: number → the older group that it became part of.
    """

    def __init__(
        self, posts: Sequence[Post], vectors: Vectors, numbers: Sequence[int] = (), common: dict[int, Group] | None = None,
        following: int = 0,
    ) -> None:  # fmt: skip
        """`posts`: sorted by (at, id); `numbers`: the group of each that has one, −1 for others; `common`: of these groups;
        `following`: the number of the next new one."""
        self.posts, self.vectors, self.following = posts, vectors, following
        self.groups: dict[int, list[int]] = {}
        self.common = common if common is not None else {}
        self.merged: dict[int, int] = {}
        self._group_of = np.array(numbers if len(numbers) else [-1] * len(posts), dtype=np.int64)
        self._given = self._group_of >= 0
        self._live = np.ones(len(posts), dtype=bool)  # among the last LINKED of its group
        self._days = np.fromiter((post.day.toordinal() for post in posts), dtype=np.int64, count=len(posts))
        self._sizes, self._streets = np.zeros(following + len(posts)), np.zeros(following + len(posts), dtype=np.int64)
        self._named: dict[str, int] = {}
        for row in np.flatnonzero(self._given).tolist():
            self.groups.setdefault(int(self._group_of[row]), []).append(row)
        for number in self.groups:
            self._note(number)

    def take(self, new: Sequence[int]) -> None:
        """Find a group for each of the positions `new`, in their order, then merge what belongs together."""
        rows, known = self.vectors.rows, np.flatnonzero(self._given)
        touched: set[int] = set()
        for begin in range(0, len(new), _BLOCK):
            block = np.asarray(new[begin : begin + _BLOCK], dtype=np.int64)
            oldest = int(np.searchsorted(self._days, self._days[block[0]] - MEMORY_DAYS))
            until = max(int(block[-1]), int(known[-1]) if len(known) else 0) + 1
            near = (rows[block] @ rows[oldest:until].T).tocsr()
            for place, row in enumerate(block.tolist()):
                span = slice(near.indptr[place], near.indptr[place + 1])
                other, alike = near.indices[span] + oldest, near.data[span]
                there = (other < row) | self._given[other]
                near_by = np.abs(self._days[other] - self._days[row]) <= MEMORY_DAYS
                remembered = there & (alike > NEGLIGIBLE) & near_by & self._live[other]
                touched.add(self._join(row, self._group_of[other[remembered]], alike[remembered]))
        self._merge(touched)
        self._split()

    def _join(self, row: int, numbers: Ints, alike: NDArray[np.float32]) -> int:
        """Post `row` joins a group or begins one; `numbers`, `alike`: groups of other posts and their similarity."""
        number = self._best(self.posts[row], numbers, alike)
        if number < 0:
            number, self.following = self.following, self.following + 1
            self.groups[number], self.common[number] = [], Group()
        group = self.groups[number]
        group.append(row)
        self.common[number].add(self.posts[row])
        self._note(number)
        self._group_of[row] = number
        if len(group) > LINKED:
            self._live[group[-LINKED - 1]] = False
        return number

    def _note(self, number: int) -> None:
        """What `_best` looks at first."""
        self._sizes[number] = min(len(self.groups[number]), LINKED)
        self._streets[number] = self._street_number(self.common[number].street)

    def _street_number(self, street: str | None) -> int:
        return self._named.setdefault(street, len(self._named)) if street else -1

    def _best(self, post: Post, numbers: Ints, alike: NDArray[np.float32]) -> int:
        """The group with the highest mean similarity + tie ≥ JOIN; −1 where there is none, the older at a tie."""
        distinct, where = np.unique(numbers, return_inverse=True)
        means = np.bincount(where, alike) / self._sizes[distinct]
        near = (self._streets[distinct] == self._street_number(post.street)) & bool(post.street)
        able = np.flatnonzero(
            means + np.where(near, MOST_TIE, SAME_ISSUE) >= JOIN
        )  # few: the others need no closer look
        best, found = JOIN, -1
        for number, mean in zip(distinct[able].tolist(), means[able].tolist(), strict=True):
            tie = self.common[number].tie(post) if mean + MOST_TIE >= best else None
            if tie is not None and (score := round(mean + tie, 6)) >= best and (score > best or found < 0):
                best, found = score, number
        return found

    def _merge(self, touched: set[int]) -> None:
        """Merge groups of which one is `touched`, most alike pairs first, until nothing more belongs together."""
        while touched:
            used: set[int] = set()
            changed = set()
            for left, right in self._pairs(touched):
                if left not in used and right not in used:
                    used.update((left, right))
                    changed.add(self._unite(left, right))
            touched = changed

    def _unite(self, left: int, right: int) -> int:
        """The younger group into the older one."""
        kept, gone = sorted((left, right))
        self.groups[kept] = sorted(self.groups[kept] + self.groups.pop(gone))
        self.common[kept].join(self.common.pop(gone))
        self._group_of[self.groups[kept]] = kept
        self.merged[gone] = kept
        self._note(kept)
        return kept

    def end_of(self, number: int) -> int:
        """The group that a group is part of in the end."""
        while number in self.merged:
            number = self.merged[number]
        return number

    def _split(self) -> None:
        """Groups of new posts whose halves lie in two places are two: no tie between them, whatever they say."""
        waiting = [number for number, group in self.groups.items() if not self._given[group].any()]
        while waiting:
            number = waiting.pop()
            group = sorted(self.groups[number])
            parts = halves(self.vectors.rows[group])
            if parts is None:
                continue
            kept, gone = ([group[place] for place in part] for part in parts)
            common, other = (Group.of(self.posts[row] for row in part) for part in (kept, gone))
            if common.tie(other) is not None:
                continue
            self.groups[number], self.common[number] = kept, common
            self.groups[self.following], self.common[self.following] = gone, other
            self._group_of[gone] = self.following
            waiting += [number, self.following]
            self.following += 1

    def _pairs(self, touched: set[int]) -> list[tuple[int, int]]:
        """Pairs of groups to merge, most alike first, ties by their first members."""
        numbers = [number for number, group in self.groups.items() if len(group) > 1]
        changed = np.array([place for place, number in enumerate(numbers) if number in touched], dtype=np.int64)
        if len(numbers) < 2 or not len(changed):
            return []
        groups = [self.groups[number] for number in numbers]
        centroids = _centroids_of(self.vectors.rows, groups)
        anchors = _anchors(self.vectors, groups, common_limit(len(self.posts)))
        shared = (anchors[changed] @ anchors.T).tocoo()
        one, other = changed[shared.row], shared.col.astype(np.int64)
        pair = np.unique(np.stack([np.minimum(one, other), np.maximum(one, other)])[:, one != other], axis=1)
        cosine = _cosines(centroids, *pair)
        common = [self.common[number] for number in numbers]
        found = [
            (-round(value, 6), min(groups[a]), min(groups[b]), numbers[a], numbers[b])
            for a, b, value in zip(*pair.tolist(), cosine.tolist(), strict=True)
            if value + MOST_TIE >= MERGE and _belong(common[a], common[b], value)
        ]
        return [(a, b) for *_, a, b in sorted(found)]


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
