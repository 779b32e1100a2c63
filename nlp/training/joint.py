"""`minsheng train heads`: fine-tune an encoder on the labelled sets and join it to the linear classifier.

1. The linear classifier, judged on folds 1 and 0 and fitted on everything (`nlp.training.linear`).
2. The encoder fitted without folds 0 and 1 answers both.
3. Fold 1 gives each head its mixture, its temperature and its thresholds; fold 0 the figures.
4. The encoder goes on for an epoch over everything, the rows that step 2 had not seen among it, and is shipped, with the
   settings of those rows.

Each step is kept in the work folder, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import GRAPH, Encoder
from nlp.heads import Heads
from nlp.hybrid import HybridClassifier, Mix
from nlp.linear import LinearClassifier
from nlp.tokenizer import Tokenizer
from nlp.training.examples import Examples, examples
from nlp.training.figures import HeadFigure, figures
from nlp.training.fit import fit
from nlp.training.heads import SIZES, Recipe, fine_tune, load_reader, logits_of, timed
from nlp.training.hybrid import encoder_answers, fit_mixes, mix_answers
from nlp.training.linear import TEST_FOLD, TUNE_FOLD, calibrated, judge
from nlp.training.rows import Corpus

Progress = Callable[[str], None]
HELD: Final = "held_out.npz"
READER: Final = "reader.pt"
LAST_RATE: Final = 0.5  # of the rate of the epochs before: the heads are there already
SHIPPED: Final = "shipped"


@dataclass(frozen=True)
class Joined:
    """The shipped classifier and the figures of its twin that had not seen the held-out fold."""

    model: HybridClassifier
    figures: list[HeadFigure]
    linear_figures: list[HeadFigure]
    places: float  # F1 of the place's span on the held-out fold
    mixes: dict[str, Mix]
    encoder_folder: Path  # with the exported graph and its vocabulary


def train(corpus: Corpus, encoder: Path, work: Path, recipe: Recipe, progress: Progress) -> Joined:
    """All four steps. `encoder`: folder in transformers' form with vocab.txt; `work`: where the steps are kept."""
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.load(encoder)
    found = examples(corpus, tokenizer)
    judged, linear_held, linear_seen, counted = judge(corpus, progress)
    held = held_out_logits(found, encoder, work, recipe, progress)
    seen, held_out = (encoder_answers(corpus, part, held) for part in (linear_seen, linear_held))
    mixes = fit_mixes(judged, linear_seen, seen)
    mixed_seen, mixed_held = (mix_answers(judged, own, other, mixes)
                              for own, other in ((linear_seen, seen), (linear_held, held_out)))  # fmt: skip
    progress("校准")
    judge_settings = calibrated(mixed_seen, None)
    everything = {"civic": np.ones(len(corpus.civic), dtype=bool), "feeling": np.ones(len(corpus.feeling), dtype=bool)}
    linear = fit(corpus, counted, everything, lambda head: progress(f"全部数据 {head}"))
    linear = LinearClassifier.from_bytes(replace(linear, settings=judged.settings).to_bytes())
    shipped = ship(found, encoder, tokenizer, work, recipe, progress)
    settings = calibrated(mixed_seen.joined(mixed_held), None)
    model = HybridClassifier(settings, linear, shipped, mixes)
    return Joined(model, figures(Heads(judge_settings), mixed_held), figures(judged, linear_held),
                  place_f1(held, found), mixes, work / SHIPPED)  # fmt: skip


def held_out_logits(
    found: Examples, encoder: Path, work: Path, recipe: Recipe, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    """For each head (examples, k) logits of an encoder that was fitted without folds 0 and 1, whose rows alone are filled in;
    `span` (examples, 2) the first and last token that it takes for the place.
    """
    path = work / HELD
    if not path.is_file():
        train_rows = ~np.isin(found.fold, (TEST_FOLD, TUNE_FOLD))
        said = timed(lambda part, loss: progress(_said("留出检验", part, loss)))
        if not (work / READER).is_file():
            fine_tune(encoder, found, train_rows, recipe, said, work / READER)
        where = np.flatnonzero(~train_rows)
        read = logits_of(load_reader(encoder, work / READER), found, where)
        kept = {name: np.zeros((len(found), *values.shape[1:]), dtype=values.dtype) for name, values in read.items()}
        for name, values in read.items():
            kept[name][where] = values
        np.savez_compressed(work / f"part-{HELD}", **kept)  # type: ignore[arg-type]
        (work / f"part-{HELD}").replace(path)
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def ship(
    found: Examples, encoder: Path, tokenizer: Tokenizer, work: Path, recipe: Recipe, progress: Progress
) -> Encoder:
    """The encoder of `held_out_logits` after an epoch over every row, exported to the work folder."""
    from nlp.training.export import export

    folder = work / SHIPPED
    if not (folder / GRAPH).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        everything, last = np.ones(len(found), dtype=bool), replace(recipe, epochs=1, rate=recipe.rate * LAST_RATE)
        said = timed(lambda part, loss: progress(_said("全部数据", part, loss)))
        fine_tune(encoder, found, everything, last, said, folder / READER, start=work / READER)
        model = load_reader(encoder, folder / READER)
        export(model, folder / GRAPH)
        tokenizer.save(folder)
    return Encoder.load(folder, SIZES)


def place_f1(held: dict[str, NDArray[Any]], found: Examples) -> float:
    """F1 of places on the held-out fold: right where both ends are; a text that names none counts only if one is claimed."""
    rows = np.flatnonzero((found.fold == TEST_FOLD) & (found.span[:, 0] >= 0))
    truth, said = found.span[rows], held["span"][rows]
    named, claimed = truth[:, 0] > 0, said[:, 0] > 0
    right = (named & (truth == said).all(axis=1)).sum()
    return float(2 * right / max(1, named.sum() + claimed.sum()))


def _said(name: str, part: float, loss: float) -> str:
    return f"编码器 {name} {part:.0%} 损失 {loss:.3f}"
