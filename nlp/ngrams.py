"""Texts to hashed character 1–2-grams, whole batches at a time, in numpy alone.

A text becomes a row of counts over `2**BITS` buckets. Nothing here is fitted, so nothing but the weights is shipped, and
an explanation finds the n-grams of a bucket by hashing the text again (methods.md §1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BITS: Final = (
    22  # 4.2 M buckets for some 0.2 M n-grams of a corpus: one in twenty shares its bucket, mostly rare with rare
)
MAX_N: Final = 2  # 1–3 was measured too: worse on every civic head, and three times the weights (DECISIONS.md)
HEAD_CHARACTERS: Final = 300  # what the people who labelled the civic rows saw of a long text: its beginning
TAIL_CHARACTERS: Final = 90  # and its end
TITLE_CHARACTERS: Final = 80
OPENING_CHARACTERS: Final = 25  # the start of a text without title stands for one; the usual length of a title
TITLE, BODY = 1, 2
_SPACE: Final = 32
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)  # murmur3's finaliser
_SHIFT = np.uint64(33)
_BLANK = re.compile(r"\s+")
_PLACE_CODE = re.compile(r"[a-z]\d{0,2}(?=[省市区县州])")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def fields(title: str, text: str) -> dict[int, str]:
    """The normalised fields of a text: its title (its opening where there is none), and title and body as one."""
    title = title[:TITLE_CHARACTERS]
    return {
        TITLE: normalise(title or text[:OPENING_CHARACTERS]),
        BODY: normalise(f"{title} {excerpt(text)}"),
    }


def excerpt(text: str) -> str:
    """The beginning and the end of a long text; a short one as it is. Bounds the work for one text."""
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    return text[:HEAD_CHARACTERS] + " " + text[-TAIL_CHARACTERS:]


def normalise(text: str) -> str:
    """Lower case, single spaces, numbers as `0`, coded places (A市, B3区) as 某: none of these tell a topic."""
    text = _DIGITS.sub("0", _PLACE_CODE.sub("某", text.lower()))
    return _BLANK.sub(" ", text).strip()


@dataclass(frozen=True)
class Grams:
    """Every n-gram of a batch: `documents` (m,) row of the text, `buckets` (m,), `starts` and `lengths` (m,) in characters.

    Offsets count in the normalised text.
    """

    documents: NDArray[np.int64]
    buckets: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


def grams(texts: Sequence[str], field: int) -> Grams:
    """The n-grams of normalised texts; none contains a space. `field` keeps the buckets of title and body apart."""
    joined = " ".join(texts) + " "
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    sizes = np.fromiter((len(text) + 1 for text in texts), dtype=np.int64, count=len(texts))
    document = np.repeat(np.arange(len(texts)), sizes)
    begins = np.concatenate(([0], np.cumsum(sizes)[:-1])) if len(texts) else np.zeros(0, dtype=np.int64)
    inside = codes != _SPACE
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], int]] = []
    state, valid = np.full(len(codes), np.uint64(field * 7919 + 1)), np.ones(len(codes), dtype=bool)
    for n in range(1, MAX_N + 1):
        width = len(codes) - n + 1
        if width <= 0:
            break
        with np.errstate(over="ignore"):
            state = (state[:width] + codes[n - 1 :]) * _PRIME
        valid = valid[:width] & inside[n - 1 :]
        at = np.flatnonzero(valid)
        parts.append((at, _bucket(state[at]), n))
    at = np.concatenate([part[0] for part in parts])
    rows = document[at]
    return Grams(rows, np.concatenate([part[1] for part in parts]), at - begins[rows],
                 np.concatenate([np.full(len(part[0]), part[2], dtype=np.int64) for part in parts]))  # fmt: skip


def _bucket(state: NDArray[np.uint64]) -> NDArray[np.int64]:
    with np.errstate(over="ignore"):
        state = (state ^ (state >> _SHIFT)) * _MIX_1
        state = (state ^ (state >> _SHIFT)) * _MIX_2
    return (state >> np.uint64(64 - BITS)).astype(np.int64)


@dataclass(frozen=True)
class Counts:
    """Distinct n-grams of each text: `documents` (m,) ascending, `buckets` (m,) ascending within a text, `counts` (m,)."""

    documents: NDArray[np.int64]
    buckets: NDArray[np.int64]
    counts: NDArray[np.float32]


def counts(texts: Sequence[str], field: int) -> Counts:
    """How often each n-gram stands in each normalised text."""
    found = grams(texts, field)
    keys, times = np.unique((found.documents << BITS) | found.buckets, return_counts=True)
    return Counts(keys >> BITS, keys & ((1 << BITS) - 1), times.astype(np.float32))


def features_of(fields: Sequence[Counts], rows: NDArray[np.int32], idf: NDArray[np.float32], n: int) -> csr_matrix:
    """(n, f) sublinear counts × idf, each field of a text scaled to length 1.

    Args:
        fields: counts of each field of the same `n` texts.
        rows: (2**BITS,) bucket → column, −1 where the bucket is not kept.
        idf: (f,)
    """
    from scipy.sparse import csr_matrix

    documents, columns, values = [], [], []
    for counted in fields:
        column = rows[counted.buckets]
        kept = column >= 0
        column, document = column[kept], counted.documents[kept]
        value = (1 + np.log(counted.counts[kept])) * idf[column]
        length = np.sqrt(np.bincount(document, value.astype(np.float64) ** 2, n))
        documents.append(document)
        columns.append(column)
        values.append((value / np.maximum(length, 1e-12)[document]).astype(np.float32))
    document = np.concatenate(documents)
    order = np.argsort(document, kind="stable")  # fields one after the other within a text, whatever the batch
    pointers = np.concatenate(([0], np.cumsum(np.bincount(document, minlength=n))))
    return csr_matrix((np.concatenate(values)[order], np.concatenate(columns)[order], pointers), shape=(n, len(idf)))
