"""The port that every classifier answers: the linear one (`nlp.linear`), it with an encoder (`nlp.hybrid`), a city's (`nlp.city`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.labels import DEMAND_TYPES, DEPARTMENTS, EMOTIONS, OTHER, TOPICS, URGENCIES

Probabilities = NDArray[np.float32]

SENTIMENTS: Final = (-2, -1, 0, 1)  # angry or desperate, dissatisfied, matter-of-fact, pleased
# Half for the matter-of-fact, as usual; the small step below keeps dissatisfied above angry in the order.
CONTENT_OF_LEVEL: Final = (0.0, 0.1, 0.5, 1.0)

HEADS: Final[dict[str, tuple[str, ...]]] = {
    "topic": (*TOPICS, OTHER),
    "subtopic": (*(f"{first}/{second}" for first, seconds in TOPICS.items() for second in seconds), OTHER),
    "demand_type": DEMAND_TYPES,
    "department": tuple(DEPARTMENTS),
    "urgency": tuple(str(level) for level in URGENCIES),
    "sentiment": tuple(str(level) for level in SENTIMENTS),
    "emotion": EMOTIONS,
}
"""Labels of each head, in the order of the columns of its probabilities. A subtopic is a path `一级/二级`, or 其他."""

NONE: Final = "无"
SECOND: Final[dict[str, tuple[str, ...]]] = {
    "second_topic": (NONE, *TOPICS),
    "second_department": (NONE, *DEPARTMENTS),
}
"""Heads of a second demand and of who helps the lead office; `NONE` where there is none."""

POLARITY: Final = {"polarity": ("negative", "positive")}
ENCODED: Final[dict[str, tuple[str, ...]]] = {**POLARITY, **SECOND}
"""Heads that only a classifier with an encoder has."""


class Place(NamedTuple):
    """What a text is about: `start` and `end` in the title (`field` 0) or the text (1)."""

    field: int
    start: int
    end: int


@runtime_checkable
class Classifier(Protocol):
    """Texts in, probabilities out. Pure: the same text gives the same row whatever it is batched with."""

    @property
    def version(self) -> str: ...

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]: ...

    def predict(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, Probabilities]:
        """For each head an (n, k) array of float32 whose rows sum to 1, columns in the order of `heads[head]`."""
        ...

    def read(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, Probabilities], Sequence[Place | None]]:
        """`predict`, and the place that each text is about, where it names one and this classifier looks for it."""
        ...

    def certain(self, head: str, probabilities: Probabilities) -> NDArray[np.bool_]:
        """(n,) true where the most probable label may be trusted: at least 95 % of such answers were right."""
        ...

    def seconds(self, head: str, probabilities: Probabilities) -> NDArray[np.int64]:
        """(n,) column of the answer of a head of `SECOND`, 0 (`NONE`) where there is none; asked only where `heads` has it."""
        ...

    def levels(self, head: str, probabilities: Probabilities) -> NDArray[np.int64]:
        """(n,) column of the answer of an ordinal head (urgency, sentiment), where a middle level may beat the mode."""
        ...

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        """The `n` words that speak most for `label`, with what each adds to its logit."""
        ...


def contentment(found: Mapping[str, Probabilities]) -> NDArray[np.float32]:
    """(n,) probability that the speaker is content, from the probabilities of all heads: the polarity's own where there is one."""
    return found["polarity"][:, 1] if "polarity" in found else content(found["sentiment"])


def content(probabilities: Probabilities) -> NDArray[np.float32]:
    """(n,) probability that the speaker is content, from the (n, 4) probabilities of the sentiment levels."""
    return (probabilities @ np.asarray(CONTENT_OF_LEVEL, dtype=np.float32)).astype(np.float32)


def load(path: Path | None = None) -> Classifier:
    """The shipped classifier, or that of a folder (or file of linear weights) that `minsheng train` wrote.

    Raises:
        BadFile: no weights there, or damaged ones.
    """
    from nlp.city import FILE, CityClassifier, load_base

    folder = path or shipped_folder()
    return CityClassifier.load(folder) if (folder / FILE).is_file() else load_base(folder)


def shipped_folder() -> Path:
    """Where the package keeps its weights."""
    return Path(str(resources.files("nlp") / "weights"))
