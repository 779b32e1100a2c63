"""What came in is kept before the next page is read: raw answer, items, frontier, in this order, so that a death between two of them repeats
a page and never loses one.

Pages that come while a commit is under way are kept together by the next one: at a polite pace each page has a commit of its own, at full
speed many share one, and the loop that speaks with the sites never waits for a disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from crawlers.archive.archive import Answer, Archive
from crawlers.patience import Accept, patiently
from indices.collection.frontier import Frontier, Visit
from models.item import Item

FULL: Final = 8
BUSY_SECONDS: Final = 0.05
LINGER_SECONDS: Final = 0.02
"""How long a page waits for others to be kept with, where the last commit is hardly over: what a death may have fetched twice grows by so
much at full speed, and by nothing at a polite pace."""


@dataclass(frozen=True, slots=True)
class Kept:
    visit: Visit
    items: Sequence[Item] = ()
    answer: Answer | None = None


class Keeper:
    """One source's. `keep` is awaited; all else happens in one thread of its own."""

    def __init__(
        self, frontier: Frontier, accept: Accept, archive: Archive | None, round_number: int, *, sealed: bool = False
    ) -> None:
        self._frontier, self._accept, self._archive, self._round = frontier, accept, archive, round_number
        self._sealed = sealed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"keep-{frontier.source}")
        self._waiting: list[tuple[Kept, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._wrote = 0.0
        self._hurry = asyncio.Event()
        self.items = 0

    async def keep(self, kept: Kept) -> None:
        """Returns when it is on the disk. Raises InboxFull where it stays full, DatabaseBusy, OSError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((kept, done))
        if kept.visit.found or kept.visit.following or len(self._waiting) >= FULL:
            self._hurry.set()  # others wait for what it found
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._work())
        await done

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Something else with the database, in the same thread, after what is being kept."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        while self._waiting:
            if time.monotonic() - self._wrote < BUSY_SECONDS:  # pages come one upon the other: some share a commit
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), LINGER_SECONDS)
            self._hurry.clear()
            batch, self._waiting = self._waiting, []
            pages = [kept for kept, _ in batch]
            writing = asyncio.get_running_loop().run_in_executor(self._thread, self._write, pages)
            await asyncio.wait([writing])
            self._wrote = time.monotonic()
            for _, done in batch:  # whoever awaits a page is told, whatever it was
                if error := writing.exception():
                    done.set_exception(error)
                else:
                    done.set_result(None)

    def _write(self, batch: Sequence[Kept]) -> None:
        if self._archive is not None and (answers := [one.answer for one in batch if one.answer]):
            self._archive.add(self._frontier.source, answers, sealed=self._sealed)
        if items := [item for one in batch for item in one.items]:
            self.items += patiently(self._accept, items)
        self._frontier.keep([one.visit for one in batch], self._round, time.time())
