from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import ngrams
from nlp.ngrams import BODY, TITLE, Counts

ANY_TEXT = st.text(max_size=40)


def pairs(counted: Counts, document: int) -> list[tuple[int, float]]:
    mine = counted.documents == document
    return list(zip(counted.buckets[mine].tolist(), counted.counts[mine].tolist(), strict=True))


def test_every_n_gram_without_a_space_is_there_once_per_place() -> None:
    found = ngrams.grams(["路灯 坏了", "路"], BODY)
    spans = sorted(zip(found.documents.tolist(), found.starts.tolist(), found.lengths.tolist(), strict=True))
    assert spans == [(0, 0, 1), (0, 0, 2), (0, 1, 1), (0, 3, 1), (0, 3, 2), (0, 4, 1), (1, 0, 1)]


def test_the_same_n_gram_has_the_same_bucket_and_fields_are_apart() -> None:
    found = ngrams.grams(["停水停水"], BODY)
    at = {
        (s, n): b for s, n, b in zip(found.starts.tolist(), found.lengths.tolist(), found.buckets.tolist(), strict=True)
    }
    assert at[0, 2] == at[2, 2] != at[1, 2]
    assert not set(found.buckets.tolist()) & set(ngrams.grams(["停水停水"], TITLE).buckets.tolist())


def test_counts_are_of_distinct_n_grams() -> None:
    counted = ngrams.counts(["停水停水", ""], BODY)
    assert sorted(counted.counts.tolist()) == [1.0, 2.0, 2.0, 2.0]
    assert pairs(counted, 1) == []


@given(texts=st.lists(ANY_TEXT, max_size=6), other=ANY_TEXT)
def test_counts_do_not_depend_on_the_batch(texts: list[str], other: str) -> None:
    texts = [ngrams.normalise(text) for text in texts]
    together = ngrams.counts([*texts, ngrams.normalise(other)], BODY)
    for place, text in enumerate(texts):
        assert pairs(together, place) == pairs(ngrams.counts([text], BODY), 0)


@given(ANY_TEXT)
def test_normalise_is_idempotent_and_keeps_no_double_space(text: str) -> None:
    once = ngrams.normalise(text)
    assert ngrams.normalise(once) == once
    assert "  " not in once
    assert not once.startswith(" ")


def test_normalise_hides_numbers_and_coded_places() -> None:
    assert ngrams.normalise("A市B12县 第15号 3.5万\n\tKTV") == "某市某县 第0号 0万 ktv"


def test_a_long_text_is_read_at_both_ends() -> None:
    text = "头" * 300 + "中" * 5_000 + "尾" * 90
    assert ngrams.excerpt(text) == "头" * 300 + " " + "尾" * 90
    assert ngrams.excerpt("短" * 390) == "短" * 390


def test_the_opening_stands_for_a_missing_title() -> None:
    text = "荷塘街道的井盖不见了，夜里走路很危险，请尽快补上，谢谢"
    assert ngrams.fields("", text)[TITLE] == text[: ngrams.OPENING_CHARACTERS]
    found = ngrams.fields("井盖丢失", text)
    assert found == {TITLE: "井盖丢失", BODY: f"井盖丢失 {text}"}


def test_surrogates_and_nothing_are_read() -> None:
    assert len(ngrams.grams(["\ud800"], BODY).buckets) == 1
    assert len(ngrams.grams([""], BODY).buckets) == 0
    assert len(ngrams.grams([], BODY).buckets) == 0


def test_features_are_sublinear_weighted_and_of_length_one() -> None:
    counted = ngrams.counts(["停停停水", "水"], BODY)
    rows = np.full(1 << ngrams.BITS, -1, dtype=np.int32)
    stop, water = (int(ngrams.grams([word], BODY).buckets[0]) for word in "停水")
    rows[[stop, water]] = 0, 1
    matrix = ngrams.features_of([counted], rows, np.array([1.0, 2.0], dtype=np.float32), 2).toarray()
    expected = np.array([(1 + np.log(3)) * 1.0, 2.0])
    assert matrix[0] == pytest.approx(expected / np.linalg.norm(expected), rel=1e-6)
    assert matrix[1].tolist() == [0.0, 1.0]


def test_a_text_without_known_n_grams_is_an_empty_row() -> None:
    rows = np.full(1 << ngrams.BITS, -1, dtype=np.int32)
    matrix = ngrams.features_of([ngrams.counts(["停水"], BODY)], rows, np.zeros(0, dtype=np.float32), 1)
    assert matrix.shape == (1, 0)
    assert matrix.nnz == 0
