"""From logits to answers: calibrated probabilities, when to say nothing, and the level of an ordinal head.

What the linear classifier and the hybrid one share; neither knows how the other comes to its logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nlp.calibrate import scores, softmax

if TYPE_CHECKING:
    from nlp.classifier import Probabilities


@dataclass(frozen=True)
class Head:
    """What turns logits into answers: temperature and shift of `nlp.calibrate.scores`, `thresholds` (k,) of the confidence to
    answer, `cuts` of the expected level (ordinal heads).
    """

    labels: tuple[str, ...]
    temperature: float = 1.0
    shift: float | None = None
    thresholds: tuple[float, ...] = ()
    cuts: tuple[float, ...] = ()

    def scores(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        return scores(logits, self.temperature, self.shift)


def head_of(kept: Mapping[str, Any]) -> Head:
    """A head from its plain values, as `vars` gives them and a file keeps them.

    Raises:
        KeyError: a value is missing.
    """
    return Head(
        tuple(kept["labels"]), kept["temperature"], kept.get("shift"), tuple(kept["thresholds"]), tuple(kept["cuts"])
    )


@dataclass(frozen=True)
class Heads:
    """The half of `nlp.classifier.Classifier` that begins at logits."""

    settings: Mapping[str, Head]

    @cached_property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        return {name: head.labels for name, head in self.settings.items()}

    def probabilities(self, logits: Mapping[str, NDArray[np.float32]]) -> dict[str, Probabilities]:
        """Calibrated; the subtopic's are p(topic) · p(subtopic | topic), so they add up to those of the topic."""
        found = {name: softmax(head.scores(logits[name])) for name, head in self.settings.items() if name in logits}
        if "subtopic" in found and "topic" in found:
            own = self.settings["subtopic"].scores(logits["subtopic"])
            found["subtopic"] = under_topic(found["topic"], own, self.parents)
        return {name: values.astype(np.float32) for name, values in found.items()}

    @cached_property
    def parents(self) -> NDArray[np.int64]:
        """(subtopics,) column of the topic that each subtopic belongs to."""
        topics = {label: place for place, label in enumerate(self.settings["topic"].labels)}
        return np.array([topics[path.split("/")[0]] for path in self.settings["subtopic"].labels])

    def certain(self, head: str, probabilities: Probabilities) -> NDArray[np.bool_]:
        limits = np.asarray(self.settings[head].thresholds or (0.0,) * probabilities.shape[1])
        return np.asarray(probabilities.max(axis=1) >= limits[probabilities.argmax(axis=1)])

    def seconds(self, head: str, probabilities: Probabilities) -> NDArray[np.int64]:
        """(n,) column of a second label, 0 where there is none."""
        return named(probabilities, self.settings[head].thresholds[-1])

    def levels(self, head: str, probabilities: Probabilities) -> NDArray[np.int64]:
        if not self.settings[head].cuts:
            return np.asarray(probabilities.argmax(axis=1))
        expected = probabilities.astype(np.float64) @ np.arange(probabilities.shape[1])
        return np.searchsorted(np.asarray(self.settings[head].cuts), expected)


def named(shares: NDArray[Any], limit: float) -> NDArray[np.int64]:
    """(n,) column of the most probable label but the first, which says that there is none; 0 where it has less than `limit`."""
    best = shares[:, 1:].argmax(axis=1) + 1
    return np.asarray(np.where(shares[np.arange(len(shares)), best] >= limit, best, 0))


def under_topic(
    topic: NDArray[np.float64], scores: NDArray[np.float64], parents: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n, subtopics) joint probabilities from (n, topics) and the scores of the subtopics, each topic's by itself."""
    result = np.zeros(scores.shape)
    for column in range(topic.shape[1]):
        children = np.flatnonzero(parents == column)
        if len(children):
            result[:, children] = topic[:, column, None] * softmax(scores[:, children])
    return result
