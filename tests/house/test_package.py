"""The house: six packages, flat; every dependency with its reason; files and functions of a size to read."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "crawlers", "dashboards", "indices", "models", "nlp")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts
)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "base"}


def test_the_wheel_holds_the_six_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tuple(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(PACKAGES)


def test_the_installed_modules_are_these() -> None:
    for package in PACKAGES:
        module = __import__(package)
        assert Path(module.__file__ or "").is_relative_to(ROOT)


def test_every_dependency_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if re.match(r'^  "[\w.\[\]-]+\s*[<>=!~]', line)]
    assert len(requirements) > 20
    assert [line for line in requirements if "#" not in line] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_noun_or_verb_of_readable_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stem not in FORBIDDEN_NAMES
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is"


def test_functions_are_mostly_short() -> None:
    nodes = [node for path in MODULES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for node in functions]
    assert sum(length > 35 for length in lengths) <= 0.1 * len(lengths)


def test_what_swallows_every_exception_stands_in_outer_loops_only() -> None:
    """A handler that raises again gives resources back; one that does not must be the outer loop of a process."""
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    }
    assert found <= {
        "indices/intake/worker.py",
        "indices/intake/watch.py",
        "api/scheduler.py",
        "nlp/training/processes.py",
    }
