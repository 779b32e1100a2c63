"""How much an encoder counts beside the linear classifier, fitted on rows that neither had seen, and the figures of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import log_loss, temperature
from nlp.classifier import HEADS
from nlp.hybrid import Mix, log_shares
from nlp.linear import LinearClassifier
from nlp.training.linear import FEELINGS, POLARITY_WEIGHT, READ, Answers, parents
from nlp.training.rows import Corpus

STEPS: Final = np.linspace(0.0, 1.0, 21)  # weights of the encoder that are tried


def places_of(corpus: Corpus, head: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the rows of an `Answers` stand in `nlp.training.examples.examples(corpus)`: civic ones first, then the rest."""
    if head not in FEELINGS:
        return rows
    shared = int(corpus.feeling.has("topic").sum())  # the civic texts, which both parts begin with
    return np.where(rows < shared, rows, rows - shared + len(corpus.civic))


def encoder_answers(corpus: Corpus, linear: Answers, logits: Mapping[str, NDArray[np.float32]]) -> Answers:
    """What the encoder says of the rows of `linear`; `logits[head]` (examples, k)."""
    return replace(
        linear,
        logits={head: logits[head][places_of(corpus, head, rows)] for head, rows in linear.row.items()},
    )


def fit_mixes(model: LinearClassifier, linear: Answers, encoder: Answers) -> dict[str, Mix]:
    """Temperature of the encoder and weight of each head with the least log loss of the mixture."""
    found = {}
    for head in HEADS:
        weights = np.where(np.isin(linear.source[head], READ), 1.0, POLARITY_WEIGHT) if head in FEELINGS else None
        truth = linear.truth[head]
        own, other = (_under(head, values.logits[head], truth) for values in (linear, encoder))
        heat = temperature(other, truth, weights)
        tried = [log_loss(_mixture(model, head, own, other, heat, weight), truth, weights) for weight in STEPS]
        found[head] = Mix(round(float(STEPS[int(np.argmin(tried))]), 2), round(heat, 4))
    return found


def mix_answers(model: LinearClassifier, linear: Answers, encoder: Answers, mixes: Mapping[str, Mix]) -> Answers:
    """The answers of the mixture; its logits are logarithms of shares."""
    logits = {}
    for head, mix in mixes.items():
        values = _mixture(model, head, linear.logits[head], encoder.logits[head], mix.temperature, mix.weight)
        logits[head] = values.astype(np.float32)
    return replace(linear, logits=logits)


def _mixture(model: LinearClassifier, head: str, own: NDArray[np.floating], other: NDArray[np.floating], heat: float,
             weight: float) -> NDArray[np.float64]:  # fmt: skip
    above = parents() if head == "subtopic" else None
    first = log_shares(model.settings[head].scores(own), above)
    second = log_shares(np.asarray(other, dtype=np.float64) / heat, above)
    return log_shares(weight * second + (1 - weight) * first, above)


def _under(head: str, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """A subtopic is judged among those of the true topic."""
    values = logits.astype(np.float64)
    if head != "subtopic":
        return values
    return np.where(parents() == parents()[truth][:, None], values, -1e4)
