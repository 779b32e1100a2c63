"""What is evaluated with what is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import BadRequest
from nlp.classifier import HEADS
from nlp.training.evaluation import NAMES, Tenths, Wanted, check, evaluate
from nlp.training.heads import Recipe
from nlp.training.held import CIVIC, SIGN
from nlp.training.rows import Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "evaluation-cache"))


def test_the_linear_part_is_judged_by_itself(corpus: Corpus) -> None:
    found = evaluate(corpus, Wanted(("topic", "urgency")), Recipe(), lambda _: None)
    assert found.judged == "linear"
    assert {figure.head for figure in found.figures} == {"topic", "urgency"}
    assert (found.places, found.seconds, found.beside, found.graph) == (None, {}, [], [])
    by = {part.by for figure in found.figures for part in figure.parts}
    assert "time" in by


def test_the_ways_stand_beside_ours_on_the_same_rows(corpus: Corpus) -> None:
    pytest.importorskip("snownlp", reason="the extra `dev` is not installed")
    said: list[str] = []
    found = evaluate(corpus, Wanted(("sentiment",), ("linear", "snownlp")), Recipe(), said.append)
    ways = {(one.rows, one.way): one for one in found.beside}
    assert set(ways) == {
        *((rows, NAMES[name]) for rows in ("waimai_10k", SIGN) for name in ("own", "linear", "snownlp")),
        *((CIVIC, NAMES[name]) for name in ("own", "linear")),
    }  # fmt: skip
    figures = {figure.rows: figure for figure in found.figures}
    for (rows, way), one in ways.items():
        assert one.n == (figures[CIVIC] if rows == SIGN else figures[rows]).n
        assert (one.agreement is None) == (way == NAMES["own"])
    assert any("SnowNLP" in line for line in said)
    assert any("TF-IDF + SVM" in line for line in said)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (Wanted(("天气",)), "天气"),
        (Wanted(ways=("bert",)), "bert"),
        (Wanted(train=True), "--encoder"),
        (Wanted(ways=("pipeline",)), "--work"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_begun(wanted: Wanted, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        check(wanted)


def test_what_can_be_done_is_not_refused(tmp_path: Path) -> None:
    check(Wanted())
    check(Wanted(tuple(HEADS), ("linear",), tmp_path))


def test_a_module_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadRequest, match=r"snownlp.*minsheng\[dev\]"):
        check(Wanted(ways=("snownlp",)))


def test_a_long_part_is_told_by_tenths() -> None:
    said: list[str] = []
    tenths = Tenths(said.append)
    for step in range(201):
        tenths("甲", step / 200)
    tenths.of("乙")(0.05)
    assert said == [*(f"甲 {tenth}0%" if tenth else "甲 0%" for tenth in range(11)), "乙 5%"]
