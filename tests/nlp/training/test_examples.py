from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlp.classifier import HEADS
from nlp.tokenizer import CLS, LENGTH, PAD, SPECIAL, Tokenizer
from nlp.training.examples import BATCH_TOKENS, CAPPED, EPOCH_SHARE, WIDTHS, Examples, batches, epoch, examples, span_of
from nlp.training.rows import NO_DEMAND, NO_LABEL, Corpus, read_corpus
from nlp.training.vocabulary import usual_characters


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer([*SPECIAL, *map(chr, range(0x21, 0x41)), *usual_characters(), "，", "。", "路灯", "小区"])


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


@pytest.fixture(scope="module")
def found(corpus: Corpus, tokenizer: Tokenizer) -> Examples:
    return examples(corpus, tokenizer)


def test_every_labelled_text_stands_there_once(corpus: Corpus, found: Examples) -> None:
    feelings = ~corpus.feeling.has("topic")
    assert len(found) == len(corpus.civic) + feelings.sum()
    for head in HEADS:
        n = corpus.civic.has(head).sum() + corpus.feeling.take(feelings).has(head).sum()
        assert (found.labels[head] != NO_LABEL).sum() == n
    assert set(found.kind) <= {"civic", "mood", "review"}


def test_a_row_without_a_label_weighs_nothing_and_a_rare_label_more(found: Examples) -> None:
    for head, labels in found.labels.items():
        assert (found.weights[head][labels == NO_LABEL] == 0).all()
        assert (found.weights[head][labels != NO_LABEL] > 0).all()
        assert found.weights[head].max() <= CAPPED


def test_a_source_allows_the_emotions_that_it_has(found: Examples) -> None:
    known = found.labels["emotion"] != NO_LABEL
    assert found.allowed[found.source[known], found.labels["emotion"][known]].all()


def test_batches_hold_every_row_once_in_few_shapes(found: Examples) -> None:
    where = np.arange(0, len(found), 2)
    for random in (None, np.random.default_rng(0)):
        made = batches(found, where, random)
        assert {batch.ids.shape for batch in made} <= {(BATCH_TOKENS // width, width) for width in WIDTHS}
        rows = np.concatenate([batch.rows for batch in made])
        assert np.sort(rows[rows >= 0]).tolist() == where.tolist()
        for batch in made[:5]:
            for place, row in enumerate(batch.rows):
                own = found.ids[row] if row >= 0 else []
                assert batch.ids[place, : len(own)].tolist() == list(own)
                assert (batch.ids[place, len(own) :] == PAD).all()
                assert batch.types[place].sum() == (len(own) - found.titles[row] if row >= 0 else 0)


def test_an_epoch_draws_a_part_of_the_reviews_and_all_civic_rows(found: Examples) -> None:
    train = found.fold != 0
    rows = epoch(found, train, np.random.default_rng(1))
    assert np.isin(np.flatnonzero(train & (found.kind == "civic")), rows).all()
    assert not np.isin(np.flatnonzero(~train), rows).any()
    reviews = train & (found.kind == "review")
    n = int(reviews.sum())
    assert abs(reviews[rows].sum() - EPOCH_SHARE["review"] * n) < 5 * np.sqrt(n)
    again = epoch(found, train, np.random.default_rng(2))
    assert rows.tolist() != again.tolist()


@pytest.mark.parametrize(
    ("title", "text", "place", "words"),
    [
        ("和风小区路灯不亮", "晚上看不见", "和风小区", ["和", "风", "小区"]),
        ("", "我住在和风小区，路灯坏了", "和风小区", ["和", "风", "小区"]),
        ("路灯", "在和风小区", "和风小区", ["和", "风", "小区"]),
    ],
)
def test_the_place_is_found_among_the_tokens(
    tokenizer: Tokenizer, title: str, text: str, place: str, words: list[str]
) -> None:
    first, last = span_of(tokenizer, title, text, place)
    ids, _ = tokenizer.pair(title, text)
    assert [tokenizer.tokens[number] for number in ids[first : last + 1]] == words


def test_no_place_unknown_place_and_one_that_was_cut_off(tokenizer: Tokenizer) -> None:
    assert span_of(tokenizer, "题", "文", "") == (0, 0)
    assert span_of(tokenizer, "题", "文", None) == (-1, -1)
    assert span_of(tokenizer, "题", "文", "不在此") == (-1, -1)
    assert span_of(tokenizer, "", "好" * 300 + "和风小区" + "好" * 300, "和风小区") == (-1, -1)


def test_what_is_no_demand_is_light(found: Examples, corpus: Corpus) -> None:
    names = np.unique(np.concatenate([corpus.civic.source, corpus.feeling.source]))
    assert NO_DEMAND in names
    nothing = np.flatnonzero(corpus.civic.source == NO_DEMAND)
    usual = np.flatnonzero(corpus.civic.source == "board")
    assert found.weights["topic"][nothing].max() < found.weights["topic"][usual].max()


def test_no_text_is_longer_than_the_positions(found: Examples) -> None:
    assert max(map(len, found.ids)) <= LENGTH
    assert all(ids[0] == CLS for ids in found.ids)
