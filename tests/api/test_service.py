"""The processes of one machine, as real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from api.service import Children, bind
from models.errors import BadSetting

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(parent: int, words: str) -> list[int]:
    """Children whose command line holds the words: a test process has others, the servers of other tests among them."""
    lines = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = [line.split(maxsplit=2) for line in lines]
    return [int(pid) for pid, ppid, *command in found if int(ppid) == parent and words in " ".join(command)]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_port_that_is_taken_is_named_or_another_one_found() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(BadSetting, match=f"127.0.0.1:{port}"):
            bind("127.0.0.1", port)
        with bind("127.0.0.1", port, any_free=True) as other:
            assert other.getsockname()[1] != port


def test_a_child_that_dies_is_started_again_and_all_end_with_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.service.RESTART_SECONDS", 0.1)
    name = f"child-of-{os.getpid()}"
    sleeping = ["-c", "import time; time.sleep(60)", name]
    keeper = Children(["x"])
    keeper._commands[0][:] = [sys.executable, *sleeping]
    with keeper:
        deadline = time.monotonic() + 20
        while not (first := children_of(os.getpid(), name)) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(first[0], signal.SIGKILL)
        while (not (second := children_of(os.getpid(), name)) or second == first) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert second != first
    assert not alive(second[0])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_whole_house_starts_answers_and_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    env = {**os.environ, "MINSHENG_HOME": str(tmp_path), "MINSHENG_JOBS": "expire"}
    house = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "run", "--port", str(port)], cwd=ROOT, env=env, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                assert answer.status == 200
            break
        except OSError:
            time.sleep(0.2)
    while len(started := children_of(house.pid, "api.cli")) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(started) == 2
    house.send_signal(number)
    assert house.wait(40) == 0
    assert not any(alive(child) for child in started)
