"""The linear classifier: hashed character n-grams of title and body, one sparse product, calibrated, exactly explained.

logit = Σ over n-grams of (1 + ln count) · idf / norm of the field · weight, + intercept; probabilities follow from the logits of a
head by `nlp.calibrate.scores`. A block is a set of heads that share a vocabulary.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.heads import Head, Heads, head_of
from nlp.ngrams import BITS, BODY, TITLE, Counts, counts, features_of, grams
from nlp.ngrams import fields as fields_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from nlp.classifier import Place, Probabilities

FORMAT: Final = 1
FILE: Final = "linear.zst"
BATCH: Final = 512  # texts at once: some 20 MB of n-grams at 390 characters


@dataclass(frozen=True)
class Block:
    """`buckets` (f,) ascending hash buckets kept; `idf` (f,); `weights` (f, k); `intercepts` (k,); columns by head."""

    fields: tuple[int, ...]
    buckets: NDArray[np.int64]
    idf: NDArray[np.float32]
    weights: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    columns: Mapping[str, tuple[int, int]]

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """(2**BITS,) bucket → row, −1 where it is not kept."""
        table = np.full(1 << BITS, -1, dtype=np.int32)
        table[self.buckets] = np.arange(len(self.buckets), dtype=np.int32)
        return table

    def matrix(self, counted: Mapping[int, Counts], n: int) -> csr_matrix:
        """(n, f) features: sublinear counts × idf, each field of a text scaled to length 1."""
        return features_of([counted[name] for name in self.fields], self.rows, self.idf, n)

    def logits(self, counted: Mapping[int, Counts], n: int) -> NDArray[np.float32]:
        """(n, k)"""
        return np.asarray(self.matrix(counted, n) @ self.weights + self.intercepts, dtype=np.float32)


@dataclass(frozen=True)
class LinearClassifier(Heads):
    """Implements `nlp.classifier.Classifier`. `card` is what the model says of itself."""

    blocks: Mapping[str, Block]
    version: str = "linear-untrained"
    card: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The shipped weights, or those of a folder or file that `minsheng train linear` wrote.

        Raises:
            BadFile: missing, damaged, or of another format.
        """
        source = resources.files("nlp") / "weights" / FILE if path is None else path / FILE if path.is_dir() else path
        try:
            return cls.from_bytes(source.read_bytes())
        except FileNotFoundError:
            raise BadFile(file=str(source), reason="没有这个文件。请先运行 minsheng train linear") from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise BadFile(file=str(source), reason=f"权重文件损坏或版本不符（{error}）。请重新训练或安装") from error

    def logits(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """For each head (n, k) logits before the temperature."""
        if not titles:
            return {name: np.zeros((0, len(head.labels)), dtype=np.float32) for name, head in self.settings.items()}
        parts = [
            self._logits(titles[start : start + BATCH], texts[start : start + BATCH])
            for start in range(0, len(titles), BATCH)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.settings}

    def _logits(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        fields = [fields_of(title, text) for title, text in zip(titles, texts, strict=True)]
        counted = {name: counts([pair[name] for pair in fields], name) for name in (TITLE, BODY)}
        found: dict[str, NDArray[np.float32]] = {}
        for block in self.blocks.values():
            logits = block.logits(counted, len(titles))
            found |= {head: logits[:, start:stop] for head, (start, stop) in block.columns.items()}
        return found

    def predict(self, titles: Sequence[str], texts: Sequence[str]) -> dict[str, Probabilities]:
        return self.probabilities(self.logits(titles, texts))

    def read(
        self, titles: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, Probabilities], Sequence[Place | None]]:
        return self.predict(titles, texts), [None] * len(titles)

    def contributions(
        self, title: str, text: str, head: str, label: str
    ) -> tuple[list[tuple[int, int, int, float]], float]:
        """What each n-gram adds to the logit: (field, start, end, share) in the fields of `nlp.ngrams.fields`; and the intercept.

        A repeated n-gram's weight is shared equally by its places. The shares and the intercept add up to the logit.

        Raises:
            KeyError: no such head or label.
        """
        block = next(block for block in self.blocks.values() if head in block.columns)
        column = block.columns[head][0] + self.settings[head].labels.index(label)
        fields = fields_of(title, text)
        shares: list[tuple[int, int, int, float]] = []
        values = block.matrix({name: counts([fields[name]], name) for name in (TITLE, BODY)}, 1)
        value_of = dict(zip(values.indices.tolist(), values.data.tolist(), strict=True))
        for name in block.fields:
            found = grams([fields[name]], name)
            rows = block.rows[found.buckets]
            times = np.bincount(rows[rows >= 0], minlength=len(block.buckets))
            for row, start, length in zip(rows.tolist(), found.starts.tolist(), found.lengths.tolist(), strict=True):
                if row >= 0 and (weight := float(block.weights[row, column])):
                    shares.append((name, start, start + length, value_of[row] * weight / int(times[row])))
        return shares, float(block.intercepts[column])

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        """Words with what they add to the logit of `label`, the strongest first; only those that speak for it."""
        totals = self.word_shares(title, text, head, label)
        spoken = sorted(
            ((word, share) for word, share in totals.items() if word and share > 0),
            key=lambda pair: (-pair[1], pair[0]),
        )
        return spoken[:n]

    def word_shares(self, title: str, text: str, head: str, label: str) -> dict[str, float]:
        """N-gram shares merged to words: each character carries an equal part of its n-grams. "" holds what no word covers.

        The values and the intercept add up to the logit.
        """
        from nlp.segment import spans

        shares, _ = self.contributions(title, text, head, label)
        totals: dict[str, float] = {"": 0.0}
        for name, content in fields_of(title, text).items():
            strength = np.zeros(len(content))
            for which, start, end, share in shares:
                if which == name:
                    strength[start:end] += share / (end - start)
            for word, start, end in spans(content):
                totals[word] = totals.get(word, 0.0) + float(strength[start:end].sum())
                strength[start:end] = 0.0
            totals[""] += float(strength.sum())
        return totals

    def to_bytes(self) -> bytes:
        """One zstd-compressed archive; equal models give equal bytes."""
        return pack(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        settings, blocks, card = unpack(data)
        return cls(settings, blocks, f"linear-{hashlib.blake2b(data, digest_size=5).hexdigest()}", card)


# --- the file ---------------------------------------------------------------------------------------------------------
def pack(model: LinearClassifier) -> bytes:
    import zstandard

    arrays: dict[str, NDArray[Any]] = {}
    for name, block in sorted(model.blocks.items()):
        # Differences of ascending buckets and the two bytes of each float16 apart: a third smaller after compression.
        arrays[f"{name}.gaps"] = np.diff(block.buckets, prepend=0).astype(np.uint32)
        arrays[f"{name}.idf"] = _planes(block.idf)
        arrays[f"{name}.weights"] = _planes(block.weights.T)
        arrays[f"{name}.intercepts"] = block.intercepts.astype(np.float32)
    header = {
        "format": FORMAT, "bits": BITS, "card": model.card,
        "heads": {name: vars(head) for name, head in model.settings.items()},
        "blocks": {name: {"fields": block.fields, "columns": block.columns} for name, block in sorted(model.blocks.items())},
    }  # fmt: skip
    arrays["header"] = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), dtype=np.uint8)
    archive = io.BytesIO()
    np.savez(archive, **arrays)  # type: ignore[arg-type]
    return zstandard.ZstdCompressor(level=19).compress(archive.getvalue())


