"""Figures on texts of another city: a classifier that was fitted without one source of the civic rows, asked about that source.

A fold holds texts of every source, so it says nothing about a city that was never seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.errors import BadRequest
from nlp.training.figures import HeadFigure, figures
from nlp.training.fit import fit
from nlp.training.linear import READ, TUNE_FOLD, answers, calibrated, count
from nlp.training.rows import Corpus, Rows

Progress = Callable[[str], None]


def elsewhere(corpus: Corpus, source: str, progress: Progress) -> list[HeadFigure]:
    """The linear classifier without the rows of `source`, calibrated on fold 1 of the others, judged on all rows of `source`.

    Args:
        source: what the ids of civic_by_reading begin with, up to the colon.

    Raises:
        BadRequest: no row is of that source, or no other is.
    """
    theirs = {name: of_source(rows, source) for name, rows in _parts(corpus).items()}
    if not theirs["civic"].any() or theirs["civic"].all():
        raise BadRequest(name="--elsewhere", value=source, reason=f"应为 {'、'.join(sources(corpus))} 之一")
    counted = count(corpus, progress)
    tuning = {name: (rows.fold == TUNE_FOLD) & ~theirs[name] for name, rows in _parts(corpus).items()}
    known = {
        name: ~theirs[name] & ~tuning[name] & ~_copied(rows, theirs[name]) for name, rows in _parts(corpus).items()
    }
    model = fit(corpus, counted, known, lambda head: progress(f"不含 {source}：{head}"))
    model = replace(model, settings=calibrated(answers(model, corpus, counted, tuning), None))
    return figures(model, answers(model, corpus, counted, theirs))


def sources(corpus: Corpus) -> list[str]:
    """The sources of the civic rows, the largest first."""
    counted = Counter(source for source in corpus.civic.source.tolist() if source in READ)
    return [source for source, _ in counted.most_common()]


def of_source(rows: Rows, source: str) -> NDArray[np.bool_]:
    """(n,) rows that were read with an id of the source."""
    return np.fromiter((name.startswith(f"{source}:") for name in rows.ids), dtype=bool, count=len(rows))


def _copied(rows: Rows, theirs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) rows without an id of the source that hold a title of it all the same: titles are learnt from alone, too."""
    titles = {rows.titles[place].strip() for place in np.flatnonzero(theirs)} - {""}
    pairs = zip(rows.titles, rows.texts, strict=True)
    found = (title.strip() in titles or text.strip() in titles for title, text in pairs)
    return np.fromiter(found, dtype=bool, count=len(rows)) & ~theirs


def _parts(corpus: Corpus) -> dict[str, Rows]:
    return {"civic": corpus.civic, "feeling": corpus.feeling}
