"""A city's own labels on top of a classifier (`minsheng train heads --labels`); implements the same port.

For a head that the city taught two readings are mixed, log p = w · log p_words + (1 − w) · log p_read:

- words: machines over the n-grams of the text and over the logarithms of all that the base said of it;
- read: what the base said in one of its heads, translated: p(own label) = Σ p_base(j) · T[j, own label].

A label of the base that the city gave too few rows of keeps the probability that the base gives it, times how often the city's
rows have it beside how often the base says it; the taught ones share the rest. Heads that the city did not teach are the base's.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.calibrate import softmax
from nlp.classifier import HEADS
from nlp.heads import Head, Heads, head_of, under_topic
from nlp.linear import LinearClassifier

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from nlp.classifier import Place, Probabilities
    from nlp.hybrid import HybridClassifier

FORMAT: Final = 1
FILE: Final = "city.zst"
LEAST: Final = 1e-6  # a probability below this says no more than this; as a logarithm it would drown the rest
MOST_WORDS: Final = 40  # texts read for one explanation, as in nlp/occlusion.py
FOLLOWING: Final = {"second_topic": "topic", "second_department": "department", "polarity": "sentiment"}
"""Heads that only a base with an encoder has → the head that they have to agree with."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Own:
    """How one head of m taught labels is read.

    `taught` (m,) their columns among all labels of the head; `source` the base's head that is translated by `translation` (j, m);
    `means` and `scales` (d,) of the base's logarithms, `weights` (d, m) of the machines over them; `heat` divides the logarithms
    of what is translated; `weight` of the words beside it; `kept` (k,) factors of what the base says of labels not taught, empty
    where the labels are the city's own.
    """

    taught: NDArray[np.int64]
    source: str
    translation: NDArray[np.float32]
    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    weights: NDArray[np.float32]
    kept: NDArray[np.float32]
    heat: float = 1.0
    weight: float = 1.0

    def mixed(self, words: Head, logits: NDArray[Any], read: Floats) -> Floats:
        """(n, m) logarithms of shares.

        Args:
            words: temperature and shift of the machines; logits: theirs (n, m); read: (n, m) `translated`.
        """
        spoken = log_shares(words.scores(logits))
        return log_shares(self.weight * spoken + (1 - self.weight) * log_shares(read / self.heat))


