"""What a real Elasticsearch server needs on this machine: its unpacked files, fetched once by Maven, a Java new enough, a folder for its data."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

JAVA_AT_LEAST = {"8": 17, "9": 21}
ARTEFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip"
ROOM_BYTES = 2_000_000_000


class NoServer(Exception):
    """Why no server can be had here."""


def cache_folder() -> Path:
    """The user's cache; root's own is closed to the unprivileged user that the server runs as."""
    if os.geteuid() == 0:
        return Path("/var/cache/minsheng/servers")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minsheng" / "servers"


def java_home(at_least: int) -> Path:
    """The oldest installed Java that is new enough."""
    found: dict[int, Path] = {}
    homes = [Path(home)] if (home := os.environ.get("JAVA_HOME")) else []
    for folder in [*homes, *sorted(Path("/usr/lib/jvm").glob("*"))]:
        if not (folder / "bin" / "java").exists():
            continue
        shown = subprocess.run(
            [folder / "bin" / "java", "-version"], capture_output=True, text=True, check=False
        ).stderr
        if version := re.search(r'version "(\d+)', shown):
            found.setdefault(int(version[1]), folder)
    fit = [number for number in sorted(found) if number >= at_least]
    if not fit:
        raise NoServer(f"no Java {at_least} or newer (found: {sorted(found) or 'none'})")
    return found[fit[0]]


def data_folder() -> Path:
    """In memory where there is room: index creation is a row of fsyncs. (kill -9 loses nothing there; power loss is not tested.)"""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    return memory if roomy else Path(tempfile.gettempdir())


def install(version: str) -> Path:
    """The unpacked server, fetched where it is not there yet."""
    home = cache_folder() / f"elasticsearch-{version}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.parent / f"{version}.lock"):
        if not home.exists():
            archive = fetch(version)
            with tempfile.TemporaryDirectory(dir=home.parent) as part:
                shutil.unpack_archive(archive, part, "zip")
                for entry in Path(part).rglob("*"):
                    entry.chmod(0o755 if entry.is_dir() or entry.parent.name == "bin" else 0o644)
                (Path(part) / home.name).rename(home)
    return home


def fetch(version: str) -> Path:
    """The artefact in the local Maven repository."""
    archive = Path.home() / ".m2/repository/org/elasticsearch/distribution/integ-test-zip/elasticsearch"
    archive = archive / version / f"elasticsearch-{version}.zip"
    if not archive.exists():
        if not shutil.which("mvn"):
            raise NoServer(f"no Elasticsearch {version} in {cache_folder()} and no Maven (mvn) to fetch it")
        order = ["mvn", "-q", "dependency:get", f"-Dartifact={ARTEFACT.format(version=version)}", "-Dtransitive=false"]
        done = subprocess.run(order, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode or not archive.exists():
            raise NoServer(f"Maven could not fetch Elasticsearch {version}: {done.stdout[-300:].strip()}")
    return archive


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among the processes that lock the same file."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
