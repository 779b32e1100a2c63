"""The town's web, a house beside it, and the command that crawls, in a process of its own as in life."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from models.item import Item
from models.settings import Settings

ROOT = Path(__file__).parents[3]


def as_toml(table: Mapping[str, Any]) -> str:
    """A definition as a file."""
    plain = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in table.items()
        if not isinstance(value, dict)
    ]
    parts = [f"\n[{key}]" + "".join(f"\n{name} = {json.dumps(one, ensure_ascii=False)}" for name, one in value.items())
             for key, value in table.items() if isinstance(value, dict)]  # fmt: skip
    return "\n".join([*plain, *parts]) + "\n"


class Desk:
    """A house with sources, and whoever gives commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path: list[str] = []
        self.path_of_programs = ""
        (home / "sources").mkdir(parents=True, exist_ok=True)

    def put(self, table: Mapping[str, Any]) -> Path:
        path = self.home / "sources" / f"{table['name']}.toml"
        path.write_text(as_toml(table), encoding="utf-8")
        return path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "api.cli", *words]

    @property
    def env(self) -> dict[str, str]:
        return {
            "MINSHENG_HOME": str(self.home),
            "PATH": self.path_of_programs,
            "LANG": "C.UTF-8",
            "PYTHONPATH": ":".join([str(ROOT), *self.path]),
        }

    def run(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            self.command(*words), env=self.env, capture_output=True, text=True, timeout=110, check=False, cwd=ROOT
        )
        assert done.returncode == status, done.stderr or done.stdout
        return done.stdout + done.stderr

    def crawl(self, *names: str) -> str:
        return self.run("crawl", *(word for name in names for word in ("--source", name)))

    def items(self, source: str) -> list[Item]:
        """All that came in since the last call, in the order in which they came."""
        with House(Settings(home=self.home), read_only=True) as house:
            return [leased.item for leased in house.inbox.lease(100_000, "t") if leased.item.source == source]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
