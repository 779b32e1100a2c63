"""`minsheng train heads`: fine-tune an encoder on the labelled sets and join it to the linear classifier.

1. The linear classifier, judged on folds 1 and 0 and fitted on everything (`nlp.training.linear`).
2. The encoder fitted without folds 0 and 1; then again with what it and the linear classifier say of texts that lack labels
   (`nlp.training.teach`). It answers both folds.
3. Fold 1 gives each head its mixture, its temperature and its thresholds; fold 0 the figures.
4. The encoder goes on for an epoch over everything, the rows that step 2 had not seen among it, and is shipped, with the
   settings of those rows.

Each step of the encoder is kept in the work folder, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nlp.encoder import GRAPH, Encoder
from nlp.hybrid import HybridClassifier, Mix
from nlp.linear import LinearClassifier
from nlp.tokenizer import Tokenizer
from nlp.training.examples import Examples, examples
from nlp.training.figures import HeadFigure, figures
from nlp.training.fit import fit
from nlp.training.heads import SIZES, Recipe, fine_tune, load_reader, logits_of, timed
from nlp.training.held import facts_of
from nlp.training.hybrid import (
    PlaceFigure,
    SecondFigure,
    encoded_settings,
    place_figure,
    second_figures,
)
from nlp.training.linear import Answers, calibrated, count, held, tune
from nlp.training.masked_model import load_encoder
from nlp.training.mixture import mixture
from nlp.training.rows import HELD_FOLDS, Corpus
from nlp.training.teach import taught, texts_of, to_teach, unlabelled, with_texts, with_words

Progress = Callable[[str], None]
HELD: Final = "held_out.npz"
FIRST: Final = "first.pt"  # the reader of the first epochs, on labels alone
READER: Final = "reader.pt"
TAUGHT: Final = "taught.npz"
LAST_RATE: Final = 0.5  # of the rate of the epochs before: the heads are there already
SHIPPED: Final = "shipped"


@dataclass(frozen=True)
class LinearHalf:
    """The linear classifier four times: fitted without folds 0 and 1 (`tuned`, whose answers on fold 1 are `seen`), without fold 0
    (`judged`, `held_out`), on everything (`shipped`).
    """

    tuned: LinearClassifier
    seen: Answers
    judged: LinearClassifier
    held_out: Answers
    shipped: LinearClassifier


@dataclass(frozen=True)
class Joined:
    """The shipped classifier and the figures of its twin that had not seen the held-out fold."""

    model: HybridClassifier
    figures: list[HeadFigure]
    linear_figures: list[HeadFigure]
    places: PlaceFigure
    seconds: dict[str, SecondFigure]
    mixes: dict[str, Mix]
    encoder_folder: Path  # with the exported graph and its vocabulary


def linear_half(corpus: Corpus, progress: Progress) -> LinearHalf:
    counted = count(corpus, progress)
    tuned, seen = tune(corpus, counted, progress)
    judged, held_out = held(corpus, counted, tuned, progress)
    everything = {"civic": np.ones(len(corpus.civic), dtype=bool), "feeling": np.ones(len(corpus.feeling), dtype=bool)}
    shipped = fit(corpus, counted, everything, lambda head: progress(f"全部数据 {head}"))
    return LinearHalf(tuned, seen, judged, held_out, shipped)


def train(
    corpus: Corpus, encoder: Path, work: Path, recipe: Recipe, progress: Progress, half: LinearHalf | None = None
) -> Joined:
    """All four steps. `encoder`: folder in transformers' form with vocab.txt; `work`: where the steps are kept; `half`: step 1,
    if it is done already.
    """
    work.mkdir(parents=True, exist_ok=True)
    load_encoder(encoder)  # refused now, not after minutes
    tokenizer = Tokenizer.load(encoder)
    half = half or linear_half(corpus, progress)
    labelled = examples(corpus, tokenizer)
    further = unlabelled(corpus)
    found = with_texts(labelled, tokenizer, further)

    def taught_examples() -> Examples:
        return learn_from_teacher(found, corpus, further, half.tuned, encoder, work)

    read = held_out_logits(labelled, encoder, work, recipe, progress, taught_examples)
    judge = half.judged
    mixed = mixture(corpus, judge, half.seen, half.held_out, read, labelled)
    progress("校准")
    fold = labelled.fold
    linear = LinearClassifier.from_bytes(replace(half.shipped, settings=judge.settings).to_bytes())
    shipped = ship(taught_examples(), encoder, tokenizer, work, recipe, progress)
    both = mixed.seen.joined(mixed.held_out)
    settings = calibrated(both, None) | encoded_settings(both, labelled, read, np.isin(fold, HELD_FOLDS))
    return Joined(
        HybridClassifier(settings, linear, shipped, mixed.mixes),
        figures(mixed.heads, mixed.held_out, facts=facts_of(corpus, mixed.held_out)),
        figures(judge, half.held_out), place_figure(read, labelled), second_figures(mixed.settings, read, labelled),
        mixed.mixes, work / SHIPPED,
    )  # fmt: skip


def learn_from_teacher(
    found: Examples, corpus: Corpus, further: list[str], linear: LinearClassifier, encoder: Path, work: Path
) -> Examples:
    """The examples with the word of a teacher, the mixture of `linear` and the encoder of the first epochs; kept in `work`."""
    path = work / TAUGHT
    if not path.is_file():
        rows = to_teach(found, ~np.isin(found.fold, HELD_FOLDS))
        own = linear.logits(*texts_of(corpus, further, rows))
        read = logits_of(load_reader(encoder, work / FIRST), found, rows)
        shares = taught(linear, own, read)
        np.savez(work / f"part-{TAUGHT}", rows=rows, **shares)  # type: ignore[arg-type]
        (work / f"part-{TAUGHT}").replace(path)
    with np.load(path, allow_pickle=False) as archive:
        return with_words(found, archive["rows"], {name: archive[name] for name in archive.files if name != "rows"})


def held_out_logits(
    found: Examples, encoder: Path, work: Path, recipe: Recipe, progress: Progress,
    taught_examples: Callable[[], Examples] | None = None,
) -> dict[str, NDArray[np.float32]]:  # fmt: skip
    """For each head (examples, k) logits of an encoder that was fitted without folds 0 and 1, whose rows alone are filled in;
    `span` (examples, 2) the first and last token that it takes for the place.

    Args:
        taught_examples: called once the encoder was fitted on labels; what it is fitted on further.
    """
    path = work / HELD
    if not path.is_file():
        if not (work / READER).is_file():
            _fit_twin(found, encoder, work, recipe, progress, taught_examples)
        where = np.flatnonzero(np.isin(found.fold, HELD_FOLDS))
        read = logits_of(load_reader(encoder, work / READER), found, where)
        kept = {name: np.zeros((len(found), *values.shape[1:]), dtype=values.dtype) for name, values in read.items()}
        for name, values in read.items():
            kept[name][where] = values
        np.savez_compressed(work / f"part-{HELD}", **kept)  # type: ignore[arg-type]
        (work / f"part-{HELD}").replace(path)
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _fit_twin(found: Examples, encoder: Path, work: Path, recipe: Recipe, progress: Progress,
              taught_examples: Callable[[], Examples] | None) -> None:  # fmt: skip
    """First on labels, then on labels and a teacher's word."""
    if not (work / FIRST).is_file():
        said = timed(lambda part, loss: progress(_said("留出检验", part, loss)))
        fine_tune(encoder, found, ~np.isin(found.fold, HELD_FOLDS), recipe, said, work / FIRST)
    more = taught_examples() if taught_examples else found
    again = replace(recipe, epochs=recipe.again, rate=recipe.rate * LAST_RATE, seed=recipe.seed + 1)
    said = timed(lambda part, loss: progress(_said("留出检验（二）", part, loss)))
    fine_tune(encoder, more, ~np.isin(more.fold, HELD_FOLDS), again, said, work / READER, start=work / FIRST)


def ship(
    found: Examples, encoder: Path, tokenizer: Tokenizer, work: Path, recipe: Recipe, progress: Progress
) -> Encoder:
    """The encoder of `held_out_logits` after an epoch over every row, exported to the work folder."""
    from nlp.training.export import export

    folder = work / SHIPPED
    if not (folder / GRAPH).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        everything = np.ones(len(found), dtype=bool)
        last = replace(recipe, epochs=1, rate=recipe.rate * LAST_RATE, seed=recipe.seed + 2)
        said = timed(lambda part, loss: progress(_said("全部数据", part, loss)))
        fine_tune(encoder, found, everything, last, said, folder / READER, start=work / READER)
        model = load_reader(encoder, folder / READER)
        export(model, folder / GRAPH)
        tokenizer.save(folder)
    return Encoder.load(folder, SIZES)


def place_f1(held: dict[str, NDArray[Any]], found: Examples) -> float:
    """F1 of places on the held-out fold: right where both ends are."""
    return place_figure(held, found).exact


def _said(name: str, part: float, loss: float) -> str:
    return f"编码器 {name} {part:.0%} 损失 {loss:.3f}"
