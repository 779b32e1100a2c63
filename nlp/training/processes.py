"""Processes that work on one thing together: they live and die as one.

- A member that dies or fails ends the others, and `together` with an error; nobody waits for the dead.
- Members end by themselves once their parent is gone, however it went.
- Ctrl-C, which a terminal sends to all of them, is left to the parent; it asks member 0 to stop through `stopped`.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any, Final, NoReturn

from models.errors import MinshengError, TrainingStopped

Report = Callable[..., None]
Stopped = Callable[[], bool]

_LOOK_SECONDS: Final = 0.5  # how often `stopped` is asked between two reports
_GRACE_SECONDS: Final = 1.0  # who fails because another died is seen after it within this
_FAREWELL_SECONDS: Final = 30.0  # for a member that is done to give back what it holds
_PARENT_GONE: Final = 70  # exit status
_LAST: Final = -1_000  # among what a process gives back at its end
_REPORT, _DONE, _REFUSED, _FAILED = range(4)  # what a member sends

log = logging.getLogger(__name__)


def together(
    number: int, work: Callable[..., Any], arguments: tuple[Any, ...], report: Report, stopped: Stopped
) -> Any:
    """Call work(*arguments, rank, report, stopped) in `number` new processes; what member 0 gives back.

    What member 0 reports arrives in `report`, and what `stopped` answers here is passed on to it; the others report nothing.

    Args:
        work: a function of a module; it, its arguments, its reports and its result must pickle.

    Raises:
        MinshengError: as a member raised it.
        TrainingStopped: a member died or failed.
    """
    context = multiprocessing.get_context("spawn")
    members: dict[Connection, BaseProcess] = {}
    try:
        for rank in range(number):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_member, args=(theirs, rank, work, arguments), daemon=True)
            members[ours] = process
            process.start()
            theirs.close()
        result = _listen(members, report, stopped)
        _wait(members, _FAREWELL_SECONDS)
        return result
    finally:
        for ours, process in members.items():
            if process.pid is not None:
                process.kill()
                process.join()
            ours.close()


def average(model: Any, processes: int, *numbers: float) -> tuple[float, ...]:
    """Gradients of a model in all processes averaged in place, in one exchange; the means of `numbers` with them."""
    import torch

    weights = list(model.parameters())
    gradients = [weight.grad if weight.grad is not None else torch.zeros_like(weight) for weight in weights]
    flat = torch.cat([*(gradient.ravel() for gradient in gradients), gradients[0].new_tensor(numbers)])
    torch.distributed.all_reduce(flat)
    flat /= processes
    start = 0
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = flat[start : start + gradient.numel()].view_as(gradient)
        start += gradient.numel()
    return tuple(flat[start:].tolist())


def _listen(members: Mapping[Connection, BaseProcess], report: Report, stopped: Stopped) -> Any:
    first = next(iter(members))
    busy, result, asked = list(members), None, False
    while busy:
        for line in wait(busy, _LOOK_SECONDS):
            assert isinstance(line, Connection)
            try:
                kind, *content = line.recv()
            except (EOFError, ConnectionError):
                _give_up(members, line, "")
            if kind == _REPORT:
                report(*content)
            elif kind == _REFUSED:
                raise content[0](**content[1])
            elif kind == _FAILED:
                _give_up(members, line, content[0])
            else:
                busy.remove(line)
                result = content[0] if line is first else result
        if not asked and stopped():
            asked = True
            first.send(None)
    return result


def _give_up(members: Mapping[Connection, BaseProcess], line: Connection, trace: str) -> NoReturn:
    """Name the member that was the first to go: one that was killed, before those that failed for want of it."""
    _wait(members, _GRACE_SECONDS)
    codes = {rank: process.exitcode for rank, process in enumerate(members.values(), 1)}
    for rank, code in codes.items():
        if code is not None and code < 0:
            raise TrainingStopped(reason=f"第 {rank} 个进程被信号 {-code} 结束，常见原因是内存不够（可减少进程数）")
    rank = list(members).index(line) + 1
    if trace:
        log.error("training process failed: rank=%d\n%s", rank, trace)
        raise TrainingStopped(reason=f"第 {rank} 个进程出错（{trace.splitlines()[-1]}）")
    raise TrainingStopped(reason=f"第 {rank} 个进程意外结束，退出码 {codes[rank]}")


def _wait(members: Mapping[Connection, BaseProcess], seconds: float) -> None:
    """Until all have ended, at most so long."""
    end = time.monotonic() + seconds
    for process in members.values():
        process.join(max(0.0, end - time.monotonic()))


def _member(line: Connection, rank: int, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    first = rank == 0
    report: Report = (lambda *content: line.send((_REPORT, *content))) if first else (lambda *_: None)
    stopped: Stopped = line.poll if first else (lambda: False)
    Finalize(None, _leave, (), exitpriority=_LAST)
    try:
        result = work(*arguments, rank, report, stopped)
    except MinshengError as error:
        line.send((_REFUSED, type(error), error.fields))
    except Exception:  # noqa: BLE001 - the outer loop of a process
        line.send((_FAILED, traceback.format_exc()))  # the parent tells of it
    else:
        line.send((_DONE, result if first else None))


def _leave() -> None:
    """End at once: a thread of C++ that the interpreter stops on its way out aborts the process ("terminate called without an
    active exception"), and all is told by now.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(_PARENT_GONE)
