"""Other ways to answer the held-out rows, as they are usually written, for a comparison: words, TF-IDF and a linear support
vector machine for each set; SnowNLP; and the encoder alone, by a pipeline of `transformers` and by our int8 graph.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.classifier import HEADS
from nlp.encoder import GRAPH, Encoder
from nlp.heads import Head, Heads
from nlp.hybrid import Mix
from nlp.segment import segment_many
from nlp.tokenizer import Tokenizer
from nlp.training.heads import SIZES, columns
from nlp.training.held import CONTENT, SIGN, Held, held_sets, part_of
from nlp.training.hybrid import encoder_answers, places_of
from nlp.training.linear import TEST_FOLD, Answers
from nlp.training.rows import Corpus

Report = Callable[[float], None]  # part done 0 … 1
AT_ONCE: Final = 64  # texts between two reports


@dataclass(frozen=True)
class Said:
    """What a way says of the n rows of a set: `answer` (n,) columns, `confidence` (n,) by which its answers can be ranked, and
    `probabilities` (n, k) if it gives any.
    """

    answer: NDArray[np.int64]
    confidence: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None


def said(held: Held) -> Said:
    """What the classifier itself says."""
    return Said(held.answer, held.probabilities.max(axis=1), held.probabilities)


def texts_of(corpus: Corpus, held: Held) -> list[str]:
    rows = part_of(corpus, held.head)
    return [f"{rows.titles[row]}\n{rows.texts[row]}" for row in held.row]


class PlainMachines:
    """TF-IDF of jieba's words and scikit-learn's LinearSVC, both as they come, fitted on the sources of the set without fold 0."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self._features: dict[tuple[str, ...], tuple[Any, Any, NDArray[np.int64]]] = {}

    def __call__(self, held: Held) -> Said:
        from sklearn.svm import LinearSVC

        rows = part_of(self.corpus, held.head)
        vectorizer, features, fitted = self._fitted(held)
        known = rows.has(held.head)[fitted]
        truth = held.columns[rows.labels[held.head][fitted[known]]]
        margins = np.full((len(held), len(held.labels)), -np.inf)
        if len(np.unique(truth)) == 1:
            margins[:, truth[0]] = 0.0
        else:
            machine = LinearSVC(random_state=0).fit(features[np.flatnonzero(known)], truth)
            found = machine.decision_function(vectorizer.transform(segment_many(texts_of(self.corpus, held))))
            margins[:, machine.classes_] = np.stack([-found, found], axis=1) if found.ndim == 1 else found
        return Said(margins.argmax(axis=1), margins.max(axis=1))

    def _fitted(self, held: Held) -> tuple[Any, Any, NDArray[np.int64]]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        sources = tuple(sorted(set(held.source.tolist())))
        if sources not in self._features:
            rows = part_of(self.corpus, held.head)
            mine = np.flatnonzero(np.isin(rows.source, sources) & (rows.fold != TEST_FOLD))
            words = segment_many(f"{rows.titles[row]}\n{rows.texts[row]}" for row in mine)
            vectorizer = TfidfVectorizer(analyzer=list)
            self._features = {sources: (vectorizer, vectorizer.fit_transform(words), mine)}  # the last one: memory
        return self._features[sources]


def snow(corpus: Corpus, held: Held, report: Report) -> Said | None:
    """SnowNLP's sentiment, where the question has its two answers; a text that it cannot read is one half."""
    if held.rows != SIGN and held.labels != CONTENT:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from snownlp import SnowNLP

    texts, positive = texts_of(corpus, held), np.full(len(held), 0.5)
    for place, text in enumerate(texts):
        if text.strip():
            positive[place] = SnowNLP(text).sentiments
        if place % AT_ONCE == 0:
            report(place / len(texts))
    pair = np.stack([1 - positive, positive], axis=1)
    return Said(pair.argmax(axis=1), pair.max(axis=1), pair)


@dataclass(frozen=True)
class Twin:
    """The encoder alone on the rows of the sets: `pipeline` in float32 by transformers, `graph` in int8 by onnxruntime."""

    pipeline: list[Held]
    graph: list[Held]


def twin(corpus: Corpus, reader: Any, tokenizer: Tokenizer, sets: Sequence[Held], held_out: Answers,
         mixes: Mapping[str, Mix], report: Callable[[str, float], None]) -> Twin:  # fmt: skip
    """Read the texts of `sets` in both ways.

    Args:
        reader: the fine-tuned module of `nlp.training.heads`, which had not seen them; sets: of the answers `held_out`;
            report: called with the name of the way and the part done.
    """
    from nlp.training.pipeline import as_pipeline, logits_by

    size = sum(SIZES.values())
    places = np.unique(np.concatenate([places_of(corpus, held.head, held.row) for held in sets]))
    titles, texts = _at(corpus, places)
    plain = logits_by(as_pipeline(reader, tokenizer, size), tokenizer, titles, texts, size,
                      lambda part: report("transformers 流水线", part))  # fmt: skip
    small = _by_graph(reader, tokenizer, titles, texts, lambda part: report("int8 图", part))
    heads = Heads({head: Head(HEADS.get(head, CONTENT), mix.temperature) for head, mix in mixes.items()})
    n = len(corpus.civic) + int((~corpus.feeling.has("topic")).sum())
    found = []
    for values in (plain, small):
        table = np.zeros((n, size), dtype=np.float32)
        table[places] = values
        logits = {head: table[:, place] for head, place in columns(SIZES).items()}
        found.append(held_sets(heads, encoder_answers(corpus, held_out, logits), {held.head for held in sets}))
    return Twin(*found)


def _at(corpus: Corpus, places: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """Titles and texts of rows by their place in `nlp.training.examples.examples`."""
    civic, feeling = corpus.civic, corpus.feeling
    further = np.flatnonzero(~feeling.has("topic"))
    found = [(civic, place) if place < len(civic) else (feeling, further[place - len(civic)]) for place in places]
    return [rows.titles[row] for rows, row in found], [rows.texts[row] for rows, row in found]


def _by_graph(
    reader: Any, tokenizer: Tokenizer, titles: list[str], texts: list[str], report: Report
) -> NDArray[np.float32]:
    """(n, all columns) logits of the int8 graph of a reader, as the shipped encoder gives them."""
    from nlp.training.export import export

    found = []
    with tempfile.TemporaryDirectory() as name:
        export(reader, Path(name) / GRAPH)
        tokenizer.save(Path(name))
        encoder = Encoder.load(Path(name), SIZES)
    for start in range(0, len(texts), AT_ONCE):
        read = encoder.logits(titles[start : start + AT_ONCE], texts[start : start + AT_ONCE])
        found.append(np.concatenate([read[head] for head in SIZES], axis=1))
        report(min(1.0, (start + AT_ONCE) / len(texts)))
    return np.concatenate(found)