def unpack(data: bytes) -> tuple[dict[str, Head], dict[str, Block], dict[str, Any]]:
    import zstandard

    try:
        archive = np.load(io.BytesIO(zstandard.ZstdDecompressor().decompress(data)), allow_pickle=False)
    except zstandard.ZstdError as error:
        raise ValueError(error) from error
    header = json.loads(archive["header"].tobytes())
    if header["format"] != FORMAT or header["bits"] != BITS:
        raise ValueError(f"format {header['format']}, bits {header['bits']}")
    heads = {name: head_of(head) for name, head in header["heads"].items()}
    blocks = {
        name: Block(
            fields=tuple(block["fields"]),
            buckets=np.cumsum(archive[f"{name}.gaps"].astype(np.int64)),
            idf=_floats(archive[f"{name}.idf"]),
            weights=_floats(archive[f"{name}.weights"]),
            intercepts=archive[f"{name}.intercepts"],
            columns={head: (int(start), int(stop)) for head, (start, stop) in block["columns"].items()},
        )
        for name, block in header["blocks"].items()
    }
    return heads, blocks, header["card"]


def _planes(values: NDArray[Any]) -> NDArray[np.uint8]:
    halves = np.ascontiguousarray(values, dtype=np.float16)
    return np.ascontiguousarray(np.moveaxis(halves.view(np.uint8).reshape(*halves.shape, 2), -1, 0))


def _floats(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The inverse of `_planes`, transposed; by a table of all 65,536 values, five times as fast as numpy's own conversion."""
    halves = planes[1].astype(np.uint16) << 8
    halves |= planes[0]
    table = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    return np.asarray(table[np.ascontiguousarray(halves.T)])
