"""`minsheng train heads --labels`: teach a classifier a city's own labels, on one core, in seconds to minutes.

Five folds by near-duplicate groups: what is fitted on four answers the fifth, so every row is answered by a model that has not
seen it or a copy of it. From these answers come temperature, mixture, thresholds and figures; what is kept is fitted on all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import cutpoints, log_loss, softmax, temperature, temperature_and_shift, thresholds, upper_bound
from nlp.city import FOLLOWING, CityClassifier, Own, beside_kept, logs, logs_of, said, translated
from nlp.classifier import HEADS
from nlp.heads import Head, under_topic
from nlp.linear import Block, LinearClassifier
from nlp.ngrams import BITS, BODY, TITLE, Counts, counts, features_of, fields
from nlp.training.city_rows import Chosen, CityRows
from nlp.training.fit import Progress
from nlp.training.linear import ABSTAINING, SURE
from nlp.training.machines import ORDINAL, UNSEEN, balanced
from nlp.training.rows import FOLDS, NO_LABEL

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from nlp.classifier import Probabilities
    from nlp.hybrid import HybridClassifier

    Base = HybridClassifier | LinearClassifier
    Before = Base | CityClassifier

# Measured on 300–2,000 rows of two folds of civic_by_reading with a base that had not seen them (DECISIONS.md).
SCALE: Final = 0.2  # of a logarithm of the base, centred and divided by its deviation, beside n-grams of length 1 and 2
COST: Final = 1.0
BODY_SCALE: Final = 2.0  # weight of the body's n-grams beside the title's, as in nlp/training/fit.py
LEAST_TEXTS: Final = 2
KEPT: Final = 0.3  # share of each column's weights that is kept, the largest by weight × root of frequency
PRIOR: Final = 0.5  # rows that speak for the city's own shares when a label of the base is translated
ROUNDS: Final = 10  # of the translation's EM; the loss moves by less than 0.001 after the eighth
BATCH: Final = 64  # texts between two words of progress
WEIGHTS: Final = np.linspace(0.0, 1.0, 21)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Taught:
    """The classifier; and for each taught head what it answered on the rows `rows[head]` (m,) that a fold's model had not
    seen: `answers[head]` (m, k) probabilities, `columns[head]` (m,) the answer, of an ordinal head by the cuts of the other folds.
    """

    model: CityClassifier
    rows: dict[str, NDArray[np.int64]]
    answers: dict[str, Floats]
    columns: dict[str, NDArray[np.int64]]


def steps(chosen: Sequence[Chosen]) -> int:
    """How often `teach` calls its progress."""
    return 1 + len(chosen) * (FOLDS + 1)


def teach(
    base: Base, before: CityClassifier | None, rows: CityRows, chosen: Sequence[Chosen],
    found: Mapping[str, Probabilities], given: Mapping[str, Probabilities], progress: Progress,
) -> Taught:  # fmt: skip
    """Fit, calibrate, and answer every row by a model that has not seen it.

    Args:
        before: an earlier model of the city on the same base, whose further heads are kept; found: what the base says of `rows`;
            given: what the model says of them that was in use before.
    """
    progress("统计字串")
    counted = _counted(rows)
    fitted = [_fit_head(rows, one, found, counted, progress) for one in chosen]
    model = _joined(base, before, {one.head: head for one, head in zip(chosen, fitted, strict=True)})
    answers = {one.head: head.answers for one, head in zip(chosen, fitted, strict=True)}
    if "subtopic" in answers:
        topic = np.asarray(answers.get("topic", given["topic"]), dtype=np.float64)
        answers["subtopic"] = under_topic(topic, logs_of(answers["subtopic"]), model.parents)
    settings = dict(model.settings)
    where = {one.head: np.flatnonzero(one.truth != NO_LABEL) for one in chosen}
    for one in chosen:
        mine = where[one.head]
        truth = one.taught[one.truth[mine]]
        settings[one.head] = _answering(
            one, settings[one.head], answers[one.head][mine], truth, base.settings.get(one.head)
        )
    if "topic" in answers and "subtopic" not in answers:
        settings["subtopic"] = _paths(settings["topic"], base.settings["subtopic"])
    model = replace(model, settings=settings, card={"rows": len(rows)})
    model = CityClassifier.from_bytes(model.to_bytes(), base)
    told = {one.head: answers[one.head][where[one.head]] for one in chosen}
    columns = {one.head: _columns(one, told[one.head], rows.fold[where[one.head]]) for one in chosen}
    return Taught(model, where, told, columns)


def _columns(chosen: Chosen, answers: Floats, fold: NDArray[np.int64]) -> NDArray[np.int64]:
    """(m,) answers; a cut that was fitted on a row says nothing about it, so an ordinal head takes those of the other folds."""
    if chosen.head not in ORDINAL:
        return np.asarray(answers.argmax(axis=1))
    truth = chosen.taught[chosen.truth[chosen.truth != NO_LABEL]]
    levels = answers.shape[1]
    expected = answers @ np.arange(levels)
    found = np.zeros(len(answers), dtype=np.int64)
    for one in range(FOLDS):
        mine = fold == one
        found[mine] = np.searchsorted(cutpoints(expected[~mine], truth[~mine], levels), expected[mine])
    return found


# --- one head -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Fitted:
    block: Block
    words: Head
    own: Own
    setting: Head
    answers: Floats


def _fit_head(rows: CityRows, chosen: Chosen, found: Mapping[str, Probabilities], counted: Mapping[int, Counts],
              progress: Progress) -> _Fitted:  # fmt: skip
    """A head fitted on all its rows, with the numbers that its answers on unseen rows ask for."""
    means, scales = _centre(found)
    dense = said(found, means, scales)
    sources = (chosen.head,) if chosen.known else tuple(HEADS)
    logits, read = _unseen(rows, chosen, found, counted, dense, sources, progress)
    progress(f"{chosen.head} 全部行")
    mine = np.flatnonzero(chosen.truth != NO_LABEL)
    truth = chosen.truth[mine]
    heat, shift = temperature_and_shift(logits[mine], truth)
    words = Head(chosen.names, round(heat, 4), round(shift, 4))
    heats = {source: temperature(read[source][mine], truth) for source in sources}
    source = min(sources, key=lambda name: log_loss(read[name][mine] / heats[name], truth))
    block, weights = _fit_words(counted, dense, mine, truth, len(chosen.taught), len(rows))
    table, kept = _translation(found, chosen, source, mine), _kept(found, chosen)
    own = Own(chosen.taught, source, table, means, scales, weights, kept, round(heats[source], 4))
    own = replace(own, weight=_weight(own, words, logits[mine], read[source][mine], truth))
    mixed = own.mixed(words, logits, read[source])
    setting = Head(chosen.labels, round(temperature(mixed[mine], truth), 4))
    below = found[chosen.head] * kept if chosen.known else None
    answers = beside_kept(softmax(mixed / setting.temperature), chosen.taught, below, len(chosen.labels))
    return _Fitted(block, words, own, setting, answers)


def _unseen(
    rows: CityRows, chosen: Chosen, found: Mapping[str, Probabilities], counted: Mapping[int, Counts], dense: csr_matrix,
    sources: Sequence[str], progress: Progress,
) -> tuple[Floats, dict[str, Floats]]:  # fmt: skip
    """What models of the other folds say of every row: (n, m) logits of the machines, and of each source (n, m) `translated`."""
    n, size = len(rows), len(chosen.taught)
    logits, read = np.full((n, size), UNSEEN), {source: np.zeros((n, size)) for source in sources}
    for fold in range(FOLDS):
        progress(f"{chosen.head} 第 {fold + 1}/{FOLDS} 折")
        train = np.flatnonzero((chosen.truth != NO_LABEL) & (rows.fold != fold))
        mine = np.flatnonzero(rows.fold == fold)
        if not len(mine):
            continue
        block, weights = _fit_words(counted, dense, train, chosen.truth[train], size, n)
        logits[mine] = block.logits(counted, n)[mine] + dense[mine] @ weights
        for source in sources:
            table = _translation(found, chosen, source, train)
            read[source][mine] = translated({source: found[source][mine]}, source, table)
    return logits, read


def _kept(found: Mapping[str, Probabilities], chosen: Chosen) -> NDArray[np.float32]:
    """(k,) how often the labelled rows have a label that is not taught beside how often the base says it, one row added to both:
    the change of a prior (Saerens, Latinne & Decaestecker, 2002), where true labels make a second round needless.
    """
    if not chosen.known:
        return np.zeros(0, dtype=np.float32)
    rows = np.array([chosen.few.get(label, 0) for label in chosen.labels], dtype=np.float64)
    said_of = found[chosen.head][chosen.labelled].sum(axis=0, dtype=np.float64)
    factors = (rows + 1) / (said_of + 1)
    factors[chosen.taught] = 1.0
    return np.asarray(factors, dtype=np.float32)


def _weight(own: Own, words: Head, logits: Floats, read: Floats, truth: NDArray[np.int64]) -> float:
    """Of the words in the mixture: that with the least log loss."""
    tried = [log_loss(replace(own, weight=float(weight)).mixed(words, logits, read), truth) for weight in WEIGHTS]
    return round(float(WEIGHTS[int(np.argmin(tried))]), 2)


def _centre(found: Mapping[str, Probabilities]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(d,) means of the base's logarithms, and (d,) what brings their deviation to `SCALE`."""
    values = logs(found).astype(np.float64)
    deviation = values.std(axis=0)
    scales = np.where(deviation > 1e-6, SCALE / np.maximum(deviation, 1e-6), 0.0)
    return values.mean(axis=0).astype(np.float32), scales.astype(np.float32)


