"""Imports run one way; heavy libraries load only where they are used (promise S12)."""

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