@dataclass(frozen=True)
class CityClassifier(Heads):
    """Implements `nlp.classifier.Classifier`. `settings` are those of every head, the city's and the base's.

    `words` has one block for each taught head, over its taught labels; `own` what else belongs to it.
    """

    base: HybridClassifier | LinearClassifier
    words: LinearClassifier
    own: Mapping[str, Own]
    version: str = "city-untrained"
    card: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """From a folder with city.zst and the files of its base.

        Raises:
            BadFile: one is missing or damaged, or they do not belong together.
        """
        base = load_base(folder)
        try:
            return cls.from_bytes((folder / FILE).read_bytes(), base)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"读不出或与底层模型不相符（{error}）。请重新运行 minsheng train heads --labels"
            raise BadFile(file=str(folder / FILE), reason=reason) from error

    def predict(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, Probabilities]:
        return self.read(titles, texts)[0]

    def read(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, Probabilities], Sequence[Place | None]]:
        found, places = self.base.read(titles, texts)
        return self.answers(found, self.words.logits(titles, texts)), places

    def answers(
        self, found: Mapping[str, Probabilities], logits: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, Probabilities]:
        """For each head (n, k) probabilities, from what the base found and the logits of the words."""
        given = self._shares(found, logits)
        return {head: given[head].astype(np.float32) for head in self.settings}

    def _shares(
        self, found: Mapping[str, Probabilities], logits: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[Any]]:
        given: dict[str, NDArray[Any]] = dict(found)
        for head, own in self.own.items():
            total = logits[head] + said(found, own.means, own.scales) @ own.weights
            mixed = own.mixed(self.words.settings[head], total, translated(found, own.source, own.translation))
            shares = softmax(mixed / self.settings[head].temperature)
            labels = self.settings[head].labels
            kept = found[head] * own.kept if len(own.kept) else None
            given[head] = beside_kept(shares, own.taught, kept, len(labels))
        if self.own.keys() & {"topic", "subtopic"}:
            given["subtopic"] = self._under_topic(given, found)
        return given

    def _under_topic(self, given: Mapping[str, NDArray[Any]], found: Mapping[str, Probabilities]) -> Floats:
        if "subtopic" in self.own:
            shares = np.asarray(given["subtopic"], dtype=np.float64)
        else:
            shares = spread(found["subtopic"], self.base.heads["subtopic"], self.settings["subtopic"].labels)
        return under_topic(np.asarray(given["topic"], dtype=np.float64), logs_of(shares), self.parents)

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        """Words with how much the log-odds of `label` fall when the word is left out; of a head of the base, as it explains it.

        Where no single word moves a label that is read by translation alone, the base explains what it read.
        """
        if head not in self.own and not (head == "subtopic" and "topic" in self.own):
            return self.base.explain(title, text, head, label, n)
        column = self.heads[head].index(label)
        low_title, low_text = title.lower(), text.lower()
        words = self._telling(low_title, low_text, head, label)
        titles = [low_title, *(low_title.replace(word, " ") for word in words)]
        texts = [low_text, *(low_text.replace(word, " ") for word in words)]
        found = self.base.predict(titles, texts)
        share = np.clip(self._shares(found, self.words.logits(titles, texts))[head][:, column], 1e-12, 1 - 1e-12)
        odds = np.log(share) - np.log1p(-share)
        falls = [(word, float(odds[0] - without)) for word, without in zip(words, odds[1:], strict=True)]
        telling = sorted((pair for pair in falls if pair[1] > 1e-6), key=lambda pair: (-pair[1], pair[0]))[:n]
        return telling or self._read(title, text, head, label, found, n)

    def _read(
        self, title: str, text: str, head: str, label: str, found: Mapping[str, Probabilities], n: int
    ) -> list[tuple[str, float]]:
        own = self.own.get(head)
        if own is None or (column := self.heads[head].index(label)) not in own.taught:
            return []
        told = found[own.source][0] * own.translation[:, own.taught.tolist().index(column)]
        return self.base.explain(title, text, own.source, self.base.heads[own.source][int(told.argmax())], n)

    def _telling(self, title: str, text: str, head: str, label: str) -> list[str]:
        """At most `MOST_WORDS` words of the text, those with the strongest n-grams for or against the label first."""
        taught = [self.settings[head].labels[column] for column in self.own[head].taught] if head in self.own else []
        shares: Mapping[str, float] = {}
        if label in taught:
            shares = self.words.word_shares(title, text, head, label)
        words = [word for word in _words(title, text) if word in title or word in text]
        return sorted(words, key=lambda word: -abs(shares.get(word, 0.0)))[:MOST_WORDS]

    # --- the file -------------------------------------------------------------------------------------------------------
    def to_bytes(self) -> bytes:
        """One zstd-compressed archive of all but the base; equal models give equal bytes."""
        import zstandard

        arrays: dict[str, NDArray[Any]] = {"words": np.frombuffer(self.words.to_bytes(), dtype=np.uint8)}
        for head, own in self.own.items():
            arrays |= {f"{head}.{name}": getattr(own, name) for name in _ARRAYS}
        header = {
            "format": FORMAT, "base": self.base.version, "card": self.card,
            "heads": {head: vars(setting) for head, setting in self.settings.items()},
            "own": {head: {name: getattr(own, name) for name in _VALUES} for head, own in self.own.items()},
        }  # fmt: skip
        arrays["header"] = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), dtype=np.uint8)
        archive = io.BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        return zstandard.ZstdCompressor(level=9).compress(archive.getvalue())

    @classmethod
    def from_bytes(cls, data: bytes, base: HybridClassifier | LinearClassifier) -> Self:
        """Raises ValueError, KeyError: damaged, or made for another base."""
        import zstandard

        try:
            archive = np.load(io.BytesIO(zstandard.ZstdDecompressor().decompress(data)), allow_pickle=False)
        except zstandard.ZstdError as error:
            raise ValueError(error) from error
        header = json.loads(archive["header"].tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']}")
        if header["base"] != base.version:
            raise ValueError(f"底层模型应为 {header['base']}，文件夹里是 {base.version}")
        own = {
            head: Own(**{name: archive[f"{head}.{name}"] for name in _ARRAYS}, **values)
            for head, values in header["own"].items()
        }
        version = f"city-{hashlib.blake2b(data, digest_size=5).hexdigest()}"
        settings = {head: head_of(setting) for head, setting in header["heads"].items()}
        return cls(
            settings, base, LinearClassifier.from_bytes(archive["words"].tobytes()), own, version, header["card"]
        )


_ARRAYS: Final = ("taught", "translation", "means", "scales", "weights", "kept")
_VALUES: Final = ("source", "heat", "weight")


def load_base(folder: Path) -> HybridClassifier | LinearClassifier:
    """What lies below a city's own labels.

    Raises:
        BadFile: no weights there, or damaged ones.
    """
    from nlp.hybrid import FILE as HYBRID_FILE
    from nlp.hybrid import HybridClassifier

    return HybridClassifier.load(folder) if (folder / HYBRID_FILE).is_file() else LinearClassifier.load(folder)


# --- what words and base give --------------------------------------------------------------------------------------------
def logs(found: Mapping[str, Probabilities]) -> NDArray[np.float32]:
    """(n, d) logarithms of all that a base said in the heads that every base has, side by side."""
    values = np.concatenate([found[head] for head in HEADS], axis=1)
    return np.asarray(np.log(np.maximum(values, LEAST)), dtype=np.float32)


def said(found: Mapping[str, Probabilities], means: NDArray[np.float32], scales: NDArray[np.float32]) -> csr_matrix:
    """(n, d) the same, centred and scaled. Sparse by kind, for its product adds up row by row, whatever the batch."""
    from scipy.sparse import csr_matrix

    return csr_matrix((logs(found) - means) * scales)


def translated(found: Mapping[str, Probabilities], source: str, translation: NDArray[np.float32]) -> Floats:
    """(n, m) logarithms of the probabilities of own labels."""
    from scipy.sparse import csr_matrix

    shares = csr_matrix(found[source].astype(np.float64)) @ translation.astype(np.float64)
    return np.asarray(np.log(np.maximum(shares, LEAST)))


def beside_kept(shares: Floats, taught: NDArray[np.int64], kept: NDArray[Any] | None, size: int) -> Floats:
    """(n, size) probabilities: the taught labels have `shares` of what the kept ones leave.

    Args:
        shares: (n, m) of the taught labels; kept: (n, size) what the base said, its factors in it; None where the labels are
            the city's own.
    """
    result = np.zeros((len(shares), size)) if kept is None else np.array(kept, dtype=np.float64)
    rest = np.ones(len(shares)) if kept is None else np.maximum(result[:, taught].sum(axis=1), 1e-12)
    result[:, taught] = shares * rest[:, None]
    return np.asarray(result / result.sum(axis=1, keepdims=True))


def spread(second: NDArray[Any], columns: Sequence[str], paths: Sequence[str]) -> Floats:
    """(n, paths) of the probabilities `second`, whose columns are `columns`; a path that is none of them has all of its topic."""
    place = {path: column for column, path in enumerate(columns)}
    whole = np.ones(len(second))
    return np.stack([second[:, place[path]] if path in place else whole for path in paths], axis=1).astype(np.float64)


def log_shares(scores: NDArray[Any]) -> Floats:
    """(n, k) logarithms of the softmax."""
    return logs_of(softmax(scores))


def logs_of(shares: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(shares, 1e-12)))


def _words(title: str, text: str) -> list[str]:
    from nlp.ngrams import excerpt
    from nlp.segment import spans

    found = [word for content in (title, excerpt(text)) for word, _, _ in spans(content)]
    return [word for word in dict.fromkeys(found) if any(map(str.isalnum, word))]
