"""The classifier of the figures, kept between runs: the same labelled rows and the same code are fitted once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nlp.classifier import HEADS
from nlp.linear import LinearClassifier
from nlp.training.fit import Progress
from nlp.training.linear import Answers, count, held, tune
from nlp.training.rows import Corpus

_CODE: Final = (
    "../ngrams.py",
    "../heads.py",
    "../linear.py",
    "../calibrate.py",
    "../classifier.py",
    "fit.py",
    "machines.py",
    "linear.py",
)
_FILES: Final = ("linear.zst", "tuned.zst", "seen.npz", "answers.npz")
_KEPT: Final = ("logits", "truth", "source", "row")


@dataclass(frozen=True)
class Judged:
    """The linear classifier fitted without fold 0, its answers there; and one fitted without folds 0 and 1, its answers on fold 1."""

    linear: LinearClassifier
    held_out: Answers
    tuned: LinearClassifier
    seen: Answers


def judged(corpus: Corpus, progress: Progress, cache: Path | None = None) -> Judged:
    """Fits 1 and 2 of `nlp.training.linear` on these rows, or what was kept of them.

    `cache` defaults to minsheng/ in the user's cache folder; what lies there under another digest of rows and code is stale.
    """
    place = (cache or cache_folder()) / f"judged-{digest_of(corpus)}"
    if all((place / name).is_file() for name in _FILES):
        linear, tuned = (LinearClassifier.load(place / name) for name in ("linear.zst", "tuned.zst"))
        return Judged(linear, _load(place / "answers.npz"), tuned, _load(place / "seen.npz"))
    counted = count(corpus, progress)
    tuned, seen = tune(corpus, counted, progress)
    model, held_out = held(corpus, counted, tuned, progress)
    place.mkdir(parents=True, exist_ok=True)
    (place / "tuned.zst").write_bytes(tuned.to_bytes())
    (place / "linear.zst").write_bytes(model.to_bytes())
    _save(place / "seen.npz", seen)
    _save(place / "answers.npz", held_out)
    return Judged(model, held_out, tuned, seen)


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minsheng"


def digest_of(corpus: Corpus) -> str:
    """16 hexadecimal digits of the labelled rows and of the code that fits."""
    state = hashlib.blake2b(digest_size=8)
    for rows in (corpus.civic, corpus.feeling):
        for texts in (rows.titles, rows.texts, rows.source.tolist()):
            state.update("\0".join(texts).encode("utf-8", "surrogatepass") + b"\1")
        for values in (rows.fold, rows.time, rows.weight, *(rows.labels[head] for head in HEADS)):
            state.update(np.ascontiguousarray(values).tobytes())
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
