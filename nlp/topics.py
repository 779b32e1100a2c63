"""Topics of texts that no class explains: BERTopic over our own words and vectors, the same result every run (methods.md §3).

Texts become rows of hashed words, so that a centroid of this week can be compared with one of last week; a fixed random
projection brings them to few dimensions for clustering. No language model is downloaded: `embedding_model=None`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import MissingPart

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_TEXTS: Final = 60
"""Below this nothing is said: 数据不足."""
LEAST_MEMBERS: Final = 6
LEAST_COHESION: Final = 0.25
"""Mean cosine of members with their centroid: a cluster of leftovers is no topic."""
WORDS: Final = 10
_FEATURES: Final = 2**14
_DIMENSIONS: Final = 100
_SEED: Final = 20
_MOST_WORDS_KEPT: Final = 150


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """One topic of a run.

    Attributes:
        words: what tells it from the others, the strongest first (class-based TF-IDF).
        members: positions of its texts, the most central first.
        centroid: hashed feature → weight, length 1: comparable from run to run.
    """

    words: tuple[str, ...]
    members: tuple[int, ...]
    centroid: dict[int, float]


def find_topics(texts: Sequence[Sequence[str]]) -> list[FoundTopic]:
    """Topics of texts that are given as words, the largest first; none where there are fewer than `LEAST_TEXTS`.

    Raises:
        MissingPart: the extra `topics` is not installed.
    """
    joined = [" ".join(words) for words in texts]
    kept = [number for number, text in enumerate(joined) if text.strip()]
    if len(kept) < LEAST_TEXTS:
        return []
    rows = _rows([joined[number] for number in kept])
    model, assigned = _fit([joined[number] for number in kept], rows)
    found = []
    for topic in sorted(set(assigned.tolist())):
        members = np.flatnonzero(assigned == topic)
        centroid = _unit(np.asarray(rows[members].mean(axis=0)).ravel())
        alike = np.asarray(rows[members] @ centroid).ravel()
        if len(members) < LEAST_MEMBERS or float(alike.mean()) < LEAST_COHESION:
            continue
        words = tuple(str(word) for word, weight in model.get_topic(topic) if word and weight > 0)[:WORDS]
        order = members[np.lexsort((members, -np.round(alike, 6)))]
        found.append(FoundTopic(words, tuple(kept[number] for number in order.tolist()), _sparse(centroid)))
    return sorted(found, key=lambda one: (-len(one.members), one.members))


def likeness(one: dict[int, float], other: dict[int, float]) -> float:
    """Cosine of two centroids."""
    return sum(weight * other.get(feature, 0.0) for feature, weight in one.items())


def _rows(texts: list[str]) -> csr_matrix:
    """(n, features) hashed words, sublinear, length 1. Without document frequencies: these differ from week to week."""
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = HashingVectorizer(
        n_features=_FEATURES, token_pattern=r"\S+", alternate_sign=False, norm="l2", binary=True
    )
    return hashing.transform(texts).tocsr()


def _fit(texts: list[str], rows: csr_matrix) -> tuple[Any, NDArray[np.int64]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries below, about each other
            from bertopic import BERTopic
            from bertopic.dimensionality import BaseDimensionalityReduction
    except ImportError as error:
        raise MissingPart(part="bertopic", extra="topics") from error
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.random_projection import SparseRandomProjection

    project = SparseRandomProjection(_DIMENSIONS, random_state=_SEED, dense_output=True)
    vectors = np.asarray(project.fit_transform(rows), dtype=np.float64)
    clusters = MiniBatchKMeans(_clusters(len(texts)), random_state=_SEED, n_init=5, batch_size=2_048)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BERTopic(
            language="multilingual", embedding_model=None, umap_model=BaseDimensionalityReduction(), hdbscan_model=clusters,
            vectorizer_model=CountVectorizer(token_pattern=r"\S+", min_df=2), calculate_probabilities=False, top_n_words=WORDS,
        )  # fmt: skip
        assigned, _ = model.fit_transform(texts, embeddings=vectors)
    return model, np.asarray(assigned, dtype=np.int64)


def _clusters(n: int) -> int:
    return int(min(80, max(5, round((n / 2) ** 0.5))))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _sparse(centroid: NDArray[np.float64]) -> dict[int, float]:
    """The heaviest features, of length 1 again."""
    top = np.argsort(-centroid, kind="stable")[:_MOST_WORDS_KEPT]
    top = top[centroid[top] > 0]
    weights = _unit(centroid[top])
    return {int(feature): round(float(weight), 6) for feature, weight in zip(top, weights, strict=True)}
