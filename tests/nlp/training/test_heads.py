"""Fine-tuning on made-up rows with a small encoder: slow where torch is loaded, quick where shapes are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import BadFile
from nlp.classifier import ENCODED, HEADS
from nlp.training import heads
from nlp.training.examples import Examples, batches, examples
from nlp.training.rows import read_corpus

SIZES = {head: len(labels) for head, labels in (HEADS | ENCODED).items()}


@pytest.fixture(scope="module")
def found(labelled_folder: Path, small: Any) -> Examples:
    return examples(read_corpus(labelled_folder), small.tokenizer)


@pytest.fixture(scope="module")
def torch() -> Any:
    """Not imported with this file: every process of a run would wait for it, whatever it runs."""
    return pytest.importorskip("torch", reason="the extra `train` is not installed")


def logits_for(torch: Any, batch: Any, value: float = 0.0) -> tuple[Any, Any]:
    return torch.full((len(batch.ids), sum(SIZES.values())), value), torch.zeros(*batch.ids.shape, 2)


def test_columns_lie_side_by_side() -> None:
    found = heads.columns({"a": 2, "b": 3})
    assert found == {"a": slice(0, 2), "b": slice(2, 5)}


def test_rows_without_a_label_do_not_move_the_loss(found: Examples, torch: Any) -> None:
    batch = batches(found, np.flatnonzero(found.kind == "mood")[:10])[0]
    made = heads.tensors(found, batch, heads.subtopics_under())
    logits, places = logits_for(torch, batch)
    before = heads.loss_of(logits, places, made, SIZES)
    for head in ("topic", "subtopic", "department"):
        logits[:, heads.columns(SIZES)[head]] = torch.randn(len(batch.ids), SIZES[head]) * 9
    places += torch.randn_like(places)
    assert heads.loss_of(logits, places, made, SIZES).item() == pytest.approx(before.item())
    logits[:, heads.columns(SIZES)["emotion"]] = torch.randn(len(batch.ids), SIZES["emotion"]) * 9
    assert heads.loss_of(logits, places, made, SIZES).item() != pytest.approx(before.item())


def test_the_right_answer_costs_least(found: Examples, torch: Any) -> None:
    batch = batches(found, np.flatnonzero(found.kind == "civic")[:12])[0]
    made = heads.tensors(found, batch, heads.subtopics_under())
    right, places = logits_for(torch, batch)
    wrong = right.clone()
    for head, place in heads.columns(SIZES).items():
        truth = (made["content"] > 0.5).long() if head == "polarity" else made[f"{head}.truth"]
        rows = torch.arange(len(truth))
        right[rows, place.start + truth] = 5.0
        wrong[rows, place.start + (truth + 1) % SIZES[head]] = 5.0
    assert heads.loss_of(right, places, made, SIZES) < heads.loss_of(wrong, places, made, SIZES)


def test_a_review_teaches_contentment_only(found: Examples, torch: Any) -> None:
    rows = np.flatnonzero(found.kind == "review")[:8]
    batch = batches(found, rows)[0]
    made = heads.tensors(found, batch, heads.subtopics_under())
    logits, places = logits_for(torch, batch)
    logits.requires_grad_()
    heads.loss_of(logits, places, made, SIZES).backward()
    touched = logits.grad.abs().sum(0) > 0
    for head, place in heads.columns(SIZES).items():
        assert touched[place].any() == (head in ("sentiment", "polarity")), head


def test_subtopics_lie_under_their_topic() -> None:
    under = heads.subtopics_under()
    assert under.shape == (SIZES["topic"] + 1, SIZES["subtopic"])
    assert (under[:-1].sum(axis=0) == 1).all()
    assert under[-1].all()


@pytest.mark.slow
def test_a_made_up_world_is_learned_and_the_same_seed_gives_the_same(
    torch: Any, found: Examples, small: Any, tmp_path: Path
) -> None:
    torch.set_num_threads(1)  # nothing to share among several here, and others may be at work
    train = (found.fold != 0) & (found.kind == "civic")
    recipe = heads.Recipe(epochs=12, rate=3e-3, compiled=False)
    parts: list[float] = []
    heads.fine_tune(small.folder, found, train, recipe, lambda part, _: parts.append(part), tmp_path / "reader.pt")
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    where = np.flatnonzero((found.fold == 0) & (found.kind == "civic"))
    read = heads.logits_of(heads.load_reader(small.folder, tmp_path / "reader.pt"), found, where)
    for head in ("topic", "department"):
        known = found.labels[head][where] >= 0
        right = read[head].argmax(axis=1)[known] == found.labels[head][where][known]
        assert right.mean() > 0.7, head
    short = heads.Recipe(epochs=1, compiled=False)
    for name in ("once.pt", "again.pt"):
        heads.fine_tune(small.folder, found, train, short, lambda *_: None, tmp_path / name)
    once, again = (heads.load_reader(small.folder, tmp_path / name) for name in ("once.pt", "again.pt"))
    assert torch.equal(once.heads.weight, again.heads.weight)


@pytest.mark.slow
def test_two_processes_go_on_from_given_weights_and_damaged_ones_are_named(
    torch: Any, found: Examples, small: Any, tmp_path: Path
) -> None:
    train = (found.fold != 0) & (found.kind == "civic")
    recipe = heads.Recipe(epochs=1, rate=1e-6, processes=2, compiled=False)
    start = tmp_path / "start.pt"
    model = heads.load_reader(small.folder)
    with torch.no_grad():
        model.heads.weight.fill_(0.25)
    heads.save_reader(model, start)
    heads.fine_tune(small.folder, found, train, recipe, lambda *_: None, tmp_path / "reader.pt", start)
    after = heads.load_reader(small.folder, tmp_path / "reader.pt").heads.weight
    assert (after - 0.25).abs().max() < 1e-3
    assert not torch.equal(after, model.heads.weight)
    start.write_bytes(b"no weights")
    with pytest.raises(BadFile, match=r"start\.pt"):
        heads.load_reader(small.folder, start)
