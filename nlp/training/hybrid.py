"""How much an encoder counts beside the linear classifier, fitted on rows that neither had seen, and the figures of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import NEVER, log_loss, softmax, temperature
from nlp.classifier import HEADS, POLARITY, SECOND
from nlp.heads import Head, named
from nlp.hybrid import CASCADED, SURE, Mix, log_shares, polarity_of
from nlp.linear import LinearClassifier
from nlp.training.examples import Examples
from nlp.training.linear import FEELINGS, POLARITY_WEIGHT, READ, TEST_FOLD, Answers, parents
from nlp.training.rows import REVIEWS, Corpus

STEPS: Final = np.linspace(0.0, 1.0, 21)  # weights of the encoder that are tried
LIMITS: Final = np.linspace(
    0.05, 0.95, 19
)  # of the probability from which on a second label is named; those that are tried

LEAST_PRECISION: Final = 0.5  # a second label that is named has to be right at least every other time


@dataclass(frozen=True)
class SecondFigure:
    """A second label on `n` held-out rows of which `named` have one: a label counts as right if it is that of the row."""

    n: int
    named: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class PlaceFigure:
    """The place on held-out rows: F1 of spans with both ends right, and of the tokens that spans share (as SQuAD counts)."""

    n: int
    exact: float
    overlap: float


@dataclass(frozen=True)
class CascadeFigure:
    """What `HybridClassifier.cascading` skips on `n` held-out rows, and the share right of each head beside that of the mixture."""

    n: int
    sure: float
    skipped: float
    accuracy: dict[str, float]
    whole: dict[str, float]


def places_of(corpus: Corpus, head: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the rows of an `Answers` stand in `nlp.training.examples.examples(corpus)`: civic ones first, then the rest."""
    if head not in (*FEELINGS, *POLARITY):
        return rows
    shared = int(corpus.feeling.has("topic").sum())  # the civic texts, which both parts begin with
    return np.where(rows < shared, rows, rows - shared + len(corpus.civic))


def with_polarity(model: LinearClassifier, found: Answers, corpus: Corpus) -> Answers:
    """The answers, and for each review whether it is content, as the sentiment of the linear classifier has it."""
    mine = np.isin(found.source["sentiment"], REVIEWS)
    row = found.row["sentiment"][mine]
    scores = model.settings["sentiment"].scores(found.logits["sentiment"][mine])
    truth = (corpus.feeling.labels["sentiment"][row] == len(HEADS["sentiment"]) - 1).astype(np.int64)
    return Answers(
        found.logits | {"polarity": polarity_of(scores).astype(np.float32)}, found.truth | {"polarity": truth},
        found.source | {"polarity": found.source["sentiment"][mine]}, found.row | {"polarity": row},
    )  # fmt: skip


def encoder_answers(corpus: Corpus, linear: Answers, logits: Mapping[str, NDArray[np.float32]]) -> Answers:
    """What the encoder says of the rows of `linear`; `logits[head]` (examples, k)."""
    return replace(
        linear,
        logits={head: logits[head][places_of(corpus, head, rows)] for head, rows in linear.row.items()},
    )


def fit_mixes(model: LinearClassifier, linear: Answers, encoder: Answers) -> dict[str, Mix]:
    """Temperature of the encoder and weight of each head with the least log loss of the mixture."""
    found = {}
    for head in linear.logits:
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
    first = log_shares(own if head in POLARITY else model.settings[head].scores(own), above)
    second = log_shares(np.asarray(other, dtype=np.float64) / heat, above)
    return log_shares(weight * second + (1 - weight) * first, above)


