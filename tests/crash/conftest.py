"""A mother of processes that are killed, how many of them, and the figures that are printed at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine


class Mother:
    """Starts children by name and kills them."""

    def __init__(self) -> None:
        here = Path(__file__)
        environment = os.environ | {"PYTHONPATH": str(here.parents[2])}
        self._process = subprocess.Popen(
            [sys.executable, str(here.with_name("children.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment, start_new_session=True,
        )  # fmt: skip
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def bear(self, child: str, **arguments: Any) -> int:
        """The process id of a new child."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"child": child} | arguments) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def kill(self, pid: int) -> None:
        """kill -9; the child must have lived until now."""
        assert self._state(pid) != "Z", "the child died by itself"
        os.kill(pid, signal.SIGKILL)
        while self._state(pid) != "Z":
            time.sleep(0.001)

    @staticmethod
    def _state(pid: int) -> str:
        with suppress(FileNotFoundError, ProcessLookupError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return "Z"

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


@pytest.fixture(scope="session")
def mother() -> Iterator[Mother]:
    mother = Mother()
    yield mother
    mother.close()


@pytest.fixture(scope="session")
def kills() -> int:
    """How many processes are killed in each test: a few, or MINSHENG_CRASH_KILLS (`make crash`: 200)."""
    return int(os.environ.get("MINSHENG_CRASH_KILLS", "10"))


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    import indices.intake.inbox
    import indices.ledger  # noqa: F401 - both declare their tables
    from indices.database import connect, make_declared_tables

    engine = connect(database_url)
    make_declared_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Keeps a sentence with a figure for the end of the run (`pytest -rP` shows it)."""

    def keep(sentence: str) -> None:
        print(sentence)  # noqa: T201 - shown by -rP

    return keep
