"""`minsheng train linear`: fit, calibrate and describe the linear classifier; the same data gives the same bytes.

Four fits. A on folds 2–4 answers fold 1; B on folds 1–4 answers fold 0; C on what came before `LATER` answers what came
after; D on everything is shipped. Figures are those of B on fold 0 with the calibration of A; the shipped calibration is
that of A, B and C, whose rows their models had not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.labels import OTHER
from nlp.calibrate import WANTED, cutpoints, softmax, temperature, temperature_and_shift, thresholds
from nlp.classifier import HEADS
from nlp.heads import Head, under_topic
from nlp.linear import LinearClassifier
from nlp.training.fit import Counted, Progress, count_rows, fit, logits_of
from nlp.training.machines import ORDINAL
from nlp.training.rows import LATER, Corpus, Rows

TEST_FOLD, TUNE_FOLD = 0, 1
READ: Final = ("board", "replies", "rivers", "topic")  # sources of civic_by_reading: the rows with every civic label
SURE: Final = 0.9  # level of the Clopper–Pearson bound
POLARITY_WEIGHT: Final = 0.1  # of a review beside a civic row, for the temperature of the sentiment
# Share of right answers that abstention promises. The people who labelled emotions agree with each other far less than 95 %.
ABSTAINING: Final = {"topic": WANTED, "subtopic": WANTED, "demand_type": WANTED, "department": WANTED, "emotion": 0.75}
STEPS: Final = 29  # names that `train` gives to its progress, about
# No labelled row is 其他 by reading, so no bound can be had; a demand called none is worse than one left to a person.
OTHER_LIMIT: Final = 0.98
FEELINGS: Final = ("sentiment", "emotion")


@dataclass(frozen=True)
class Answers:
    """Logits of rows that their model had not seen, by head: `logits` (n, k), `truth` (n,), `source` (n,), and `row` (n,), the
    place in the corpus.
    """

    logits: dict[str, NDArray[np.float32]]
    truth: dict[str, NDArray[np.int64]]
    source: dict[str, NDArray[np.str_]]
    row: dict[str, NDArray[np.int64]]

    def joined(self, other: Answers) -> Answers:
        """These rows, then those of another model."""

        def both(mine: Mapping[str, Any], yours: Mapping[str, Any]) -> dict[str, Any]:
            return {head: np.concatenate([mine[head], yours[head]]) for head in mine}

        return Answers(both(self.logits, other.logits), both(self.truth, other.truth), both(self.source, other.source),
                       both(self.row, other.row))  # fmt: skip

    def of(self, sources: Collection[str]) -> Answers:
        """Only the rows of some sources."""
        where = {head: np.isin(source, tuple(sources)) for head, source in self.source.items()}

        def some(values: Mapping[str, Any]) -> dict[str, Any]:
            return {head: column[where[head]] for head, column in values.items()}

        return Answers(some(self.logits), some(self.truth), some(self.source), some(self.row))

    def probabilities(self, head: str, settings: Mapping[str, Head]) -> NDArray[np.float64]:
        """(n, k) calibrated by `settings`; the subtopic's under the topic's."""
        own = settings[head].scores(self.logits[head])
        if head != "subtopic":
            return softmax(own)
        same = np.isin(self.row["topic"], self.row["subtopic"])  # a row with a subtopic has a topic
        return under_topic(softmax(settings["topic"].scores(self.logits["topic"][same])), own, parents())


@dataclass(frozen=True)
class Trained:
    """The shipped classifier; the one of the figures (B) and what it answered on the held-out part."""

    model: LinearClassifier
    judged: LinearClassifier
    held_out: Answers


def train(corpus: Corpus, progress: Progress) -> Trained:
    """All four fits. About 3 minutes of one core for the 150,000 rows of the labelled sets."""
    judged, held_out, seen, counted = judge(corpus, progress)
    civic, feeling = corpus.civic, corpus.feeling
    everything = {"civic": np.ones(len(civic), dtype=bool), "feeling": np.ones(len(feeling), dtype=bool)}
    later = forward(corpus, counted, progress)
    model = fit(corpus, counted, everything, lambda head: progress(f"全部数据 {head}"))
    settings = calibrated(seen.joined(held_out), later)
    model = replace(model, settings=settings, card={"rows": corpus.sizes})
    return Trained(LinearClassifier.from_bytes(model.to_bytes()), judged, held_out)


def count(corpus: Corpus, progress: Progress) -> dict[str, Counted]:
    """The n-grams of both parts of the corpus."""
    progress("统计字串")
    return {"civic": count_rows(corpus.civic), "feeling": count_rows(corpus.feeling)}


def tune(corpus: Corpus, counted: Mapping[str, Counted], progress: Progress) -> tuple[LinearClassifier, Answers]:
    """Fit A, calibrated on what it answers on fold 1; and these answers."""
    first = _without(corpus, (TEST_FOLD, TUNE_FOLD))
    tuned = fit(corpus, counted, first, lambda head: progress(f"调参 {head}"))
    seen = answers(tuned, corpus, counted, _fold(corpus, TUNE_FOLD))
    return replace(tuned, settings=calibrated(seen, None)), seen


def judge(corpus: Corpus, progress: Progress) -> tuple[LinearClassifier, Answers, Answers, Mapping[str, Counted]]:
    """Fits A and B: the classifier of the figures, its answers on fold 0, A's on fold 1, and the counted rows."""
    counted = count(corpus, progress)
    tuned, seen = tune(corpus, counted, progress)
    judged, held_out = held(corpus, counted, tuned, progress)
    return judged, held_out, seen, counted


