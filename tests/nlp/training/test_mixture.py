"""The mixture of the figures from kept logits, and kept logits that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import BadFile
from nlp.classifier import HEADS
from nlp.hybrid import CASCADED, SURE
from nlp.tokenizer import SPECIAL, Tokenizer
from nlp.training.examples import Examples, examples
from nlp.training.figures import figures
from nlp.training.heads import SIZES
from nlp.training.held import CIVIC
from nlp.training.hybrid import cascade_figure, places_of
from nlp.training.judged import Judged, judged
from nlp.training.linear import READ, TEST_FOLD, TUNE_FOLD
from nlp.training.mixture import folds_of, load_logits, misfit, mixture
from nlp.training.rows import Corpus, read_corpus

Logits = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


@pytest.fixture(scope="module")
def linear(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return judged(corpus, lambda _: None, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def logits(corpus: Corpus) -> Logits:
    """Of an encoder that knows eight in ten, and nothing of the rest; a head of ours that the program does not ask for, too."""
    random, fold = np.random.default_rng(5), folds_of(corpus)
    held = np.isin(fold, (TEST_FOLD, TUNE_FOLD))
    found: Logits = {
        "third_topic": np.zeros((len(fold), 3), dtype=np.float32),
        "span": np.zeros((len(fold), 2), np.int64),
    }
    for head, size in SIZES.items():
        table = random.normal(0, 1, (len(fold), size)).astype(np.float32)
        if head in HEADS:
            rows = corpus.feeling if head in ("sentiment", "emotion") else corpus.civic
            mine = np.flatnonzero(rows.has(head))
            wise = mine[random.random(len(mine)) < 0.8]
            table[places_of(corpus, head, wise), rows.labels[head][wise]] += 6
        found[head] = np.where(held[:, None], table, 0).astype(np.float32)
    return found


@pytest.fixture(scope="module")
def labelled(corpus: Corpus) -> Examples:
    characters = sorted({sign for text in (*corpus.civic.texts, *corpus.feeling.texts) for sign in text.lower()})
    return examples(corpus, Tokenizer([*SPECIAL, *(sign for sign in characters if sign.strip())]))


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Logits], Path]:
    """keep(logits) -> the file that a run of `train heads` would have left"""

    def write(logits: Logits) -> Path:
        np.savez_compressed(tmp_path / "held_out.npz", **logits)  # type: ignore[arg-type]
        return tmp_path / "held_out.npz"

    return write


def test_the_mixture_is_better_than_the_part_that_knows_less(
    corpus: Corpus, linear: Judged, logits: Logits, labelled: Examples
) -> None:
    mixed = mixture(corpus, linear.linear, linear.seen, linear.held_out, logits, labelled)
    assert set(mixed.mixes) >= set(HEADS)
    assert set(mixed.settings) == set(SIZES)
    own = {(one.head, one.rows): one.accuracy for one in figures(linear.linear, linear.held_out)}
    for one in figures(mixed.heads, mixed.held_out, ["topic", "demand_type"]):
        if one.rows == CIVIC:
            assert one.accuracy > own[one.head, one.rows], one.head
    assert mixed.settings["topic"].thresholds
    assert (mixed.held_out.row["topic"] == linear.held_out.row["topic"]).all()


def test_kept_logits_of_the_same_rows_are_taken(corpus: Corpus, logits: Logits, keep: Callable[[Logits], Path]) -> None:
    found = load_logits(keep(logits), corpus)
    for name, values in logits.items():
        assert np.array_equal(found[name], values)


def test_a_missing_file_tells_how_it_is_made(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="--train --encoder"):
        load_logits(tmp_path / "held_out.npz", corpus)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"not an archive"])
def test_a_damaged_file_is_named(content: bytes, corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "held_out.npz").write_bytes(content)
    with pytest.raises(BadFile, match="损坏"):
        load_logits(tmp_path / "held_out.npz", corpus)


def test_rows_in_another_number_are_refused_with_both(
    corpus: Corpus, logits: Logits, keep: Callable[[Logits], Path]
) -> None:
    n = len(folds_of(corpus))
    with pytest.raises(BadFile, match=rf"有 {n - 1:,} 行，标注数据有 {n:,} 行"):
        load_logits(keep({name: values[1:] for name, values in logits.items()}), corpus)


def test_other_texts_in_the_same_number_are_refused(corpus: Corpus, logits: Logits) -> None:
    """Their hashes fall into other folds."""
    fold = folds_of(corpus)
    assert misfit(logits, fold) == ""
    other = np.random.default_rng(1).permutation(fold)
    strange = int((np.isin(other, (0, 1)) != np.isin(fold, (0, 1))).sum())
    assert misfit(logits, other).startswith(f"有 {strange:,} 行的留出")


@pytest.mark.parametrize("head", SIZES)
def test_other_labels_are_refused_and_named(head: str, corpus: Corpus, logits: Logits) -> None:
    fold = folds_of(corpus)
    assert f"缺 {head} 一头" in misfit({name: values for name, values in logits.items() if name != head}, fold)
    narrow = misfit(logits | {head: logits[head][:, 1:]}, fold)
    assert f"{head} 有 {SIZES[head] - 1} 类，应为 {SIZES[head]} 类" in narrow
    assert f"{head} 有 0 类" in misfit(logits | {head: logits[head][:, 0]}, fold)


def test_the_cascade_is_judged_on_the_same_rows(
    corpus: Corpus, linear: Judged, logits: Logits, labelled: Examples
) -> None:
    found = mixture(corpus, linear.linear, linear.seen, linear.held_out, logits, labelled)
    one = cascade_figure(linear.linear, linear.held_out, found.settings, found.held_out)
    read = found.held_out.of(READ)
    assert one.n == len(read.truth["topic"])
    for head in CASCADED:
        said = read.probabilities(head, found.settings).argmax(axis=1)
        assert one.whole[head] == pytest.approx(float((said == read.truth[head]).mean()))
    shares = [linear.held_out.of(READ).probabilities(head, linear.linear.settings).max(axis=1) for head in CASCADED]
    assert one.skipped == pytest.approx(float((np.min(shares, axis=0) >= SURE).mean()))
    assert all(abs(one.accuracy[head] - one.whole[head]) <= one.skipped for head in CASCADED)
