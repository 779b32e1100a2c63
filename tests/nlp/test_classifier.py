"""The classifier that ships."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from models.errors import BadFile
from nlp.classifier import ENCODED, HEADS, Classifier, content, load
from nlp.hybrid import HybridClassifier

LIMIT_BYTES, LINEAR_BYTES = 16_000_000, 12_000_000
TITLES, TEXTS = ["", "物业乱收费"], ["", "物业乱收停车管理费，请查处"]


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return load()


def test_it_is_the_linear_one_with_an_encoder_whole_and_small(shipped: Classifier) -> None:
    folder = resources.files("nlp") / "weights"
    assert isinstance(shipped, HybridClassifier)
    assert dict(shipped.heads) == HEADS | ENCODED
    sizes = {file.name: len(file.read_bytes()) for file in folder.iterdir() if file.is_file()}
    assert sum(sizes.values()) <= LIMIT_BYTES
    assert sizes["linear.zst"] <= LINEAR_BYTES


def test_its_card_is_of_this_model(shipped: Classifier) -> None:
    folder = resources.files("nlp") / "weights"
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert shipped.version == card["model"]
    assert shipped.version in (folder / "model_card.md").read_text(encoding="utf-8")
    assert {figure["head"] for figure in card["figures"]} == set(HEADS)


def test_probabilities_add_up(shipped: Classifier) -> None:
    found, places = shipped.read(TITLES, TEXTS)
    assert len(places) == 2
    for rows in found.values():
        assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert ((content(found["sentiment"]) >= 0) & (content(found["sentiment"]) <= 1)).all()


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"linear\.zst"):
        load(tmp_path)
