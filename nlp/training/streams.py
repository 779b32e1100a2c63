"""Token streams for pre-training, and the masked batches that are drawn from them.

Every batch is a function of the seed, the step and the process, so that a run that was killed draws on as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.clean import clean
from nlp.tokenizer import CLS, MASK, SPECIAL, Tokenizer
from nlp.training.frequencies import lines

TEST_FOLD: Final = 0  # as nlp.training.linear; the held-out labelled texts are not read here either
MASKED_SHARE: Final = 0.2  # of the positions; 0.25–0.30 is for models of more layers than ours (methods.md §1)
# Passes over each source beside one pass of the microblogs. Civic text counts most; laws are long and repeat themselves.
MAIN: Final = {"message_board": 5.0, "policy_qa": 2.0, "news": 0.5, "laws": 0.25, "hot_search": 0.6, "weibo_2020": 0.8,
               "civic": 5.0, "emotion": 3.0, "polarity": 1.5}  # fmt: skip
FINAL: Final = {
    "message_board": 5.0,
    "policy_qa": 1.0,
    "weibo_2020": 0.2,
    "civic": 5.0,
    "emotion": 2.0,
    "polarity": 1.0,
}


@dataclass(frozen=True)
class Batch:
    """`ids` (rows, length) with masks; `positions` (m,) in the flat rows; `truth` (m,) what stood there."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    truth: NDArray[np.int64]


class Streams:
    """Sources by name, drawn from in proportion to size × passes."""

    def __init__(self, tokens: Mapping[str, NDArray[np.uint16]], vocabulary: int) -> None:
        self.tokens = {name: stream for name, stream in tokens.items() if len(stream) > 1_000}
        if not self.tokens:
            raise BadFile(file="pretrain/", reason="没有可用的预训练文本（每个来源至少 1,000 个词元）")
        self._vocabulary = vocabulary

    @property
    def size(self) -> int:
        return sum(map(len, self.tokens.values()))

    def batch(self, seed: tuple[int, ...], rows: int, length: int, passes: Mapping[str, float]) -> Batch:
        """`rows` passages of `length` tokens, of which `MASKED_SHARE` are to be guessed: 80 % masked, 10 % another, 10 % as is."""
        random = np.random.default_rng(seed)
        names = [name for name in self.tokens if passes.get(name, 0)] or list(self.tokens)
        shares = np.array([passes.get(name, 1.0) * len(self.tokens[name]) for name in names])
        ids = np.empty((rows, length), dtype=np.int64)
        ids[:, 0] = CLS
        for row, name in enumerate(random.choice(len(names), rows, p=shares / shares.sum())):
            stream = self.tokens[names[name]]
            start = int(random.integers(0, max(1, len(stream) - length + 1)))
            ids[row, 1:] = np.resize(stream[start : start + length - 1], length - 1)
        wanted = round(MASKED_SHARE * length)
        order = np.where(ids >= len(SPECIAL), random.random(ids.shape), 2.0).argsort(axis=1)[:, :wanted]
        positions = (order + np.arange(rows)[:, None] * length).ravel()
        flat = ids.ravel()
        truth = flat[positions]
        fate = random.random(len(positions))
        flat[positions[fate < 0.8]] = MASK
        other = positions[fate >= 0.9]
        flat[other] = random.integers(len(SPECIAL), self._vocabulary, len(other))
        return Batch(ids, positions, truth)


def sources(data: Path) -> dict[str, Iterator[str]]:
    """Every source of unlabelled text under the data folder, cleaned: pretrain/*.txt.zst, and the texts (never the labels) of
    the labelled sets without the held-out fold.

    Raises:
        BadFile: no pretrain/ there.
    """
    files = sorted((data / "pretrain").glob("*.txt.zst"))
    if not files:
        raise BadFile(file=str(data), reason="目录里没有 pretrain/*.txt.zst。请检查 --data")
    found: dict[str, Iterator[str]] = {path.name.removesuffix(".txt.zst"): map(clean, lines(path)) for path in files}
    if (data / "labelled" / "civic_by_reading.parquet").is_file():
        found |= {name: labelled(data / "labelled", name) for name in ("civic", "emotion", "polarity")}
    return found


def labelled(folder: Path, name: str) -> Iterator[str]:
    """The training texts of one kind of labelled set, shuffled with a fixed seed."""
    from nlp.training.rows import read_corpus

    corpus = read_corpus(folder)
    rows = corpus.civic if name == "civic" else corpus.feeling
    kinds = {"emotion": rows.has("emotion"), "polarity": rows.has("sentiment") & ~rows.has("topic")}
    where = np.flatnonzero(
        (rows.fold != TEST_FOLD) & kinds.get(name, np.isin(rows.source, ("rivers", "topic", "topic_train")))
    )
    for place in np.random.default_rng(0).permutation(where):
        yield clean(f"{rows.titles[place]}\n{rows.texts[place]}")


def load_streams(data: Path, tokenizer: Tokenizer, cache: Path) -> Streams:
    """The token streams of every source; made once per vocabulary and files, then read from `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    state = _state(data, tokenizer)
    path, note = cache / "streams.npz", cache / "streams.json"
    if path.is_file() and note.is_file() and json.loads(note.read_text()) == state:
        with np.load(path, allow_pickle=False) as archive:
            return Streams({name: archive[name] for name in archive.files}, len(tokenizer))
    tokens = {name: tokenizer.stream(texts) for name, texts in sources(data).items()}
    np.savez(cache / "streams.part.npz", **tokens)  # type: ignore[arg-type]  # allow_pickle is no source
    (cache / "streams.part.npz").replace(path)
    note.write_text(json.dumps(state))
    return Streams(tokens, len(tokenizer))


def _state(data: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    words = hashlib.blake2b("\n".join(tokenizer.tokens).encode(), digest_size=8).hexdigest()
    files = [*(data / "pretrain").glob("*.zst"), *(data / "labelled").glob("*.parquet")]
    return {"vocabulary": words, "files": sorted([path.name, path.stat().st_size] for path in files)}