def _counted(rows: CityRows) -> dict[int, Counts]:
    pairs = [fields(title, text) for title, text in zip(rows.titles, rows.texts, strict=True)]
    return {name: counts([pair[name] for pair in pairs], name) for name in (TITLE, BODY)}


def _fit_words(counted: Mapping[int, Counts], dense: csr_matrix, train: NDArray[np.int64], truth: NDArray[np.int64],
               size: int, n: int) -> tuple[Block, NDArray[np.float32]]:  # fmt: skip
    """Machines of the taught labels: a block of n-grams, and (d, size) weights of the base's logarithms.

    Args:
        counted, dense: of all n rows; train: (m,) rows to fit on; truth: (m,) their labels.
    """
    from scipy.sparse import hstack

    seen = np.zeros(n, dtype=bool)
    seen[train] = True
    frequency = np.zeros(1 << BITS, dtype=np.int64)
    for part in counted.values():
        frequency += np.bincount(part.buckets[seen[part.documents]], minlength=1 << BITS)
    buckets = np.flatnonzero(frequency >= LEAST_TEXTS)
    idf = (np.log((1 + len(train)) / (1 + frequency[buckets])) + 1).astype(np.float16).astype(np.float32)
    nothing = np.zeros((len(buckets), size), dtype=np.float32)
    block = Block((TITLE, BODY), buckets, idf, nothing, np.full(size, UNSEEN, dtype=np.float32), {"": (0, size)})
    features = features_of([counted[name] for name in block.fields], block.rows, idf, n)[train]
    strength = np.sqrt(np.asarray(features.multiply(features).mean(axis=0)).ravel())
    scale = np.ones(len(buckets), dtype=np.float32)
    in_body = block.rows[np.unique(counted[BODY].buckets)]
    scale[in_body[in_body >= 0]] = BODY_SCALE
    features.data *= scale[features.indices]
    weights, intercepts = _separate(hstack([features, dense[train]]).tocsr(), truth, size)
    grams = _pruned(weights[: len(buckets)] * scale[:, None], strength)
    return replace(block, weights=grams, intercepts=intercepts), weights[len(buckets) :]


