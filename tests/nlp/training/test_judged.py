"""The linear classifier of the figures, fitted once per data and code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nlp.classifier import HEADS
from nlp.training.judged import cache_folder, digest_of, judged
from nlp.training.linear import TEST_FOLD, TUNE_FOLD, Trained
from nlp.training.rows import Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def test_the_judged_model_is_fitted_once_per_data(corpus: Corpus, trained: Trained, tmp_path: Path) -> None:
    steps: list[str] = []
    first = judged(corpus, steps.append, tmp_path)
    assert steps
    assert first.linear.to_bytes() == trained.judged.to_bytes()
    assert (corpus.civic.fold[first.held_out.row["topic"]] == TEST_FOLD).all()
    assert (corpus.civic.fold[first.seen.row["topic"]] == TUNE_FOLD).all()
    steps.clear()
    again = judged(corpus, steps.append, tmp_path)
    assert not steps
    assert again.linear.to_bytes() == first.linear.to_bytes()
    assert again.tuned.to_bytes() == first.tuned.to_bytes() != first.linear.to_bytes()
    for mine, kept in ((first.held_out, again.held_out), (first.seen, again.seen)):
        for head in HEADS:
            for kind in ("logits", "truth", "source", "row"):
                assert np.array_equal(getattr(mine, kind)[head], getattr(kept, kind)[head]), (head, kind)


def test_what_a_killed_run_left_is_made_anew(corpus: Corpus, trained: Trained, tmp_path: Path) -> None:
    place = tmp_path / f"judged-{digest_of(corpus)}"
    place.mkdir()
    (place / "linear.zst").write_bytes(b"half")
    found = judged(corpus, lambda _: None, tmp_path)
    assert found.linear.to_bytes() == trained.judged.to_bytes()


def test_other_rows_are_another_digest(labelled_folder: Path, corpus: Corpus) -> None:
    digest, civic = digest_of(corpus), corpus.civic
    assert digest == digest_of(read_corpus(labelled_folder))
    changed = {
        "a text": replace(civic, texts=["别的话", *civic.texts[1:]]),
        "a label": replace(civic, labels=civic.labels | {"topic": np.roll(civic.labels["topic"], 1)}),
        "a fold": replace(civic, fold=(civic.fold + 1) % 5),
        "an order": civic.take(np.arange(len(civic))[::-1]),
    }
    found = {name: digest_of(replace(corpus, civic=rows)) for name, rows in changed.items()}
    assert len({digest, *found.values()}) == 1 + len(found)


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "minsheng"
