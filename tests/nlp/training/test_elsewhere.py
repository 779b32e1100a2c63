"""Figures on a source that a classifier never saw."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from models.errors import BadRequest
from nlp.classifier import HEADS
from nlp.training import elsewhere as module
from nlp.training.elsewhere import elsewhere, of_source, sources
from nlp.training.rows import Corpus, read_corpus

pytestmark = pytest.mark.slow
EVERY = 4  # one row of so many is of another city


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The made-up rows, a part of them from another city; one title of theirs is used at home, too."""
    folder = tmp_path_factory.mktemp("two_cities") / "labelled"
    shutil.copytree(labelled_folder, folder)
    path = folder / "civic_by_reading.parquet"
    rows = pyarrow.parquet.read_table(path).to_pylist()
    for number, row in enumerate(rows):
        if number % EVERY == 0:
            row.update(id=f"rivers:{number}", source="rivers", title=f"河道{row['title']}")
    rows[1]["title"] = rows[0]["title"]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return read_corpus(folder)


def test_no_row_of_the_other_city_is_learnt_from_and_all_are_judged(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: dict[str, np.ndarray[Any, Any]] = {}
    real = module.fit

    def watched(corpus: Corpus, counted: Any, where: Any, progress: Any) -> Any:
        fitted.update(where)
        return real(corpus, counted, where, progress)

    monkeypatch.setattr(module, "fit", watched)
    said: list[str] = []
    found = elsewhere(corpus, "rivers", said.append)
    for name, rows in (("civic", corpus.civic), ("feeling", corpus.feeling)):
        learnt = np.flatnonzero(fitted[name])
        assert len(learnt) > 100
        assert not any(rows.ids[place].startswith("rivers:") for place in learnt)
        assert not any("河道" in rows.titles[place] or rows.texts[place].startswith("河道") for place in learnt)
    civic = {figure.head: figure for figure in found if figure.rows == "civic_by_reading"}
    theirs = of_source(corpus.civic, "rivers")
    assert {head: civic[head].n for head in ("topic", "department", "urgency")} == dict.fromkeys(
        ("topic", "department", "urgency"), int(theirs.sum())
    )
    assert set(civic) == {head for head in HEADS if head != "emotion"}
    assert civic["topic"].accuracy > 0.8  # the cities speak alike here
    assert any("rivers" in line for line in said)


def test_sources_are_those_of_the_ids_the_largest_first(corpus: Corpus) -> None:
    assert sources(corpus)[:2] == ["board", "rivers"]


@pytest.mark.parametrize("source", ["沙河", ""])
def test_an_unknown_source_is_refused_with_those_that_are_there(corpus: Corpus, source: str) -> None:
    with pytest.raises(BadRequest, match="rivers"):
        elsewhere(corpus, source, lambda _: None)
