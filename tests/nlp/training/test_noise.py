"""Labels that look wrong: found where they were made wrong, and reported without any text."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadRequest
from nlp.classifier import HEADS
from nlp.training.noise import noise, suggestions
from nlp.training.rows import Corpus, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def test_swapped_labels_are_found_and_the_right_one_suggested(corpus: Corpus) -> None:
    rows = corpus.civic
    truth = rows.labels["topic"]
    read = np.flatnonzero((rows.source == "board") & rows.has("topic"))
    wrong = read[::12]
    labels = truth.copy()
    present = np.unique(truth[read])
    labels[wrong] = [present[(np.searchsorted(present, truth[row]) + 1) % len(present)] for row in wrong]
    (found,) = noise(replace(rows, labels=rows.labels | {"topic": labels}), ["topic"], lambda _: None)
    suspected = {suspect.id: suspect.suggested for suspect in found.suspects}
    caught = [rows.ids[row] in suspected for row in wrong]
    assert np.mean(caught) > 0.5
    right = [suspected.get(rows.ids[row]) == HEADS["topic"][truth[row]] for row in wrong]
    assert np.mean(right) > 0.5
    assert sum(found.pairs.values()) == len(found.suspects)
    others = len(suspected.keys() - {rows.ids[row] for row in wrong})
    assert others < 0.05 * len(read), "few that are right are suspected"
    margins = [suspect.given_probability - suspect.suggested_probability for suspect in found.suspects]
    assert margins == sorted(margins), "the worst first"


@given(st.integers(2, 6), st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_suggestion_is_confident_or_the_own_label(size: int, n: int, random: object) -> None:
    draw = np.random.default_rng(random.randrange(1 << 30))  # type: ignore[attr-defined]
    probabilities = draw.dirichlet(np.ones(size), n)
    labels = draw.integers(0, size, n)
    found = suggestions(probabilities, labels)
    for row in range(n):
        if found[row] != labels[row]:
            mine = labels == found[row]
            assert mine.any(), "a label that nobody has cannot be confident"
            assert probabilities[row, found[row]] >= probabilities[mine, found[row]].mean() - 1e-12


def test_certain_models_that_agree_suspect_nothing() -> None:
    labels = np.array([0, 1, 2, 1, 0])
    assert suggestions(np.eye(3)[labels], labels).tolist() == labels.tolist()


def test_the_command_writes_ids_and_labels_and_no_text(labelled_folder: Path, tmp_path: Path, corpus: Corpus) -> None:
    output = tmp_path / "noise.csv"
    run = CliRunner().invoke(
        load_commands(), ["train", "noise", "--data", str(labelled_folder), "-o", str(output), "--heads", "topic"]
    )
    assert run.exit_code == 0, run.output
    content = output.read_text(encoding="utf-8-sig")
    table = list(csv.DictReader(content.splitlines()))
    assert f"存疑 {len(table):,}" in run.stdout
    ids = set(corpus.civic.ids)
    assert all(
        row["id"] in ids and row["given"] in HEADS["topic"] and row["suggested"] != row["given"] for row in table
    )
    assert not any(title and title in content for title in corpus.civic.titles)


@pytest.mark.parametrize(
    ("options", "said"), [(["--heads", "emotion"], "emotion"), (["-o", "/nowhere/noise.csv"], "/nowhere")]
)
def test_bad_values_are_named(labelled_folder: Path, options: list[str], said: str) -> None:
    run = CliRunner().invoke(load_commands(), ["train", "noise", "--data", str(labelled_folder), *options])
    assert isinstance(run.exception, BadRequest)
    assert said in run.exception.fields["value"]
