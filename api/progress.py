"""Progress of long commands: a bar on a terminal, lines elsewhere; always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LINE_SECONDS: Final = 30.0  # between two lines of `share`


@contextmanager
def steps(total: int) -> Iterator[Callable[[str], None]]:
    """A function that names the step that begins now; `total` is how many there will be, about."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name: console.print(name, highlight=False, soft_wrap=True)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, description=name, advance=1)
        bar.update(task, completed=total)


class Share:
    """How much of a work is done, and how long the rest will take at the pace since the first word of it."""

    def __init__(
        self, write: Callable[[float, str], None], every_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`write`: shows a part 0 … 1 and a text; not more often than `every_seconds`, but for names and the end."""
        self._write, self._every_seconds, self._clock = write, every_seconds, clock
        self._first: tuple[float, float] | None = None
        self._next = float("-inf")

    def say(self, name: str) -> None:
        """The step of the preparation that begins now."""
        self._write(0.0, name)

    def at(self, part: float, text: str) -> None:
        """So much is done, and what there is to say about it."""
        now = self._clock()
        start, before = self._first = self._first or (now, part)
        if now < self._next and part < 1:
            return
        self._next = now + self._every_seconds
        left = (now - start) * (1 - part) / (part - before) if part > before else None
        self._write(part, f"{part:.1%}  {text}  还需 {'—' if left is None else duration(left)}")


@contextmanager
def share() -> Iterator[Share]:
    """A bar that says how much is done, on a terminal; elsewhere a line every `LINE_SECONDS`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Share(lambda _, text: console.print(text, highlight=False, soft_wrap=True), LINE_SECONDS)
        return
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=1.0)
        yield Share(lambda part, text: bar.update(task, completed=part, description=text), 0.0)


def duration(seconds: float) -> str:
    """H:MM:SS; the hours may be many."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
