"""The invented city and the application around it, for tests that need no browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def city() -> ModuleType:
    return _load("tests_dashboards_city", Path(__file__).parent / "city.py")


@pytest.fixture(scope="session")
def kept(city: ModuleType) -> Any:
    """A store with sixty days of the city; never written to."""
    return city.store()


@pytest.fixture(scope="session")
def payloads() -> tuple[str, ...]:
    return _load("tests_dashboards_payloads", Path(__file__).parent / "payloads.py").PAYLOADS


@pytest.fixture(scope="session")
def demo(city: ModuleType) -> Any:
    return _load("tests_browser_demo", TESTS / "browser" / "demo.py").Demo(city)
