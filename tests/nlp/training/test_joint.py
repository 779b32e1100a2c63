"""Linear classifier and encoder fitted, mixed and calibrated together, on made-up rows and a small random encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp.classifier import HEADS, SECOND, load
from nlp.hybrid import HybridClassifier
from nlp.training.card import write_joined
from nlp.training.examples import examples
from nlp.training.hybrid import encoder_answers, fit_mixes, mix_answers, places_of
from nlp.training.linear import TEST_FOLD, Trained
from nlp.training.rows import Corpus, read_corpus

pytestmark = pytest.mark.slow  # loads torch


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def test_rows_are_found_among_the_examples(corpus: Corpus, small: Any) -> None:
    found = examples(corpus, small.tokenizer)
    for head in HEADS:
        rows = corpus.feeling if head in ("sentiment", "emotion") else corpus.civic
        mine = np.flatnonzero(rows.has(head))
        places = places_of(corpus, head, mine)
        assert (found.labels[head][places] == rows.labels[head][mine]).all()
        assert (found.fold[places] == rows.fold[mine]).all()
        for row, place in list(zip(mine, places, strict=True))[:: max(1, len(mine) // 20)]:
            assert list(found.ids[place]) == small.tokenizer.pair(rows.titles[row], rows.texts[row])[0]


def test_the_better_part_gets_the_weight(corpus: Corpus, trained: Trained) -> None:
    """An encoder that knows the truth takes all, one that knows nothing gets next to nothing."""
    answers = trained.held_out
    n = len(corpus.civic) + int((~corpus.feeling.has("topic")).sum())
    knows, guesses = {}, {}
    random = np.random.default_rng(0)
    for head, labels in HEADS.items():
        knows[head] = np.zeros((n, len(labels)), dtype=np.float32)
        places = places_of(corpus, head, answers.row[head])
        knows[head][places, answers.truth[head]] = 9.0
        guesses[head] = random.normal(0, 1, (n, len(labels))).astype(np.float32)
    linear = replace(answers)
    wise = fit_mixes(trained.judged, linear, encoder_answers(corpus, linear, knows))
    foolish = fit_mixes(trained.judged, linear, encoder_answers(corpus, linear, guesses))
    for head in ("topic", "department"):  # the linear part knows nothing of the made-up emotions
        assert wise[head].weight > 0.8, head
        assert foolish[head].weight / foolish[head].temperature < 0.05, head  # what a logit of its counts for
    mixed = mix_answers(trained.judged, linear, encoder_answers(corpus, linear, knows), wise)
    assert (mixed.logits["topic"].argmax(axis=1) == mixed.truth["topic"]).all()


@pytest.mark.timeout(300)
def test_all_four_steps_and_a_second_run_that_goes_on(corpus: Corpus, small: Any, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    import torch

    from nlp.training.heads import Recipe
    from nlp.training.joint import train

    torch.set_num_threads(1)
    said: list[str] = []
    recipe = Recipe(epochs=1, compiled=False)
    joined = train(corpus, small.folder, tmp_path / "work", recipe, said.append)
    assert {figure.head for figure in joined.figures} == set(HEADS)
    assert 0 <= joined.places.exact <= joined.places.overlap <= 1
    assert set(joined.seconds) == set(SECOND)
    assert any("留出检验" in name for name in said)
    assert any("全部数据" in name for name in said)
    written = write_joined(tmp_path / "weights", joined, corpus.sizes, "编码器为测试所造")
    assert {path.name for path in written} == {path.name for path in (tmp_path / "weights").iterdir()}
    model = load(tmp_path / "weights")
    assert isinstance(model, HybridClassifier)
    card = (tmp_path / "weights" / "model_card.md").read_text(encoding="utf-8")
    assert model.version in card
    assert "编码器为测试所造" in card
    assert model.read(["", "路灯"], ["在和风小区门口", "坏了"])[0]["topic"].shape == (2, len(HEADS["topic"]))
    first = corpus.civic.take(np.flatnonzero(corpus.civic.fold == TEST_FOLD)[:20])
    found = model.predict(first.titles, first.texts)
    assert found["topic"].sum(axis=1) == pytest.approx(np.ones(len(first)), abs=1e-5)
    again: list[str] = []
    second = train(corpus, small.folder, tmp_path / "work", recipe, again.append)
    assert not any("编码器" in name for name in again)
    assert second.mixes == joined.mixes
    assert [figure.accuracy for figure in second.figures] == [figure.accuracy for figure in joined.figures]
