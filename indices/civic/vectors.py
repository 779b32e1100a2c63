"""Posts as sparse rows whose dot product is their similarity: title words, characters, and objects.

Row · row = ½ cosine of title words and word pairs + ½ cosine of character 2- and 3-grams (methods.md §3). Where a post names
an object (a place or thing), a third block takes `PLACE_SHARE` of the length: posts about the same object come nearer, posts
about two objects stay apart. Where the record says in which street it is, names of places do not count as words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from indices.civic.posts import Post

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Ints = NDArray[np.int64]

CHARACTERS: Final = 200
"""Title and beginning of the text; 120 and 400 were measured alike."""
TOP_GRAMS: Final = 40
"""Heaviest n-grams that are kept of a text: faster, and the event's own words count more (26 instead of 14 of 31 together)."""
COMMON_SHARE: Final = 0.02
"""n-grams in more texts than this tell nothing apart…"""
COMMON_LEAST: Final = 50
"""… but in few texts nothing is common."""
COMMON_MOST: Final = 3_000
"""Bounds the work in a large city."""
PLACE_SHARE: Final = 0.1
"""On the 2019 message board 0 left 7 of 60 messages of the largest issue outside, 0.1–0.15 none; 0.3 joined issues of one place."""
_BITS: Final = 22
_DROPPED: Final = re.compile(r"[\W_]+")
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Vectors:
    """Rows of all posts.

    Attributes:
        rows: (n, f) float32; each row has length 1 (or 0 for an empty text).
        frequency: (f,) posts that hold a feature.
    """

    def __init__(self, posts: Sequence[Post]) -> None:
        from scipy.sparse import hstack

        said = [_without_names(post) if post.street else (post.words, _opening(post)) for post in posts]
        texts = [_DROPPED.sub("", text).lower()[:CHARACTERS] for _, text in said]
        words, grams = _word_block([words for words, _ in said]), _gram_block(texts)
        places = _vocabulary_block([list(p.objects[:2]) for p in posts])
        placed = np.diff(places.indptr) > 0
        text_share = np.where(placed, 1.0 - PLACE_SHARE, 1.0)
        self.rows: csr_matrix = hstack(
            [
                _scaled(words, text_share / 2),
                _scaled(grams, text_share / 2),
                _scaled(places, np.where(placed, PLACE_SHARE, 0.0)),
            ]
        ).tocsr()
        self.rows.sort_indices()
        self.frequency: Ints = np.bincount(self.rows.indices, minlength=self.rows.shape[1])


def _opening(post: Post) -> str:
    return f"{post.title} {post.text[: 2 * CHARACTERS]}"


def _without_names(post: Post) -> tuple[tuple[str, ...], str]:
    """Words and text without the names of places, which the record's fields tell better: else all that is said of one place
    would be alike, whatever it is about."""
    names = {name for name in (*post.place_names, *post.objects, post.street, post.district) if name}
    text = _opening(post)
    for name in sorted(names, key=lambda name: (-len(name), name)):
        text = text.replace(name, " ")
    return tuple(word for word in post.words if not any(word in name for name in names)), text


def _word_block(words: Sequence[tuple[str, ...]]) -> csr_matrix:
    """TF-IDF rows of words and pairs of adjacent words."""
    return _vocabulary_block([[*one, *map("\u0000".join, pairwise(one))] for one in words])


def common_limit(n: int) -> int:
    """A feature in more posts than this is common."""
    return int(max(COMMON_LEAST, min(COMMON_SHARE * n, COMMON_MOST)))


def _vocabulary_block(features: list[list[str]]) -> csr_matrix:
    """TF-IDF rows of strings; every feature counts once a row."""
    numbers: dict[str, int] = {}
    rows, columns = [], []
    for number, names in enumerate(features):
        for name in dict.fromkeys(names):
            rows.append(number)
            columns.append(numbers.setdefault(name, len(numbers)))
    row, column = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    frequency = np.bincount(column, minlength=len(numbers))
    kept = frequency[column] <= max(common_limit(len(features)) * 5, 1)
    row, column = row[kept], column[kept]
    return _block(row, column, _idf(frequency[column], len(features)), (len(features), len(numbers)))


def _gram_block(texts: list[str]) -> csr_matrix:
    """TF-IDF rows of hashed character 2- and 3-grams: those in at least two texts and not in too many, the heaviest of a text.

    Sublinear counts: an event's own words are repeated within a text, which lifts them above rare accidents.
    """
    parts = [_grams(texts[i : i + 5_000], i) for i in range(0, len(texts), 5_000)]
    keys, times = (np.concatenate(list(part)) for part in zip(*parts, strict=True))
    row, bucket = keys >> _BITS, keys & ((1 << _BITS) - 1)
    names, column, frequency = np.unique(bucket, return_inverse=True, return_counts=True)
    kept = (frequency[column] >= min(2, len(texts))) & (frequency[column] <= common_limit(len(texts)))
    row, column, times = row[kept], column[kept], times[kept]
    weight = (1.0 + np.log(times)) * _idf(frequency[column], len(texts))
    order = np.lexsort((names[column], -weight, row))
    row, column, weight = row[order], column[order], weight[order]
    begins = np.searchsorted(row, np.arange(len(texts)))
    first = np.arange(len(row)) - begins[row] < TOP_GRAMS
    return _block(row[first], column[first], weight[first], (len(texts), len(names)))


def _grams(texts: list[str], offset: int) -> tuple[Ints, Ints]:
    """Distinct (text number + offset) << _BITS | bucket of the character 2- and 3-grams, and how often each occurs."""
    joined = " ".join(texts) + "  "
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    sizes = np.fromiter((len(text) + 1 for text in texts), dtype=np.int64, count=len(texts))
    owner = np.repeat(np.arange(len(texts), dtype=np.int64) + offset, sizes)
    inside = codes != ord(" ")
    found = []
    with np.errstate(over="ignore"):
        pairs = codes[:-1] * np.uint64(1_000_003) + codes[1:]
        triples = pairs[:-1] * np.uint64(1_000_003) + codes[2:]
        for state, whole in ((pairs, inside[:-1] & inside[1:]), (triples, inside[:-2] & inside[1:-1] & inside[2:])):
            at = np.flatnonzero(whole)
            mixed = (state[at] ^ (state[at] >> np.uint64(31))) * _MIX
            found.append((owner[at] << _BITS) | (mixed >> np.uint64(64 - _BITS)).astype(np.int64))
    keys, times = np.unique(np.concatenate(found), return_counts=True)
    return keys, times


def _idf(frequency: Ints, n: int) -> NDArray[np.float64]:
    """ln((1 + n) / (1 + df)) + 1, as scikit-learn smooths it."""
    return np.asarray(np.log((1.0 + n) / (1.0 + frequency)) + 1.0)


def _block(row: Ints, column: Ints, weight: NDArray[np.float64], shape: tuple[int, int]) -> csr_matrix:
    """Rows scaled to length 1."""
    from scipy.sparse import csr_matrix

    length = np.sqrt(np.bincount(row, weight**2, minlength=shape[0]))
    values = (weight / np.maximum(length, 1e-12)[row]).astype(np.float32)
    return csr_matrix((values, (row, column)), shape=(shape[0], max(shape[1], 1)))


def _scaled(block: csr_matrix, share: NDArray[np.float64]) -> csr_matrix:
    from scipy.sparse import diags

    return diags(np.sqrt(share).astype(np.float32)) @ block
