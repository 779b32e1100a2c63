"""Linear classifier and encoder together: log p = w · log p_encoder + (1 − w) · log p_linear, w for each head (methods.md §1).

Cascade: the linear classifier reads every text; the encoder reads only those of which the linear one is not sure in some
head. What it skips keeps the linear answer, and has no place by the encoder and no second label. As shipped the encoder reads
every text; `cascading` is for much text in little time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.calibrate import softmax
from nlp.classifier import POLARITY, SECOND, Place, content
from nlp.encoder import GRAPH, Encoder
from nlp.heads import Heads, head_of
from nlp.linear import FILE as LINEAR_FILE
from nlp.linear import LinearClassifier
from nlp.tokenizer import VOCABULARY_FILE

FORMAT: Final = 1
FILE: Final = "hybrid.json"
# Probability from which on a cascade leaves a text to the linear classifier (DECISIONS.md, "Cascade").
SURE: Final = 0.8
CASCADED: Final = ("topic", "demand_type", "department")  # the heads that have to be sure for it
_NEVER: Final = -30.0  # logit of what is not so
Logits = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Mix:
    """One head's mixture: `weight` of the encoder, whose logits are divided by `temperature`; the encoder is asked for a text
    whose linear probability is below `sure` (above 1: always; 0: this head never asks).
    """

    weight: float
    temperature: float = 1.0
    sure: float = 2.0


@dataclass(frozen=True)
class HybridClassifier(Heads):
    """Implements `nlp.classifier.Classifier`."""

    linear: LinearClassifier
    encoder: Encoder
    mixes: Mapping[str, Mix]
    version: str = "hybrid-untrained"
    card: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a folder with linear.zst, encoder.onnx.zst, vocab.txt and hybrid.json.

        Raises:
            BadFile: one is missing or damaged, or they do not belong together.
        """
        path = folder / FILE
        try:
            data = path.read_bytes()
            kept = json.loads(data)
            if kept["format"] != FORMAT:
                raise ValueError(f"format {kept['format']}")
            settings = {name: head_of(head) for name, head in kept["heads"].items()}
            mixes = {name: Mix(**mix) for name, mix in kept["mixes"].items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadFile(file=str(path), reason=f"读不出或版本不符（{error}）。请重新训练或安装") from error
        linear = LinearClassifier.load(folder)
        encoder = Encoder.load(folder, {name: len(head.labels) for name, head in settings.items()})
        digest = hashlib.blake2b(data + linear.version.encode(), digest_size=5)
        for name in (GRAPH, VOCABULARY_FILE):
            digest.update((folder / name).read_bytes())
        return cls(settings, linear, encoder, mixes, f"hybrid-{digest.hexdigest()}", kept.get("card", {}))

    def save(self, folder: Path) -> None:
        """Write hybrid.json and linear.zst; the encoder's two files are made by `nlp.training.export`."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = {"format": FORMAT, "mixes": {name: vars(mix) for name, mix in self.mixes.items()},
                "heads": {name: vars(head) for name, head in self.settings.items()}, "card": self.card}  # fmt: skip
        (folder / LINEAR_FILE).write_bytes(self.linear.to_bytes())
        (folder / FILE).write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def cascading(self, sure: float = SURE) -> Self:
        """The same, whose encoder reads only texts with a linear probability below `sure` in one of the `CASCADED` heads."""
        mixes = {head: replace(mix, sure=sure if head in CASCADED else 0.0) for head, mix in self.mixes.items()}
        return replace(self, mixes=mixes, version=f"{self.version}-fast")

    def predict(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        return self.read(titles, texts)[0]

    def read(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, NDArray[np.float32]], list[Place | None]]:
        linear = self.linear.logits(titles, texts)
        asked = np.flatnonzero(unsure(self.linear, linear, self.mixes))
        rows = asked.tolist()
        read, found = self.encoder.read([titles[row] for row in rows], [texts[row] for row in rows])
        places: list[Place | None] = [None] * len(titles)
        for row, place in zip(rows, found, strict=True):
            places[row] = place
        return self.probabilities(mixed(self.linear, linear, read, asked, self.mixes)), places

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        """Words with what they add to the mixed logit: the linear part exactly, the encoder's by leaving each word out."""
        from nlp.occlusion import word_shares

        mix = self.mixes[head]
        shares = self.linear.word_shares(title, text, head, label)
        totals = {word: (1 - mix.weight) * share for word, share in shares.items() if word}
        column = self.heads[head].index(label)
        for word, share in word_shares(self.encoder, title, text, head, column, tuple(totals)).items():
            totals[word] = totals.get(word, 0.0) + mix.weight / mix.temperature * share
        spoken = sorted(
            ((word, share) for word, share in totals.items() if share > 0), key=lambda pair: (-pair[1], pair[0])
        )
        return spoken[:n]


def unsure(model: LinearClassifier, logits: Logits, mixes: Mapping[str, Mix]) -> NDArray[np.bool_]:
    """(n,) texts of which the linear classifier is not sure in some head."""
    found = model.probabilities(logits)
    n = len(next(iter(logits.values())))
    asked = np.zeros(n, dtype=bool)
    for head in found.keys() & mixes.keys():
        asked |= found[head].max(axis=1) < mixes[head].sure
    return asked


def mixed(
    model: LinearClassifier, linear: Logits, read: Logits, asked: NDArray[np.int64], mixes: Mapping[str, Mix]
) -> dict[str, NDArray[np.float32]]:
    """For each head (n, k) logarithms of mixed probabilities, a subtopic's under its topic; `read` are the rows `asked`."""
    found = {}
    for head, mix in mixes.items():
        parents = model.parents if head == "subtopic" else None
        own = _own_shares(model, linear, head, parents)
        other = log_shares(read[head][:, : own.shape[1]] / mix.temperature, parents)
        own[asked] = log_shares(mix.weight * other + (1 - mix.weight) * own[asked], parents)
        found[head] = own.astype(np.float32)
    for head in SECOND:
        if head in read:  # what the encoder was not asked about has none
            values = np.full((len(next(iter(linear.values()))), read[head].shape[1]), _NEVER)
            values[:, 0] = 0.0
            values[asked] = read[head]
            found[head] = values.astype(np.float32)
    return found


def _own_shares(
    model: LinearClassifier, linear: Logits, head: str, parents: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    if head in POLARITY:
        return polarity_of(model.settings["sentiment"].scores(linear["sentiment"]))
    return log_shares(model.settings[head].scores(linear[head]), parents)


def polarity_of(scores: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 2) logarithms of how discontent and how content a speaker is, from the (n, 4) scores of the sentiment."""
    positive = content(softmax(scores).astype(np.float32)).astype(np.float64)
    return np.log(np.maximum(np.stack([1 - positive, positive], axis=1), 1e-6))


def log_shares(scores: NDArray[Any], parents: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
    """(n, k) logarithms of the softmax, over all columns or within those of one parent."""
    values = np.asarray(scores, dtype=np.float64)
    if parents is None:
        return np.asarray(np.log(np.maximum(softmax(values), 1e-12)))
    found = np.zeros(values.shape)
    for parent in np.unique(parents):
        mine = np.flatnonzero(parents == parent)
        found[:, mine] = np.log(np.maximum(softmax(values[:, mine]), 1e-12))
    return found
