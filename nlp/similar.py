"""How alike texts are: a fingerprint to look up, a similarity, and groups of near-duplicates.

Alike means: they share character 5-grams (letters, digits and ideographs only, so that punctuation, white space and case do not count).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_DROPPED: Final = re.compile(r"[\W_]+")
_N: Final = 5  # characters of a gram in `similarity` and `near_duplicates`
_FINGERPRINT_N: Final = 3
_TEXT_LIMIT: Final = 20_000  # characters that count; what lies behind them does not change what a text is about
# 32 bands of 4 hashes: a pair with Jaccard similarity s shares a band with probability 1 - (1 - s⁴)³², that is 0.988 for 0.6 and
# 1 - 5·10⁻⁸ for 0.8. Every pair that shares one is compared exactly, so a pair that is none costs time only.
_BANDS: Final = 32
_ROWS: Final = 4
_SEED: Final = 20_191_117  # any; fixed, so that the same texts always give the same candidates
_CROWD: Final = (
    50  # texts in one bucket; in a larger one each is compared with the next few in alphabetical order and the first
)
_NEIGHBOURS: Final = 8
_SLACK: Final = 0.15  # four standard errors of a similarity that 128 hashes estimate
_CHUNK: Final = 65_536
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # splitmix64 (Steele, Lea, Flood 2014)
_BASE: Final = 1_000_003  # any odd number; makes one number of the code points of a gram


def fingerprint(text: str) -> str:
    """64-bit similarity hash (Charikar 2002) over character 3-grams, 16 hexadecimal digits.

    Equal for texts that differ in punctuation, white space or case only; a few bits apart for texts that differ in a few words.
    A text without a letter or digit has the fingerprint of nothing, sixteen zeros.
    """
    hashes = _hashes(_folded(text), _FINGERPRINT_N)
    if not len(hashes):
        return "0" * 16
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1)
    majority = bits.sum(axis=0, dtype=np.int64) * 2 > len(hashes)
    return np.packbits(majority).tobytes().hex()


def distance(a: str, b: str) -> int:
    """Bits in which two fingerprints differ, 0–64."""
    return (int(a, 16) ^ int(b, 16)).bit_count()


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of the sets of character 5-grams, 0–1; of texts shorter than that, whether they are equal."""
    return _jaccard(_grams(a), _grams(b))


def near_duplicates(texts: Sequence[str], threshold: float = 0.8) -> list[int]:
    """The group of each text: texts that a chain of pairs with `similarity` ≥ `threshold` connects are in one group.

    Groups are numbered 0, 1, … in order of their first member; which texts are together does not depend on the order. A text
    without a letter or digit is alone. Grows with the number of texts, not with its square.

    Raises:
        ValueError: `threshold` is not within 0.6–1; below it the search for pairs would miss too many (see `_BANDS`).
    """
    if not 0.6 <= threshold <= 1:
        raise ValueError(f"threshold {threshold}: not within 0.6–1")
    folded = [_folded(text) for text in texts]
    first_of: dict[str, int] = {}
    same = [first_of.setdefault(key, index) if key else index for index, key in enumerate(folded)]
    distinct = sorted((index for index in set(same) if folded[index]), key=folded.__getitem__)
    hashes = [_hashes(folded[index], _N) for index in distinct]
    parent = list(range(len(texts)))
    sets: dict[int, frozenset[int]] = {}
    for left, right in _pairs(hashes, threshold):
        a, b = _root(parent, distinct[left]), _root(parent, distinct[right])
        if a == b:
            continue
        for index in (left, right):
            if index not in sets:
                sets[index] = frozenset(hashes[index].tolist())
        if _jaccard(sets[left], sets[right]) >= threshold:
            parent[max(a, b)] = min(a, b)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(_root(parent, index), len(numbers)) for index in same]


def _pairs(hashes: list[Hashes], threshold: float) -> list[tuple[int, int]]:
    """Pairs of texts that share a band and whose signatures agree nearly as often as the threshold asks.

    The texts come sorted, so a crowded bucket is thinned in the same way whatever their order was.
    """
    if len(hashes) < 2:
        return []
    signatures = _signatures(hashes)
    candidates: set[int] = set()
    for band in range(_BANDS):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        rows = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        width = rows.itemsize * _ROWS
        data = rows.tobytes()
        for index in range(len(hashes)):
            buckets[data[index * width : (index + 1) * width]].append(index)
        for members in buckets.values():
            reach = len(members) if len(members) <= _CROWD else _NEIGHBOURS
            for position, left in enumerate(members):
                candidates.update(left << 32 | right for right in members[position + 1 : position + 1 + reach])
                if position > reach:
                    candidates.add(members[0] << 32 | left)
    encoded = np.array(sorted(candidates), dtype=np.int64)
    first, second = encoded >> 32, encoded & 0xFFFFFFFF
    agreement = np.zeros(len(encoded))
    for start in range(0, len(encoded), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        agreement[chunk] = (signatures[first[chunk]] == signatures[second[chunk]]).mean(axis=1)
    likely = agreement >= threshold - _SLACK
    return list(zip(first[likely].tolist(), second[likely].tolist(), strict=True))


def _signatures(hashes: list[Hashes]) -> NDArray[np.uint32]:
    """MinHash (Broder 1997), one row a text: the least value of its grams under each of 128 random odd multipliers."""
    random = np.random.default_rng(_SEED)
    multipliers = random.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = np.cumsum([0, *(len(h) for h in hashes[:-1])])
    together = np.concatenate(hashes)
    product = np.empty_like(together)
    signatures = np.empty((len(hashes), len(multipliers)), dtype=np.uint32)
    for column, multiplier in enumerate(multipliers):
        np.multiply(together, multiplier, out=product)
        signatures[:, column] = np.minimum.reduceat(product, offsets) >> np.uint64(32)
    return signatures


def _hashes(folded: str, n: int) -> Hashes:
    """Sorted, distinct 64-bit hashes of the character n-grams; a shorter text is one gram."""
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    width = min(n, len(codes))
    if not width:
        return codes
    values = np.zeros(len(codes) - width + 1, dtype=np.uint64)
    for shift in range(width):
        values = values * np.uint64(_BASE) + codes[shift : shift + len(values)]
    return np.unique(_mixed(values))


def _mixed(values: Hashes) -> Hashes:
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def _folded(text: str) -> str:
    return _DROPPED.sub("", text[:_TEXT_LIMIT]).lower()


def _grams(text: str) -> frozenset[int]:
    return frozenset(_hashes(_folded(text), _N).tolist())


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    if not a or not b:
        return 0.0
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index
