"""The mixture that the figures are taken of: neither its linear part nor its encoder had seen the rows of fold 0.

Fold 1 gives each head its mixture, its temperature and its thresholds; fold 0 the figures.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import BadFile
from nlp.heads import Head, Heads
from nlp.hybrid import Mix
from nlp.linear import LinearClassifier
from nlp.training.examples import Examples
from nlp.training.heads import SIZES
from nlp.training.hybrid import encoded_settings, encoder_answers, fit_mixes, mix_answers, with_polarity
from nlp.training.linear import TEST_FOLD, TUNE_FOLD, Answers, calibrated
from nlp.training.rows import Corpus


@dataclass(frozen=True)
class Mixture:
    """`mixes` and `settings` were fitted on fold 1; `seen` and `held_out` are the mixed answers on folds 1 and 0."""

    mixes: dict[str, Mix]
    settings: dict[str, Head]
    seen: Answers
    held_out: Answers

    @property
    def heads(self) -> Heads:
        """What turns `held_out` into answers."""
        return Heads(self.settings)


def mixture(
    corpus: Corpus, linear: LinearClassifier, seen: Answers, held_out: Answers, logits: Mapping[str, NDArray[np.float32]],
    labelled: Examples,
) -> Mixture:  # fmt: skip
    """Mix the linear answers on folds 1 (`seen`) and 0 (`held_out`) with an encoder's.

    Args:
        linear: the classifier of `held_out`, calibrated on `seen`; logits: for each head (examples, k), of
            `nlp.training.joint.held_out_logits`; labelled: these examples.
    """
    own = {name: with_polarity(linear, part, corpus) for name, part in (("seen", seen), ("held", held_out))}
    other = {name: encoder_answers(corpus, part, logits) for name, part in own.items()}
    mixes = fit_mixes(linear, own["seen"], other["seen"])
    mixed = {name: mix_answers(linear, own[name], other[name], mixes) for name in own}
    encoded = encoded_settings(mixed["seen"], labelled, logits, labelled.fold == TUNE_FOLD)
    return Mixture(mixes, calibrated(mixed["seen"], None) | encoded, mixed["seen"], mixed["held"])


def load_logits(path: Path, corpus: Corpus) -> dict[str, NDArray[Any]]:
    """What `nlp.training.joint.held_out_logits` kept in the file `path`, if it is of these labelled rows.

    A row's fold is a hash of its group's text, and folds 0 and 1 alone are filled in: so 150,000 rows that agree in number and
    in what is filled in are the same texts in the same order.

    Raises:
        BadFile: missing, damaged, of other labels, or of other rows.
    """
    if not path.is_file():
        raise BadFile(
            file=str(path), reason="没有这个文件。请先用 minsheng train heads，或加 --train --encoder 编码器目录"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadFile(file=str(path), reason=f"文件损坏（{error}）。删去它可重新计算") from error
    if reason := misfit(found, folds_of(corpus)):
        raise BadFile(
            file=str(path), reason=f"{reason}。它不是用这份标注数据和这版程序做的：请用当时的 --data，或删去它重做"
        )
    return found


def folds_of(corpus: Corpus) -> NDArray[np.int64]:
    """(examples,) folds in the order of `nlp.training.examples.examples`."""
    return np.concatenate([corpus.civic.fold, corpus.feeling.fold[~corpus.feeling.has("topic")]])


def misfit(found: Mapping[str, NDArray[Any]], fold: NDArray[np.int64]) -> str:
    """Why kept logits are not of the rows with these folds; "" if they are. Heads that are not asked for may be there, too."""
    wanted = np.isin(fold, (TEST_FOLD, TUNE_FOLD))
    for head, size in SIZES.items():
        if head not in found:
            return f"缺 {head} 一头"
        rows, *columns = found[head].shape
        if columns != [size]:
            return f"{head} 有 {columns[0] if columns else 0} 类，应为 {size} 类"
        if rows != len(fold):
            return f"有 {rows:,} 行，标注数据有 {len(fold):,} 行"
    strange = (found["topic"] != 0).any(axis=1) != wanted
    return f"有 {int(strange.sum()):,} 行的留出与标注数据不一致" if strange.any() else ""
