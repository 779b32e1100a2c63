"""The usual ways on held-out rows, made-up ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp.hybrid import Mix
from nlp.training.held import CIVIC, CONTENT, SIGN, Held, facts_of, held_sets, two_sided
from nlp.training.linear import Trained
from nlp.training.peers import PlainMachines, snow, texts_of, twin
from nlp.training.rows import Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


@pytest.fixture(scope="module")
def sets(trained: Trained, corpus: Corpus) -> dict[tuple[str, str], Held]:
    found = held_sets(trained.judged, trained.held_out, facts=facts_of(corpus, trained.held_out))
    return {(held.head, held.rows): held for held in found}


def test_plain_machines_learn_every_set_from_its_own_other_folds(
    sets: dict[tuple[str, str], Held], corpus: Corpus
) -> None:
    machines = PlainMachines(corpus)
    for key, held in sets.items():
        found = machines(held)
        assert found.answer.shape == found.confidence.shape == (len(held),), key
        assert found.probabilities is None
        assert set(found.answer.tolist()) <= set(range(len(held.labels)))
    topic = sets["topic", CIVIC]
    assert (machines(topic).answer == topic.truth).mean() > 0.7  # a word tells the made-up matters, where it was seen


def test_plain_machines_answer_a_question_with_two_sides(sets: dict[tuple[str, str], Held], corpus: Corpus) -> None:
    sign = two_sided(sets["sentiment", CIVIC], SIGN, ("不满", "其余"), (0, 0, 1, 1))
    found = PlainMachines(corpus)(sign)
    assert set(found.answer.tolist()) <= {0, 1}
    assert (found.answer == sign.truth).mean() > max(sign.truth.mean(), 1 - sign.truth.mean())


def test_held_out_texts_are_not_learnt_from(sets: dict[tuple[str, str], Held], corpus: Corpus) -> None:
    machines = PlainMachines(corpus)
    for key in (("topic", CIVIC), ("emotion", "weibo_8moods")):
        _, features, fitted = machines._fitted(sets[key])
        assert not set(fitted.tolist()) & set(sets[key].row.tolist())
        assert features.shape[0] == len(fitted) > 0


def test_snownlp_answers_questions_with_two_sides_only(sets: dict[tuple[str, str], Held], corpus: Corpus) -> None:
    pytest.importorskip("snownlp", reason="the extra `dev` is not installed")
    told: list[float] = []
    assert snow(corpus, sets["topic", CIVIC], told.append) is None
    assert snow(corpus, sets["sentiment", CIVIC], told.append) is None
    reviews = sets["sentiment", "waimai_10k"]
    found = snow(corpus, reviews, told.append)
    assert found is not None
    assert found.probabilities is not None
    assert told[0] == 0.0
    assert reviews.labels == CONTENT
    praise = [place for place, text in enumerate(texts_of(corpus, reviews)) if "满意" in text]
    assert (found.answer[praise] == 1).mean() > 0.5


@pytest.mark.slow
def test_int8_and_float32_read_the_same_rows(corpus: Corpus, trained: Trained, small: Any) -> None:
    from nlp.training.heads import SIZES, reader
    from nlp.training.masked_model import load_encoder

    model = reader(load_encoder(small.folder), SIZES).eval()
    model.heads.weight.data.mul_(10)  # so that texts differ
    mixes = {head: Mix(0.5, 2.0) for head in trained.judged.heads}
    told: list[tuple[str, float]] = []
    asked = held_sets(trained.judged, trained.held_out, ["topic", "subtopic", "sentiment"])
    found = twin(corpus, model, small.tokenizer, asked, trained.held_out, mixes, lambda *args: told.append(args))
    assert {name for name, _ in told} == {"transformers 流水线", "int8 图"}
    assert [part for _, part in told][-1] == 1.0
    for held, plain, graph in zip(asked, found.pipeline, found.graph, strict=True):
        assert (held.head, held.rows) == (plain.head, plain.rows) == (graph.head, graph.rows)
        assert (held.row == plain.row).all()
        assert plain.probabilities == pytest.approx(graph.probabilities, abs=0.1)
        assert np.ptp(plain.probabilities[:, 0]) > 0
        assert (plain.answer == graph.answer).mean() > 0.9


@pytest.mark.slow
def test_the_pipeline_gives_the_readers_own_logits(small: Any) -> None:
    import torch

    from nlp.training.pipeline import as_pipeline, logits_by

    titles = ["青松路路灯不亮", "", "It's 5G", "电话[电话]", "长"]
    texts = ["青松路南段的路灯整夜不亮。" * 30, "路灯", "ＡＢ 𠮷😀 abc123", "请回复[UNK]", "短"]
    size = small.reader.heads.out_features
    told: list[float] = []
    found = logits_by(
        as_pipeline(small.reader, small.tokenizer, size), small.tokenizer, titles, texts, size, told.append, 2
    )
    assert told == [0.4, 0.8, 1.0]
    for row, (title, text) in enumerate(zip(titles, texts, strict=True)):
        ids, head = small.tokenizer.pair(title, text)
        types = [0] * head + [1] * (len(ids) - head)
        with torch.inference_mode():
            own = small.reader(torch.tensor([ids]), torch.tensor([types]))[0][0].numpy()
        assert found[row] == pytest.approx(own, abs=1e-4), row
