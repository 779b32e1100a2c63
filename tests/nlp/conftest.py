from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


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
