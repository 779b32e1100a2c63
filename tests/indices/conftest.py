"""State databases on both engines."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine


def _load_servers() -> object:
    """`tests/servers/postgres.py`, wherever pytest was started."""
    path = Path(__file__).parents[1] / "servers" / "postgres.py"
    spec = importlib.util.spec_from_file_location("tests_servers_postgres", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_servers = _load_servers()
postgres_server = _servers.postgres_server  # type: ignore[attr-defined]
postgres_url = _servers.postgres_url  # type: ignore[attr-defined]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty state database, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A state database with the tables of intake and ledger."""
    import indices.intake.inbox
    import indices.ledger  # noqa: F401 - both declare their tables
    from indices.database import connect, make_declared_tables

    engine = connect(database_url)
    make_declared_tables(engine)
    yield engine
    engine.dispose()
