"""Imports run one way; heavy libraries load only where they are used (promise S12)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "transformers",
    "bertopic",
    "scrapy",
    "twisted",
    "pandas",
    "sklearn",
    "pyarrow",
    "elasticsearch",
    "scipy",
    "docx",
    "openpyxl",
}


def test_imports_run_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "module", ["api.app", "api.cli", "api.scheduler", "models.record", "nlp", "indices", "crawlers", "dashboards"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_loading_every_command_loads_nothing_heavy() -> None:
    code = (
        "import sys; from api.cli import load_commands; load_commands(); print(*{n.split('.')[0] for n in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not (HEAVY | {"numpy", "scipy", "sqlalchemy", "tantivy", "fastapi", "jieba"}) & loaded


def test_the_state_database_is_reached_by_its_own_doors() -> None:
    """`reading` and `writing` make one error of ours of a database that is away; a connection of one's own makes a 500 of it."""
    packages = ("api", "crawlers", "dashboards", "indices", "models", "nlp")
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    doors = ROOT / "indices" / "database.py"
    own = re.compile(r"(?:engine|database)\.(?:begin|connect|raw_connection)\(")
    assert own.search(doors.read_text(encoding="utf-8"))
    assert [str(path) for path in files if path != doors and own.search(path.read_text(encoding="utf-8"))] == []
