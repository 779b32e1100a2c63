"""The classifier of the figures, kept between runs: the same labelled rows and the same code are fitted once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from nlp.linear import LinearClassifier
from nlp.training.fit import Progress
from nlp.training.linear import Answers, judge
from nlp.training.rows import read_corpus

_CODE: Final = (
    "../ngrams.py",
    "../heads.py",
    "../linear.py",
    "../calibrate.py",
    "../classifier.py",
    "rows.py",
    "fit.py",
    "machines.py",
    "linear.py",
)
_KEPT: Final = ("logits", "truth", "source", "row")


def judged(folder: Path, progress: Progress, cache: Path | None = None) -> tuple[LinearClassifier, Answers]:
    """The classifier fitted without the held-out fold, and its answers on that fold.

    `cache` defaults to minsheng/ in the user's cache folder; what lies there under another digest of data and code is stale.
    """
    place = (cache or cache_folder()) / f"judged-{digest_of(folder)}"
    if (place / "answers.npz").is_file():
        return LinearClassifier.load(place / "linear.zst"), _load(place / "answers.npz")
    progress("读取标注数据")
    model, held_out, _, _ = judge(read_corpus(folder), progress)
    place.mkdir(parents=True, exist_ok=True)
    (place / "linear.zst").write_bytes(model.to_bytes())
    _save(place / "answers.npz", held_out)
    return model, held_out


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minsheng"


def digest_of(folder: Path) -> str:
    """16 hexadecimal digits of the labelled sets and of the code that fits."""
    state = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.glob("*.parquet")):
        state.update(path.name.encode() + b"\0")
        state.update(path.read_bytes())
    for name in _CODE:
        state.update((Path(__file__).parent / name).read_bytes())
    return state.hexdigest()


def _save(path: Path, found: Answers) -> None:
    arrays: dict[str, Any] = {
        f"{kind}.{head}": values for kind in _KEPT for head, values in getattr(found, kind).items()
    }
    partial = path.with_name("partial.npz")
    np.savez_compressed(partial, **arrays)
    partial.replace(path)


def _load(path: Path) -> Answers:
    with np.load(path, allow_pickle=False) as archive:
        parts: dict[str, dict[str, Any]] = {kind: {} for kind in _KEPT}
        for name in archive.files:
            kind, head = name.split(".")
            parts[kind][head] = archive[name]
    return Answers(**parts)
