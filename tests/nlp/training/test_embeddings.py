from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlp.tokenizer import SEP, SPECIAL, Numbers
from nlp.training import embeddings
from nlp.training.embeddings import LEAST_PAIRS, SCALE, SMOOTHING, WINDOW, start_vectors

VOCABULARY = 60
GROUPS = (range(5, 25), range(25, 45))  # 45 … 59 are never met


def corpus(texts: int = 900, seed: int = 1) -> Any:
    """Every text draws from one group only."""
    random = np.random.default_rng(seed)
    parts = [[*random.choice(GROUPS[random.integers(2)], 9), SEP] for _ in range(texts)]
    return np.concatenate(parts).astype(np.uint16)


def cosines(vectors: Any) -> Any:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_words_of_one_context_lie_together() -> None:
    table = cosines(start_vectors([corpus()], VOCABULARY, 8))
    own = np.mean([table[word, other] for group in GROUPS for word in group for other in group if word != other])
    across = np.mean([table[word, other] for word in GROUPS[0] for other in GROUPS[1]])
    assert own > 0.5
    assert across < 0.2


@pytest.mark.parametrize("dimensions", [4, 32, 100])
def test_vectors_have_the_size_of_an_encoder_at_its_start(dimensions: int) -> None:
    vectors = start_vectors([corpus()], VOCABULARY, dimensions)
    assert vectors.shape == (VOCABULARY, dimensions)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors[5:45], axis=1), SCALE * np.sqrt(dimensions), rtol=0.35)
    never = np.r_[vectors[: len(SPECIAL)], vectors[45:]]
    assert 0.7 * SCALE < never.std() < 1.3 * SCALE


def test_the_same_streams_give_the_same_vectors() -> None:
    first = start_vectors([corpus(200), corpus(200, 2)], VOCABULARY, 16)
    assert np.array_equal(first, start_vectors(iter([corpus(200), corpus(200, 2)]), VOCABULARY, 16))


def test_special_tokens_may_stand_anywhere() -> None:
    """Numbers exchanged beforehand or vectors exchanged afterwards: the same, but for the noise and the signs of the axes."""
    places = np.arange(VOCABULARY)
    places[[1, 2, 3, 4, 50, 51, 52, 53]] = places[[50, 51, 52, 53, 1, 2, 3, 4]]
    numbers = Numbers(0, *places[1:5].tolist())
    table = cosines(start_vectors([places[corpus()].astype(np.uint16)], VOCABULARY, 8, numbers))
    usual = cosines(start_vectors([corpus()], VOCABULARY, 8))
    assert np.allclose(table[5:45, 5:45], usual[5:45, 5:45], atol=0.1)


@pytest.mark.parametrize(
    "streams",
    [[], [np.zeros(0, dtype=np.uint16)], [np.array([7, 8], dtype=np.uint16)], [np.full(99, SEP, dtype=np.uint16)]],
)
def test_without_texts_they_are_noise(streams: Any) -> None:
    vectors = start_vectors(streams, VOCABULARY, 16)
    assert 0.8 * SCALE < vectors.std() < 1.2 * SCALE


def test_words_of_different_texts_are_no_neighbours() -> None:
    counts = embeddings._pairs([np.array([7, 8, SEP, 9, 8, SEP], dtype=np.uint16)], VOCABULARY).toarray()
    assert counts[7, 8] == counts[8, 7] == counts[9, 8] == 1
    assert counts[8, 9] == 1
    assert counts[7, 9] == 0


@pytest.mark.parametrize("chunk", [10, 50, 1_000_000])
def test_the_table_is_that_of_the_formula(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_CHUNK", chunk)
    stream = corpus(60)
    counts = np.zeros((VOCABULARY, VOCABULARY))
    for start in range(0, len(stream), chunk):
        part = stream[start : start + chunk].tolist()
        for place, word in enumerate(part):
            for other in range(place + 1, min(len(part), place + WINDOW + 1)):
                if SEP not in part[place : other + 1]:
                    counts[word, part[other]] += 1 / (other - place)
    counts += counts.T
    assert np.allclose(embeddings._pairs([stream], VOCABULARY).toarray()[5:, 5:], counts[5:, 5:], atol=1e-4)
    counts[counts < LEAST_PAIRS - 1e-6] = 0
    context = counts.sum(axis=0) ** SMOOTHING
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.log(counts / counts.sum(axis=1)[:, None] / (context / context.sum())[None, :])
    wanted[~(wanted > 0)] = 0
    found = embeddings._mutual_information(embeddings._pairs([stream], VOCABULARY)).toarray()
    assert np.allclose(found, wanted, atol=1e-3)
    assert (found > 0).any()
