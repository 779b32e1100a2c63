"""Word vectors to start the encoder from: singular vectors of positive pointwise mutual information.

Levy & Goldberg, Neural word embedding as implicit matrix factorization (2014); context distribution smoothing 0.75 after
Levy, Goldberg & Dagan (2015). They are to spare the encoder the first millions of tokens, in which it learns word frequencies only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from nlp.tokenizer import OURS, Numbers

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WINDOW: Final = 4  # words to each side in the same text, weighted 1/distance
SMOOTHING: Final = 0.75
SCALE: Final = 0.02  # standard deviation of a BERT embedding at the start (transformers: initializer_range)
LEAST_PAIRS: Final = 2
_CHUNK: Final = 1_000_000


def start_vectors(
    streams: Iterable[NDArray[np.uint16]], vocabulary: int, dimensions: int, numbers: Numbers = OURS
) -> NDArray[np.float32]:
    """(vocabulary, dimensions) with standard deviation `SCALE`; tokens that never occur get noise of that size, as do the special
    ones, `numbers`.
    """
    from sklearn.utils.extmath import randomized_svd

    table = _mutual_information(_pairs(streams, vocabulary, numbers), numbers)
    vectors = np.random.default_rng(0).normal(0, SCALE, (vocabulary, dimensions)).astype(np.float32)
    met = np.flatnonzero(np.diff(table.indptr))
    rank = min(dimensions, len(met))
    if rank:
        left, values, _ = randomized_svd(table, rank, n_iter=3, random_state=0)
        found = (left * np.sqrt(values))[met]
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        vectors[met, :rank] *= 0.1
        vectors[met, :rank] += found / np.maximum(norms, 1e-9) * (SCALE * np.sqrt(rank))
    return vectors


def _pairs(streams: Iterable[NDArray[np.uint16]], vocabulary: int, numbers: Numbers = OURS) -> csr_matrix:
    """(vocabulary, vocabulary) symmetric weighted counts of tokens near each other in a text."""
    from scipy.sparse import csr_matrix

    total = csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    for stream in streams:
        for start in range(0, len(stream), _CHUNK):
            part = stream[start : start + _CHUNK].astype(np.int32)
            text = np.cumsum(part == numbers.sep)
            for distance in range(1, WINDOW + 1):
                same = np.flatnonzero(text[:-distance] == text[distance:])
                weights = np.full(len(same), 1 / distance, dtype=np.float32)
                total = total + csr_matrix((weights, (part[same], part[same + distance])), shape=total.shape)
    return total + total.T


def _mutual_information(counts: csr_matrix, numbers: Numbers = OURS) -> csr_matrix:
    """Positive pointwise mutual information of sparse counts, special tokens left out."""
    from scipy.sparse import csr_matrix

    table = counts.tocoo()
    usual = numbers.usual(counts.shape[0])
    kept = (table.data >= LEAST_PAIRS) & usual[table.row] & usual[table.col]
    row, column, data = table.row[kept], table.col[kept], table.data[kept].astype(np.float64)
    word = np.bincount(row, data, counts.shape[0])
    context = np.bincount(column, data, counts.shape[0]) ** SMOOTHING
    values = np.log(data * context.sum() / (word[row] * context[column]))
    positive = values > 0
    return csr_matrix((values[positive].astype(np.float32), (row[positive], column[positive])), shape=counts.shape)
