"""Text → annotation: clean → mask → segment → keywords, entities, fingerprint → classify.

Pure and bounded: what is read of one text is capped (`READ_CHARACTERS`; the classifier sees its beginning and its end,
`nlp.ngrams.excerpt`; entities stand in the first 20,000 characters), and the same text gives the same annotation whatever it
is batched with.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from models.item import MAX_TEXT_CHARACTERS
from models.record import Annotation, Candidate, Entity
from nlp.classifier import NONE, SECOND, contentment, load

if TYPE_CHECKING:
    from nlp.classifier import Classifier, Place, Probabilities

READ_CHARACTERS: Final = MAX_TEXT_CHARACTERS  # of title, text and reply each; what comes after is cut off
TITLE_LIMIT: Final = 2_000
CANDIDATES: Final = 3
CACHE_TEXTS: Final = 4_096  # exact duplicates: forms, repeated calls; at most about 30 MB
CACHE_CHARACTERS: Final = 1_000  # longer texts are rarely repeated letter by letter
PUBLIC_ABSTAINED: Final = ("topic", "demand_type", "department")


@dataclass(frozen=True)
class Draft:
    """A text as it came."""

    title: str = ""
    text: str = ""
    reply: str = ""


@dataclass(frozen=True)
class Reading:
    """`title`, `text` and `reply` masked; `probabilities[head][label]` over the full label sets."""

    title: str
    text: str
    reply: str
    annotation: Annotation
    probabilities: dict[str, dict[str, float]]

    @property
    def masked(self) -> str:
        """What entity offsets count in."""
        return body_of(self.title, self.text)


def body_of(title: str, text: str) -> str:
    return f"{title}\n{text}" if title else text


class Annotator:
    """Reads texts with one classifier. Safe to share between threads."""

    def __init__(self, classifier: Classifier, *, cache_texts: int = CACHE_TEXTS) -> None:
        self.classifier = classifier
        self._cache: OrderedDict[Draft, Reading] = OrderedDict()
        self._cache_texts = cache_texts
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """With the shipped weights, or those of `path` (a folder that `minsheng train` wrote, or a file of linear weights).

        Raises:
            BadFile: no weights there, or damaged ones.
        """
        return cls(load(path))

    def cascading(self) -> Self:
        """One whose encoder, where there is one, reads only what the linear classifier is not sure of (`nlp.hybrid`)."""
        from nlp.hybrid import HybridClassifier

        one = self.classifier
        return type(self)(one.cascading() if isinstance(one, HybridClassifier) else one, cache_texts=self._cache_texts)

    @property
    def version(self) -> str:
        return self.classifier.version

    def annotate(self, drafts: Sequence[Draft]) -> list[Reading]:
        """A reading of each draft, in order. Bad text is no error: it is read as far as it can be."""
        known = {draft: reading for draft in dict.fromkeys(drafts) if (reading := self._known(draft))}
        fresh = [draft for draft in dict.fromkeys(drafts) if draft not in known]
        for draft, reading in zip(fresh, self._read(fresh), strict=True):
            known[draft] = reading
            self._remember(draft, reading)
        return [known[draft] for draft in drafts]

    def labels(self, drafts: Sequence[Draft]) -> dict[str, list[str]]:
        """For each head the label of each draft, sure or not; of an ordinal head that of `levels`. No words are read."""
        titles = [_masked(draft.title, TITLE_LIMIT) for draft in drafts]
        texts = [_masked(draft.text) for draft in drafts]
        names, found = self.classifier.heads, self.classifier.predict(titles, texts)
        return {
            head: [names[head][column] for column in self.classifier.levels(head, values)]
            for head, values in found.items()
        }

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        """The words of the masked text that speak most for a label, with what each adds to its logit."""
        return self.classifier.explain(_masked(title, TITLE_LIMIT), _masked(text), head, label, n)

    def _read(self, drafts: Sequence[Draft]) -> list[Reading]:
        titles = [_masked(draft.title, TITLE_LIMIT) for draft in drafts]
        texts = [_masked(draft.text) for draft in drafts]
        found, places = self.classifier.read(titles, texts)
        heads = {head: _Rows(self.classifier.heads[head], values) for head, values in found.items()}
        certain = {head: self.classifier.certain(head, values).tolist() for head, values in found.items()}
        urgency = self.classifier.levels("urgency", found["urgency"]).tolist()
        positive = np.clip(contentment(found).astype(np.float64), 0, 1).round(6).tolist()
        seconds = self._seconds(found)
        readings = []
        for place, (draft, title, text) in enumerate(zip(drafts, titles, texts, strict=True)):
            says = any(map(str.isalnum, title)) or any(map(str.isalnum, text))  # a text without a letter tells nothing
            sure = {head: says and values[place] for head, values in certain.items()}
            answers = self._answers(heads, sure, place) | {"urgency": urgency[place], "positive": positive[place]}
            answers |= {head: _second(labels[place], answers) if says else None for head, labels in seconds.items()}
            annotation = Annotation(model=self.version, **answers, **_words(title, text, places[place]))
            probabilities = {head: rows.named(place) for head, rows in heads.items()}
            readings.append(Reading(title, text, _masked(draft.reply), annotation, probabilities))
        return readings

    def _answers(self, heads: dict[str, _Rows], sure: dict[str, bool], place: int) -> dict[str, Any]:
        """What the classifier says of one text, where it dares to."""
        best = {head: rows.labels[rows.best[place]] for head, rows in heads.items()}
        topic = best["topic"] if sure["topic"] else None
        path = path_under(heads["subtopic"].labels, topic, heads["subtopic"].values[place]) if topic else None
        return {
            "topic": topic,
            "subtopic": path if sure["subtopic"] else None,
            "topics": heads["topic"].candidates(place),
            "demand_type": best["demand_type"] if sure["demand_type"] else None,
            "demand_types": heads["demand_type"].candidates(place),
            "departments": heads["department"].candidates(place),
            "emotion": best["emotion"] if sure["emotion"] else None,
            "abstained": tuple(head for head, certain in sure.items() if not certain),
        }

    def _seconds(self, found: Mapping[str, Probabilities]) -> dict[str, list[str]]:
        """For each head of a second label the one of each text, `NONE` where there is none; of a classifier that has such heads."""
        names = self.classifier.heads
        return {
            head: [names[head][column] for column in self.classifier.seconds(head, found[head])]
            for head in SECOND.keys() & found.keys()
        }

    def _known(self, draft: Draft) -> Reading | None:
        with self._lock:
            if reading := self._cache.get(draft):
                self._cache.move_to_end(draft)
            return reading

    def _remember(self, draft: Draft, reading: Reading) -> None:
        if len(draft.title) + len(draft.text) + len(draft.reply) > CACHE_CHARACTERS:
            return
        with self._lock:
            self._cache[draft] = reading
            while len(self._cache) > self._cache_texts:
                self._cache.popitem(last=False)


def public_line(row_id: str, reading: Reading) -> dict[str, Any]:
    """One line of `minsheng annotate`; a public format that stays.

    `label` is always the most probable one; `abstained` says whether to trust it. Entity offsets count in `masked`.
    """
    note, found = reading.annotation, reading.probabilities
    topic = _best(found["topic"])
    return {
        "id": row_id,
        "topic": {
            "label": topic,
            "path": path_under(tuple(found["subtopic"]), topic, tuple(found["subtopic"].values())),
            "probabilities": found["topic"],
        },
        "demand_type": {"label": _best(found["demand_type"]), "probabilities": found["demand_type"]},
        "department": {"label": _best(found["department"]), "probabilities": found["department"]},
        "urgency": note.urgency,
        "sentiment": {"positive": note.positive},
        "emotion": {"label": _best(found["emotion"]), "probabilities": found["emotion"]},
        "keywords": list(note.keywords),
        "entities": [entity.model_dump() for entity in note.entities],
        "place": note.place.model_dump() if note.place else None,
        "second": {"topic": note.second_topic, "department": note.second_department},
        "masked": reading.masked,
        "abstained": {head: head in note.abstained for head in PUBLIC_ABSTAINED},
        "model": note.model,
    }


def path_under(paths: Sequence[str], topic: str, row: Sequence[float]) -> str:
    """The most probable path `一级/二级` under a topic; the topic itself where it has none."""
    own = [place for place, path in enumerate(paths) if path.split("/")[0] == topic]
    return paths[max(own, key=lambda place: row[place])] if own else topic


def _masked(text: str, limit: int = READ_CHARACTERS) -> str:
    from nlp.clean import clean
    from nlp.mask import mask

    return mask(clean(text[:limit])).text if text else ""


class _Rows:
    """Probabilities of one head for a batch, made ready for reading row by row."""

    def __init__(self, labels: tuple[str, ...], probabilities: Probabilities) -> None:
        """Six decimals that add up to 1: what rounding lost or gained goes to the most probable label."""
        self.labels = labels
        self.best = probabilities.argmax(axis=1)
        millionths = np.rint(probabilities.astype(np.float64) * 1e6)
        millionths[np.arange(len(millionths)), self.best] += 1e6 - millionths.sum(axis=1)
        self.values: list[list[float]] = (millionths / 1e6).tolist()
        self.order = np.argsort(-probabilities, axis=1, kind="stable")[:, :CANDIDATES].tolist()

    def named(self, place: int) -> dict[str, float]:
        return dict(zip(self.labels, self.values[place], strict=True))

    def candidates(self, place: int) -> tuple[Candidate, ...]:
        row = self.values[place]
        return tuple(Candidate(label=self.labels[column], probability=row[column]) for column in self.order[place])


def _words(title: str, text: str, place: Place | None) -> dict[str, Any]:
    """What the words themselves give: tokens, keywords, entities, fingerprint; and the place the text is about."""
    from nlp.entities import entities, main_object
    from nlp.keywords import keywords
    from nlp.segment import segment
    from nlp.similar import fingerprint

    title_tokens, text_tokens, body = segment(title), segment(text), body_of(title, text)
    found = tuple(entities(body))
    return {
        "title_tokens": tuple(title_tokens),
        "text_tokens": tuple(text_tokens),
        "keywords": tuple(keywords(title_tokens, text_tokens)),
        "entities": found,
        "place": _entity(body, title, place) if place else main_object(body, found),
        "fingerprint": fingerprint(body),
    }


def _second(label: str, answers: Mapping[str, Any]) -> str | None:
    """None where there is none, or where it is the first label again."""
    firsts = {candidate.label for name in ("topics", "departments") for candidate in answers[name][:1]}
    return None if label == NONE or label in firsts else label


def _best(probabilities: dict[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def _entity(body: str, title: str, place: Place) -> Entity:
    """A place as an entity of `body_of`."""
    before = len(title) + 1 if place.field and title else 0
    start, end = place.start + before, place.end + before
    return Entity(text=body[start:end], kind="place", start=start, end=end)
