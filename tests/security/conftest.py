from pathlib import Path

import pytest

_API = Path(__file__).parents[1] / "api" / "conftest.py"


def _load() -> object:
    import importlib.util

    spec = importlib.util.spec_from_file_location("api_fixtures", _API)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fixtures = _load()
house = _fixtures.house  # type: ignore[attr-defined]
client = _fixtures.client  # type: ignore[attr-defined]


@pytest.fixture
def canary() -> str:
    return str(_fixtures.CANARY)  # type: ignore[attr-defined]