def _under(head: str, logits: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """A subtopic is judged among those of the true topic."""
    values = logits.astype(np.float64)
    if head != "subtopic":
        return values
    return np.where(parents() == parents()[truth][:, None], values, -1e4)


def cascade_figure(
    model: LinearClassifier, linear: Answers, settings: Mapping[str, Head], mixed: Answers
) -> CascadeFigure:
    """Linear answers where these are sure in every head that counts, mixed ones elsewhere.

    Args:
        linear, mixed: answers on the same rows; settings: of the mixed ones.
    """
    own, both = linear.of(READ), mixed.of(READ)
    shares = {head: own.probabilities(head, model.settings) for head in CASCADED}
    skipped = np.all([values.max(axis=1) >= SURE for values in shares.values()], axis=0)
    whole = {head: both.probabilities(head, settings).argmax(axis=1) == both.truth[head] for head in CASCADED}
    alone = {head: values.argmax(axis=1) == own.truth[head] for head, values in shares.items()}
    return CascadeFigure(
        len(skipped), SURE, float(skipped.mean()),
        {head: float(np.where(skipped, alone[head], whole[head]).mean()) for head in CASCADED},
        {head: float(right.mean()) for head, right in whole.items()},
    )  # fmt: skip


def encoded_settings(
    mixed: Answers, found: Examples, read: Mapping[str, NDArray[np.float32]], where: NDArray[np.bool_]
) -> dict[str, Head]:
    """Temperatures of the heads that only the encoder has, and from which probability on a second label is named.

    Args:
        mixed: answers of the mixture with the polarity; read: for each head (examples, k) logits; where: (examples,) the rows to
            fit on.
    """
    heat = temperature(mixed.logits["polarity"].astype(np.float64), mixed.truth["polarity"])
    settings = {"polarity": Head(POLARITY["polarity"], round(heat, 4))}
    for head, labels in SECOND.items():
        rows = np.flatnonzero(where & (found.labels[head] >= 0))
        logits, truth = read[head][rows].astype(np.float64), found.labels[head][rows]
        heat = round(temperature(logits, truth), 4)
        shares = softmax(logits / heat)
        limit = _second_limit(shares, truth)
        settings[head] = Head(labels, heat, thresholds=(0.0, *(round(limit, 4),) * (len(labels) - 1)))
    return settings


def _second_limit(shares: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """The limit with the best F1 among those that are right often enough; `NEVER` where none is."""
    tried = {float(limit): _second(named(shares, limit), truth) for limit in LIMITS}
    enough = {limit: figure.f1 for limit, figure in tried.items() if figure.precision >= LEAST_PRECISION}
    return max(enough, key=lambda limit: enough[limit]) if enough else NEVER


def second_figures(
    settings: Mapping[str, Head], read: Mapping[str, NDArray[np.float32]], found: Examples
) -> dict[str, SecondFigure]:
    """Of each head of a second label, on the held-out fold."""
    figures = {}
    for head in SECOND:
        rows = np.flatnonzero((found.fold == TEST_FOLD) & (found.labels[head] >= 0))
        shares = softmax(settings[head].scores(read[head][rows]))
        figures[head] = _second(named(shares, settings[head].thresholds[-1]), found.labels[head][rows])
    return figures


def _second(said: NDArray[np.int64], truth: NDArray[np.int64]) -> SecondFigure:
    claimed, there, right = (said > 0).sum(), (truth > 0).sum(), ((said == truth) & (truth > 0)).sum()
    return SecondFigure(len(truth), int(there), float(right / max(1, claimed)), float(right / max(1, there)),
                        float(2 * right / max(1, claimed + there)))  # fmt: skip


def place_figure(read: Mapping[str, NDArray[Any]], found: Examples) -> PlaceFigure:
    """Places on the held-out fold; a text that names none counts only if one is claimed."""
    rows = np.flatnonzero((found.fold == TEST_FOLD) & (found.span[:, 0] >= 0))
    truth, said = found.span[rows], read["span"][rows]
    named, claimed = truth[:, 0] > 0, said[:, 0] > 0
    right = (named & (truth == said).all(axis=1)).sum()
    shared = np.minimum(truth[:, 1], said[:, 1]) - np.maximum(truth[:, 0], said[:, 0]) + 1
    sizes = (truth[:, 1] - truth[:, 0] + 1) + (said[:, 1] - said[:, 0] + 1)
    part = np.where(named & claimed, 2 * np.maximum(shared, 0) / sizes, 0.0).sum()
    both = max(1, named.sum() + claimed.sum())
    return PlaceFigure(len(rows), float(2 * right / both), float(2 * part / both))
