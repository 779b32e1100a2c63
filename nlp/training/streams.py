"""Token streams for pre-training, and the masked batches that are drawn from them.

Every batch is a function of the seed, the step and the process, so that a run that was killed draws on as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.clean import clean
from nlp.tokenizer import OURS, Numbers, Tokenizer
from nlp.training.frequencies import lines
from nlp.training.linear import TEST_FOLD
from nlp.training.rows import Rows, given_folder, read_corpus

MASKED_SHARE: Final = 0.2  # of the positions; 0.25–0.30 is for models of more layers than ours (methods.md §1)
LEAST_TOKENS: Final = 1_000  # of a source; a smaller one would be learnt by heart
# Passes over each source beside one pass of the microblogs. Civic text counts most; laws are long and repeat themselves.
MAIN: Final = {"message_board": 5.0, "policy_qa": 2.0, "news": 0.5, "laws": 0.25, "hot_search": 0.6, "weibo_2020": 0.8,
               "civic": 5.0, "emotion": 3.0, "polarity": 1.5}  # fmt: skip
FINAL: Final = {"message_board": 5.0, "policy_qa": 1.0, "weibo_2020": 0.2,
                "civic": 5.0, "emotion": 2.0, "polarity": 1.0}  # fmt: skip
OWN: Final = 1.0  # passes over a source that is not named above: a city's own texts
# Of the civic texts only those that are not in pretrain/message_board as well.
_NOT_ON_THE_BOARD: Final = ("rivers", "topic", "topic_train")
_FILE, _NOTE = "streams.npz", "streams.json"


@dataclass(frozen=True)
class Batch:
    """`ids` (rows, length) with masks; `positions` (m,) in the flat rows; `truth` (m,) what stood there."""

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    truth: NDArray[np.int64]


class Streams:
    """Sources by name, drawn from in proportion to size × passes."""

    def __init__(self, tokens: Mapping[str, NDArray[np.uint16]], vocabulary: int, numbers: Numbers = OURS) -> None:
        """`tokens`: source → its stream; `vocabulary`: how many tokens there are; `numbers`: which are special.

        Raises:
            BadFile: no source has `LEAST_TOKENS` that are not special.
        """
        self.usual, self.numbers = numbers.usual(vocabulary), numbers
        self.tokens = {name: stream for name, stream in tokens.items() if self.usual[stream].sum() > LEAST_TOKENS}
        if not self.tokens:
            raise BadFile(file="pretrain/", reason=f"没有可用的预训练文本（每个来源至少 {LEAST_TOKENS:,} 个词元）")

    @property
    def size(self) -> int:
        return sum(map(len, self.tokens.values()))

    def batch(self, seed: tuple[int, ...], rows: int, length: int, passes: Mapping[str, float]) -> Batch:
        """`rows` passages of `length` tokens, of which `MASKED_SHARE` are to be guessed: 80 % masked, 10 % another, 10 % as is."""
        random = np.random.default_rng(seed)
        names, shares = self.shares(passes)
        ids = np.empty((rows, length), dtype=np.int64)
        ids[:, 0] = self.numbers.cls
        for row, name in enumerate(random.choice(len(names), rows, p=shares)):
            stream = self.tokens[names[name]]
            start = int(random.integers(0, max(1, len(stream) - length + 1)))
            ids[row, 1:] = np.resize(stream[start : start + length - 1], length - 1)
        wanted = round(MASKED_SHARE * length)
        order = np.where(self.usual[ids], random.random(ids.shape), 2.0).argsort(axis=1)[:, :wanted]
        positions = (order + np.arange(rows)[:, None] * length).ravel()
        flat = ids.ravel()
        positions = positions[self.usual[flat[positions]]]  # fewer than wanted where a passage is almost all unknown
        truth = flat[positions]
        fate = random.random(len(positions))
        flat[positions[fate < 0.8]] = self.numbers.mask
        other = positions[fate >= 0.9]
        usual = np.flatnonzero(self.usual)
        flat[other] = usual[random.integers(len(usual), size=len(other))]
        return Batch(ids, positions, truth)

    def shares(self, passes: Mapping[str, float]) -> tuple[list[str], NDArray[np.float64]]:
        """The sources that are read, and the part of the passages that comes from each."""
        given = {name: passes.get(name, 0.0 if name in MAIN else OWN) for name in self.tokens}
        names = [name for name, times in given.items() if times] or list(self.tokens)
        shares = np.array([(given[name] or 1.0) * len(self.tokens[name]) for name in names])
        return names, shares / shares.sum()


def text_folder(path: Path | None = None) -> Path:
    """The folder that holds pretrain/: the argument, else MINSHENG_DATA; either may be its pretrain/ or labelled/.

    Raises:
        BadFile: none given, or no texts there.
    """
    given = given_folder(path)
    for folder in (given, given.parent if given.name in ("pretrain", "labelled") else given):
        if any((folder / "pretrain").glob("*.txt.zst")):
            return folder
    raise BadFile(file=str(given), reason="目录里没有 pretrain/*.txt.zst（每行一篇文本）。请检查 --data")


def sources(data: Path) -> dict[str, Iterator[str]]:
    """Every source of unlabelled text under the data folder, cleaned: pretrain/*.txt.zst, and the texts (never the labels) of
    the labelled sets without the held-out fold.
    """
    files = sorted((data / "pretrain").glob("*.txt.zst"))
    found: dict[str, Iterator[str]] = {path.name.removesuffix(".txt.zst"): map(clean, lines(path)) for path in files}
    if (data / "labelled" / "civic_by_reading.parquet").is_file():
        corpus = read_corpus(data / "labelled")
        civic, feeling = corpus.civic, corpus.feeling
        found["civic"] = _training_texts(civic, np.isin(civic.source, _NOT_ON_THE_BOARD))
        found["emotion"] = _training_texts(feeling, feeling.has("emotion"))
        found["polarity"] = _training_texts(feeling, feeling.has("sentiment") & ~feeling.has("topic"))
    return found


def _training_texts(rows: Rows, which: NDArray[np.bool_]) -> Iterator[str]:
    """Those outside the held-out fold, shuffled with a fixed seed."""
    for place in np.random.default_rng(0).permutation(np.flatnonzero((rows.fold != TEST_FOLD) & which)):
        yield clean(f"{rows.titles[place]}\n{rows.texts[place]}")


def load_streams(data: Path, tokenizer: Tokenizer, cache: Path) -> Streams:
    """The token streams of every source; made once per vocabulary and files, then read from `cache`."""
    state = _state(data, tokenizer)
    if _noted(cache) == state:
        kept = kept_streams(cache, len(tokenizer), tokenizer.numbers)
        if kept is not None:
            return kept
    tokens = {name: tokenizer.stream(texts) for name, texts in sources(data).items()}
    streams = Streams(tokens, len(tokenizer), tokenizer.numbers)
    cache.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(cache / "part.npz", "w") as archive:  # as numpy.savez, which takes no stream called "file"
        for name, stream in tokens.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, stream, allow_pickle=False)
    (cache / "part.npz").replace(cache / _FILE)
    (cache / "part.json").write_text(json.dumps(state), encoding="utf-8")
    (cache / "part.json").replace(cache / _NOTE)
    return streams


def kept_streams(cache: Path, vocabulary: int, numbers: Numbers = OURS) -> Streams | None:
    """The streams that `load_streams` left in `cache`; None where they cannot be read."""
    try:
        with (cache / _FILE).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return Streams({name: archive[name] for name in archive.files}, vocabulary, numbers)
    except (OSError, ValueError, EOFError, LookupError, zipfile.BadZipFile):
        return None


def _noted(cache: Path) -> object:
    try:
        return json.loads((cache / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _state(data: Path, tokenizer: Tokenizer) -> dict[str, Any]:
    told = [json.dumps(tokenizer.settings())] if tokenizer.settings() else []
    words = hashlib.blake2b("\n".join([*tokenizer.tokens, *told]).encode(), digest_size=8).hexdigest()
    files = [*(data / "pretrain").glob("*.zst"), *(data / "labelled").glob("*.parquet")]
    return {"vocabulary": words, "files": sorted([path.name, path.stat().st_size] for path in files)}