def _separate(
    features: csr_matrix, truth: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(f, size) weights and (size,) intercepts, one label against the rest; a label without a row says `UNSEEN`."""
    from sklearn.svm import LinearSVC

    weights, intercepts = np.zeros((features.shape[1], size), dtype=np.float32), np.full(size, UNSEEN, dtype=np.float32)
    present = np.unique(truth)
    if len(present) < 2:
        intercepts[present] = 0.0
        return weights, intercepts
    machine: Any = LinearSVC(C=COST, random_state=0, tol=1e-2, max_iter=2000)
    machine.fit(features, truth, sample_weight=balanced(truth, np.ones(len(truth))))
    coefficients, offsets = machine.coef_, machine.intercept_
    if len(present) == 2:
        coefficients, offsets = np.concatenate([-coefficients, coefficients]), np.concatenate([-offsets, offsets])
    weights[:, present], intercepts[present] = coefficients.T, offsets
    return weights, intercepts


def _pruned(weights: NDArray[np.float32], strength: Floats) -> NDArray[np.float32]:
    """Without the n-grams that move least, as float16 keeps them."""
    if not len(weights):
        return weights
    influence = np.abs(weights) * strength[:, None]
    kept = max(1, int(KEPT * len(weights)))
    limit = np.partition(influence, len(weights) - kept, axis=0)[len(weights) - kept]
    return np.where(influence >= limit, weights, 0.0).astype(np.float16).astype(np.float32)


def _translation(
    found: Mapping[str, Probabilities], chosen: Chosen, source: str, train: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(j, m) share of each taught label among texts of each label of the base.

    Labels of the base are themselves. Others by the EM of a mixture (Dempster, Laird & Rubin, 1977): a text of own label k came
    by label j of the base in proportion to p_base(j) · T[j, k].
    """
    size = len(chosen.taught)
    if chosen.known:
        table = np.zeros((found[source].shape[1], size), dtype=np.float32)
        table[chosen.taught, np.arange(size)] = 1.0
        return table
    shares, truth = found[source][train].astype(np.float64), chosen.truth[train]
    hot = np.eye(size)[truth]
    prior = PRIOR * hot.mean(axis=0) if len(hot) else np.full(size, PRIOR / size)
    parts = shares
    for _ in range(ROUNDS + 1):
        table = (parts.T @ hot + prior) / (parts.sum(axis=0)[:, None] + PRIOR)
        parts = shares * table[:, truth].T
        parts /= np.maximum(parts.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(table, dtype=np.float32)


# --- all heads together ---------------------------------------------------------------------------------------------------
def ask(
    before: Before, rows: CityRows, done: Callable[[int], None]
) -> tuple[Base, dict[str, Probabilities], dict[str, Probabilities]]:
    """The base of the model in use, what that base says of the rows, and what the model itself says; `done`: rows read so far."""
    base = before.base if isinstance(before, CityClassifier) else before
    parts, own = [], []
    for start in range(0, max(1, len(rows)), BATCH):
        titles, texts = rows.titles[start : start + BATCH], rows.texts[start : start + BATCH]
        parts.append(base.read(titles, texts)[0])
        if isinstance(before, CityClassifier):
            own.append(before.answers(parts[-1], before.words.logits(titles, texts)))
        done(min(start + BATCH, len(rows)))
    found = _stacked(parts)
    return base, found, _stacked(own) if own else found


def _stacked(parts: Sequence[Mapping[str, Probabilities]]) -> dict[str, Probabilities]:
    return {head: np.concatenate([part[head] for part in parts]) for head in parts[0]}


def _joined(base: Base, before: CityClassifier | None, fitted: Mapping[str, _Fitted]) -> CityClassifier:
    """The taught heads, those of an earlier model that were not taught anew, and those of the base."""
    own: dict[str, Own] = {}
    settings, words, blocks = dict(base.settings), {}, {}
    for head, kept in before.own.items() if before else ():
        if head not in fitted and not (head == "subtopic" and "topic" in fitted):
            own[head], settings[head] = kept, before.settings[head]  # type: ignore[union-attr]
            words[head], blocks[head] = before.words.settings[head], before.words.blocks[head]  # type: ignore[union-attr]
    for head, new in fitted.items():
        own[head], settings[head], words[head] = new.own, new.setting, new.words
        blocks[head] = replace(new.block, columns={head: (0, len(new.words.labels))})
    if "topic" in own and "subtopic" not in own:
        settings["subtopic"] = _paths(settings["topic"], base.settings["subtopic"])
    for follower, head in FOLLOWING.items():
        changed = head in own and (head == "sentiment" or settings[head].labels != base.settings[head].labels)
        if changed:
            settings.pop(follower, None)
    return CityClassifier(settings, base, LinearClassifier(words, blocks), own)


def _paths(topic: Head, below: Head) -> Head:
    """Second levels under topics: those of the base where it knows the topic; else the topic stands for itself."""
    paths: list[str] = []
    limits: list[float] = []
    for column, label in enumerate(topic.labels):
        own = [place for place, path in enumerate(below.labels) if path.split("/")[0] == label]
        paths += [below.labels[place] for place in own] or [label]
        limits += [below.thresholds[place] if below.thresholds else 0.0 for place in own] or [
            topic.thresholds[column] if topic.thresholds else 0.0
        ]
    return Head(tuple(paths), thresholds=tuple(limits))


def _answering(chosen: Chosen, setting: Head, answers: Floats, truth: NDArray[np.int64], base: Head | None) -> Head:
    """With thresholds, or the cuts of an ordinal head, from answers (n, k) on unseen rows; kept labels keep the base's, too."""
    if chosen.head in ORDINAL:
        cuts = cutpoints(answers @ np.arange(answers.shape[1]), truth, answers.shape[1])
        return replace(setting, cuts=tuple(round(float(cut), 4) for cut in cuts))
    wanted = ABSTAINING[chosen.head]
    limits = thresholds(answers, truth, wanted=wanted, sure=SURE)
    if chosen.known and base is not None and base.thresholds:
        limits = _with_the_old(limits, np.asarray(base.thresholds), answers, truth, chosen.taught, wanted)
    return replace(setting, thresholds=tuple(round(float(limit), 4) for limit in limits))


def _with_the_old(
    limits: Floats, old: Floats, answers: Floats, truth: NDArray[np.int64], taught: NDArray[np.int64], wanted: float
) -> Floats:
    """The base's thresholds came from many more rows: they hold until the city's rows speak against them, label by label.

    A few hundred rows hardly ever prove 95 % by themselves, and a model that says nothing any more helps nobody.
    """
    answer, confidence = answers.argmax(axis=1), answers.max(axis=1)
    told = confidence >= old[answer]
    right = int((answer == truth)[told].sum())
    against = bool(told.any()) and float(upper_bound(right, int(told.sum()), SURE)) < wanted
    kept = ~np.isin(np.arange(len(limits)), taught)
    if against:
        return np.asarray(np.where(kept, np.maximum(limits, old), limits))
    held_back = limits > limits.min()  # `thresholds` raises a label on evidence only
    return np.asarray(np.where(kept, old, np.where(held_back, limits, np.minimum(limits, old))))
