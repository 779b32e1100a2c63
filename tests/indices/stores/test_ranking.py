from __future__ import annotations

from collections.abc import Callable
from math import log

import pytest

from indices.stores.matching import Kept
from indices.stores.ranking import K1, B, relevance, wanted
from models.query import All, Exactly, Not, Some, Tokens
from models.record import Record


def kept(record: Callable[..., Record], *texts: str) -> list[Kept]:
    return [Kept.of(record(f"r{n}", text=text), str.split) for n, text in enumerate(texts)]


def test_words_under_not_and_exact_values_are_not_wanted() -> None:
    a, b = Tokens(tokens=("a",)), Tokens(tokens=("b",))
    assert wanted(All(parts=(a, Some(parts=(b, Exactly(field="topic", value="x"))), Not(part=b)))) == [a, b]
    assert wanted(Not(part=a)) == wanted(None) == []


def test_the_formula_by_hand(record: Callable[..., Record]) -> None:
    corpus = kept(record, "a a b", "b", "b b b b", "c")
    score = relevance(Tokens(tokens=("a",), field="text"), corpus[:1], corpus)[0]
    mean, rarity = 9 / 4, log(1 + 3.5 / 1.5)
    assert score == pytest.approx(rarity * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / mean)))


def test_rare_often_and_short_count_more(record: Callable[..., Record]) -> None:
    corpus = kept(record, "a x", "a x x x x x", "a a", "b x", "x", "x", "b x b b x")
    once_short, once_long, twice = relevance(Tokens(tokens=("a",)), corpus[:3], corpus)
    assert twice > once_short > once_long > 0
    common = relevance(Tokens(tokens=("x",)), corpus[:1], corpus)[0]
    assert once_short > common
    assert relevance(Tokens(tokens=(" ",)), corpus, corpus) == [0.0] * len(corpus)
