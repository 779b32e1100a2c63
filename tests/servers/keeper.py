"""Keeps servers alive for as long as a test process uses them, and ends them whatever becomes of that process.

Run as `python keeper.py FOLDER`. FOLDER/spec.json names the commands and the folders to remove in the end; FOLDER/users/ holds one
empty file per process that uses the servers, named by its process id. When none of those processes lives any more, every server is
killed with its whole group. So neither a crash nor a `kill -9` of the test run leaves a server behind, and the workers of one
parallel run share one server.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

LOOK_EVERY_SECONDS = 0.2


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def users(folder: Path) -> list[int]:
    return [int(entry.name) for entry in (folder / "users").iterdir()]


def keep(folder: Path) -> None:
    """Start what spec.json names, wait for the last user to leave, end it all."""
    spec = json.loads((folder / "spec.json").read_text())
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(spec["commands"]):
            with (folder / f"console-{number}.log").open("wb") as console:
                running.append(
                    subprocess.Popen(
                        command, env=spec["environment"], cwd=folder, stdin=subprocess.DEVNULL, stdout=console,
                        stderr=subprocess.STDOUT, start_new_session=True,
                    )
                )  # fmt: skip
        while any(alive(pid) for pid in users(folder)):
            for process in running:
                process.poll()
            time.sleep(LOOK_EVERY_SECONDS)
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for place in spec["remove"]:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the test run's; the end of its processes is ours
    keep(Path(sys.argv[1]))
