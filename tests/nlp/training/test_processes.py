"""What `together` promises, with members that are ours: quick, since nothing heavy is imported in them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadFile, TrainingStopped
from nlp.training.processes import together

Report = Callable[..., None]
ROOT = Path(__file__).parents[3]


held: list[Any] = []


def never() -> bool:
    return False


def nothing(*_: object) -> None:
    return None


def count(limit: int, rank: int, report: Report, stopped: Callable[[], bool]) -> str:
    for number in range(limit):
        report(rank, number)
    return f"member {rank}, stop {stopped()}"


def until_stopped(path: Path, rank: int, report: Report, stopped: Callable[[], bool]) -> int:
    """The first waits for the word; the other for the file that the first writes then."""
    for turn in range(10_000):
        if rank == 0:
            report(turn)
            if stopped():
                path.write_text("stop")
        if path.exists():
            return turn
        time.sleep(0.01)
    return -1


def refuse(rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    if rank == 1:
        raise BadFile(file="x.pt", reason="坏了")
    time.sleep(600)


def fail(rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    if rank == 1:
        raise KeyError("no such thing")
    time.sleep(600)


def die(how: int, rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    if rank == 1:
        os.kill(os.getpid(), how)
    time.sleep(0.2)
    raise RuntimeError("the other one is gone")


def leave(rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    if rank == 0:
        os._exit(7)
    time.sleep(600)


def hold(rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    """What takes half a second to be given back."""
    held.append(multiprocessing.get_context("spawn").Semaphore())
    Finalize(None, time.sleep, (0.5,), exitpriority=100)


def say_at_the_end(rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    atexit.register(print, "taken down", file=sys.stderr)


def linger(folder: Path, rank: int, report: Report, stopped: Callable[[], bool]) -> None:
    (folder / f"{rank}.part").write_text(str(os.getpid()))
    (folder / f"{rank}.part").replace(folder / f"{rank}.pid")
    time.sleep(600)


def test_the_first_member_reports_and_answers() -> None:
    seen: list[Any] = []
    assert together(3, count, (4,), lambda *content: seen.append(content), never) == "member 0, stop False"
    assert seen == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_the_word_to_stop_reaches_it(tmp_path: Path) -> None:
    seen: list[int] = []
    turn = together(2, until_stopped, (tmp_path / "stop",), seen.append, lambda: len(seen) > 3)
    assert 3 <= turn == len(seen) - 1, "it had reported 0 … 3 when it was asked to"


def test_an_error_of_our_own_comes_as_it_is() -> None:
    with pytest.raises(BadFile) as error:
        together(2, refuse, (), nothing, never)
    assert error.value.fields == {"file": "x.pt", "reason": "坏了"}


def test_any_other_error_is_named_and_its_trace_logged(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TrainingStopped, match="第 2 个进程出错（KeyError: 'no such thing'）"):
        together(2, fail, (), nothing, never)
    assert "in fail" in caplog.text


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_dying_member_ends_the_others_and_is_the_one_named(how: int) -> None:
    began = time.monotonic()
    with pytest.raises(TrainingStopped, match=f"第 2 个进程被信号 {how:d} 结束"):
        together(3, die, (how,), nothing, never)
    assert time.monotonic() - began < 60
    assert children() == set()


def test_a_member_that_leaves_without_a_word_is_named() -> None:
    with pytest.raises(TrainingStopped, match="第 1 个进程意外结束，退出码 7"):
        together(2, leave, (), nothing, never)
    assert children() == set()


def test_an_error_in_the_report_ends_the_members() -> None:
    def report(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together(2, count, (4,), report, never)
    assert children() == set()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_members_do_not_outlive_their_parent(how: int, tmp_path: Path) -> None:
    parent = start_parent(tmp_path)
    members = pids(tmp_path)
    parent.send_signal(how)
    parent.communicate(timeout=30)
    wait_for(lambda: not any(map(alive, members)), "a member lives on")


def test_members_leave_ctrl_c_to_their_parent(tmp_path: Path) -> None:
    parent = start_parent(tmp_path)
    members = pids(tmp_path)
    for member in members:
        os.kill(member, signal.SIGINT)
    time.sleep(0.5)
    assert all(map(alive, members))
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    wait_for(lambda: not any(map(alive, members)), "a member lives on")


def test_members_that_are_done_give_back_what_they_hold(tmp_path: Path) -> None:
    parent = start_parent(tmp_path, "hold, ()")
    _, errors = parent.communicate(timeout=60)
    assert (parent.returncode, errors) == (0, "")


def test_the_interpreter_of_a_member_is_not_taken_down(tmp_path: Path) -> None:
    """What waits for that, as threads of C++ do, would abort it."""
    parent = start_parent(tmp_path, "say_at_the_end, ()")
    _, errors = parent.communicate(timeout=60)
    assert (parent.returncode, errors) == (0, "")


def start_parent(folder: Path, work: str = "") -> subprocess.Popen[str]:
    code = f"""if __name__ == "__main__":
    from pathlib import Path
    from tests.nlp.training.test_processes import hold, linger, never, nothing, say_at_the_end
    from nlp.training.processes import together
    together(2, {work or f"linger, (Path({str(folder)!r}),)"}, nothing, never)
"""
    (folder / "parent.py").write_text(code)
    return subprocess.Popen([sys.executable, str(folder / "parent.py")], stderr=subprocess.PIPE, text=True,
                            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip


def pids(folder: Path) -> set[int]:
    paths = [folder / "0.pid", folder / "1.pid"]
    wait_for(lambda: all(path.exists() for path in paths), "the members did not start")
    return {int(path.read_text()) for path in paths}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children() -> set[int]:
    """Those of this process that the tests of this file began, without the tracker that multiprocessing keeps."""
    return _children() - EARLIER


def _children() -> set[int]:
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()}


EARLIER: set[int] = set()  # what other tests of this process keep: servers, a browser


@pytest.fixture(autouse=True, scope="module")
def earlier() -> None:
    EARLIER.update(_children())


def wait_for(condition: Callable[[], bool], complaint: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(0.02)
