from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nlp.classifier import ENCODED, HEADS
from nlp.tokenizer import SPECIAL, Tokenizer

SIZES = {head: len(labels) for head, labels in (HEADS | ENCODED).items()}


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def personal_texts() -> ModuleType:
    """The generator of texts with known personal data."""
    return _load("personal_texts")


@pytest.fixture(scope="session")
def lookalike_texts() -> ModuleType:
    """The generator of texts with what only looks like it."""
    return _load("lookalike_texts")


@pytest.fixture(scope="session")
def entity_sentences() -> ModuleType:
    """Our own sentences with marked entities."""
    return _load("entity_sentences")


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the small encoder is slow: torch and transformers load for seconds to make it."""
    for item in items:
        if "small" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Small:
    """A small encoder with random weights, on disk in transformers' form and as a graph."""

    folder: Path
    tokenizer: Tokenizer
    reader: Any


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    import torch

    from nlp.training.export import export
    from nlp.training.heads import reader
    from nlp.training.masked_model import Shape, new_encoder, save_encoder
    from nlp.training.vocabulary import MASKED, usual_characters

    folder = tmp_path_factory.mktemp("small")
    words = ["路灯", "噪音", "工资", "拖欠", "小区", "物业", "学校", "高兴", "感谢", "非常"]
    tokenizer = Tokenizer([*SPECIAL, *MASKED, *map(chr, range(0x21, 0x41)), *map(chr, range(0x5B, 0x7F)),
                           *usual_characters()[:3755], *words, "，", "。", "！"])  # fmt: skip
    torch.manual_seed(3)
    encoder = new_encoder(Shape(layers=2, hidden=32, heads=2, inner=64, positions=128), len(tokenizer))
    save_encoder(encoder, folder)
    tokenizer.save(folder)
    model = reader(encoder, SIZES).eval()
    with torch.no_grad():
        model.heads.weight.mul_(10)  # so that texts differ
    export(model, folder / "encoder.onnx.zst")
    return Small(folder, tokenizer, model)
