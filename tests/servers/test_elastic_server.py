"""The servers of the tests themselves: nothing stays behind, whatever becomes of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import elastic, elastic_files
from tests.servers.keeper import alive

KEEPER = Path(elastic.KEEPER)


def spec(folder: Path, also: Path) -> subprocess.Popen[bytes]:
    """A keeper of a sleeper that stands for a server; its process id is in FOLDER/sleeper."""
    (folder / "users").mkdir(parents=True)
    command = ["sh", "-c", f"echo $$ > {folder}/sleeper; sleep 600 & wait"]
    text = {"commands": [command], "environment": dict(os.environ), "remove": [str(folder), str(also)]}
    (folder / "spec.json").write_text(json.dumps(text))
    user = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "users" / str(user.pid)).touch()
    return user


@pytest.mark.parametrize("end", ["killed", "left"])
def test_the_keeper_ends_with_its_last_user(tmp_path: Path, end: str) -> None:
    folder, also = tmp_path / "kept", tmp_path / "also"
    also.mkdir()
    user = spec(folder, also)
    keeper = subprocess.Popen([sys.executable, str(KEEPER), str(folder)], start_new_session=True)
    try:
        until(
            lambda: (folder / "sleeper").exists() and (folder / "sleeper").read_text().strip() != ""
        )  # made, then written
        sleeper = int((folder / "sleeper").read_text())
        time.sleep(3 * 0.2)
        assert keeper.poll() is None, "it stays while it is used"
        if end == "killed":
            user.send_signal(signal.SIGKILL)  # not waited for: a zombie does not count
        else:
            (folder / "users" / str(user.pid)).unlink()
        keeper.wait(5)
        assert not alive(sleeper)
        assert not folder.exists()
        assert not also.exists()
    finally:
        user.kill()
        user.wait()
        keeper.kill()
        keeper.wait()


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_an_address_from_the_environment_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSHENG_TEST_ELASTIC_9", "https://u:p@search.example:9243")
    server = elastic.shared("9.2.0")
    assert (server.url, server.user, server.password, server.folder) == ("https://search.example:9243", "u", "p", None)
    assert elastic.elastic_server("9") == "https://u:p@search.example:9243"


def test_no_java_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(elastic_files.NoServer, match="no Java 99 or newer"):
        elastic_files.java_home(99)


def test_no_server_and_no_maven_is_a_reason_to_skip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(elastic_files, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(elastic_files.NoServer, match="mvn"):
        elastic_files.install("8.19.5")
