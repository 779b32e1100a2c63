"""How a process that runs for long is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call it in the main thread."""
    stop = threading.Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def stop_or_interrupt(begun: Callable[[], bool]) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set once there is something to bring to an end (`begun`). Before that, and when it is
    set already, they interrupt at once. Enter it in the main thread.
    """
    stop = threading.Event()

    def handle(*_: object) -> None:
        if stop.is_set() or not begun():
            raise KeyboardInterrupt
        stop.set()

    before = [(number, signal.signal(number, handle)) for number in _SIGNALS]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)