def held(
    corpus: Corpus, counted: Mapping[str, Counted], tuned: LinearClassifier, progress: Progress
) -> tuple[LinearClassifier, Answers]:
    """Fit B with the calibration of A, and its answers on fold 0."""
    judged = fit(corpus, counted, _without(corpus, (TEST_FOLD,)), lambda head: progress(f"留出检验 {head}"))
    judged = replace(judged, settings=tuned.settings)
    return judged, answers(judged, corpus, counted, _fold(corpus, TEST_FOLD))


def forward(corpus: Corpus, counted: Mapping[str, Counted], progress: Progress) -> Answers:
    """Fit C: what a model of the earlier rows answers on the later ones."""
    civic, feeling = corpus.civic, corpus.feeling
    earlier = {"civic": ~(civic.time >= LATER), "feeling": ~(feeling.time >= LATER)}
    model = fit(corpus, counted, earlier, lambda head: progress(f"按时间留出 {head}"), blocks=("civic", "subtopic"))
    return answers(model, corpus, counted, {"civic": civic.time >= LATER, "feeling": feeling.time >= LATER})


def answers(
    model: LinearClassifier, corpus: Corpus, counted: Mapping[str, Counted], where: Mapping[str, NDArray[np.bool_]]
) -> Answers:
    """Logits and truth of the labelled rows `where`."""
    found = Answers({}, {}, {}, {})
    for block in model.blocks:
        name = "feeling" if block == "feeling" else "civic"
        rows: Rows = getattr(corpus, name)
        for head, values in logits_of(model, block, counted[name], rows).items():
            mine = np.flatnonzero(where[name] & rows.has(head))
            found.logits[head], found.truth[head] = values[mine], rows.labels[head][mine]
            found.source[head], found.row[head] = rows.source[mine], mine
    return found


def calibrated(seen: Answers, later: Answers | None) -> dict[str, Head]:
    """Temperature, thresholds and cuts of every head, from answers on unseen rows; thresholds also hold on later rows."""
    settings = {head: _calibrated(head, seen if head in FEELINGS else seen.of(READ)) for head in HEADS}
    found = {}
    for head, setting in settings.items():
        rows = seen if head == "emotion" else seen.of(READ)
        probabilities, truth = rows.probabilities(head, settings), rows.truth[head]
        limits, cuts = np.zeros(0), np.zeros(0)
        if head in ABSTAINING:
            wanted = ABSTAINING[head]
            limits = thresholds(probabilities, truth, wanted=wanted, sure=SURE)
            if later is not None and head in later.truth:
                after = later.of(READ)
                others = thresholds(after.probabilities(head, settings), after.truth[head], wanted=wanted, sure=SURE)
                limits = np.maximum(limits, others)
            if OTHER in setting.labels:
                limits[setting.labels.index(OTHER)] = max(OTHER_LIMIT, limits[setting.labels.index(OTHER)])
        if head in ORDINAL:
            cuts = cutpoints(probabilities @ np.arange(len(setting.labels)), truth, len(setting.labels))
        found[head] = replace(setting, thresholds=_rounded(limits), cuts=_rounded(cuts))
    return found


def parents() -> NDArray[np.int64]:
    """(subtopics,) column of each subtopic's topic."""
    return np.array([HEADS["topic"].index(path.split("/")[0]) for path in HEADS["subtopic"]])


def _calibrated(head: str, seen: Answers) -> Head:
    """Temperature of an ordinal head; temperature and shift of one that sets each label against the rest."""
    logits, truth = seen.logits[head].astype(np.float64), seen.truth[head]
    if head in ORDINAL:
        weights = np.where(np.isin(seen.source[head], READ), 1.0, POLARITY_WEIGHT) if head == "sentiment" else None
        return Head(HEADS[head], round(temperature(logits, truth, weights), 4))
    if head == "subtopic":  # under the true topic, as it is trained
        logits = np.where(parents() == parents()[truth][:, None], logits, -np.inf)
    heat, shift = temperature_and_shift(logits, truth)
    return Head(HEADS[head], round(heat, 4), round(shift, 4))


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def _fold(corpus: Corpus, fold: int) -> dict[str, NDArray[np.bool_]]:
    return {"civic": corpus.civic.fold == fold, "feeling": corpus.feeling.fold == fold}


def _without(corpus: Corpus, folds: tuple[int, ...]) -> dict[str, NDArray[np.bool_]]:
    return {name: ~np.isin(rows.fold, folds) for name, rows in (("civic", corpus.civic), ("feeling", corpus.feeling))}
