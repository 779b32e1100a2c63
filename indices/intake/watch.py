"""The watched folder: files that people or other systems put there are taken in and moved to done/ or failed/.

Taking the same file in twice is harmless (the same items, counted once), so a death at any point needs no repair: the
file still lies there and is taken again.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.errors import MinshengError, Retry

log = logging.getLogger("minsheng.watch")

STABLE_SECONDS = 3.0
"""A file that neither grew nor changed for so long is complete; copies over a network pause for less than a second."""
_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: where it lies now, how many items it gave, and why it failed, if it did."""

    path: Path
    items: int = 0
    reason: str = ""


class WatchedFolder:
    """`importer(path)` takes a file in and returns the number of its items.

    An error of the Retry family leaves the file where it is; any other one moves it to failed/, with the reason beside it in
    `NAME.reason.txt`.
    """

    def __init__(
        self, folder: Path, importer: Callable[[Path], int], *, stable_seconds: float = STABLE_SECONDS
    ) -> None:
        self.folder = folder
        self.importer = importer
        self.stable_seconds = stable_seconds

    def look(self) -> list[Taken]:
        """Take in every file that stays as it is for `stable_seconds`, in order of their names."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self._files()
        if not before:
            return []
        time.sleep(self.stable_seconds)
        now = self._files()
        stable = [path for path, state in sorted(before.items()) if now.get(path) == state]
        return [taken for path in stable if (taken := self._take(path, before[path])) is not None]

    def _files(self) -> dict[Path, tuple[int, int, int]]:
        """Files that may be meant for us, with what changes when they do. Links and hidden files are not followed."""
        found = {}
        for path in self.folder.iterdir():
            name = path.name.lower()
            if not name.startswith((".", "~")) and not name.endswith(_UNFINISHED) and (state := _state(path)):
                found[path] = state
        return found

    def _take(self, path: Path, state: tuple[int, int, int]) -> Taken | None:
        try:
            items = self.importer(path)
        except Retry as error:
            log.warning("watch.later", extra={"code": error.code})
            return None
        except MinshengError as error:
            return self._fail(path, str(error))
        except Exception as error:  # noqa: BLE001 - one strange file must not keep the others out
            log.error("watch.failed", extra={"error": type(error).__name__})
            return self._fail(path, f"MS000 内部错误：{type(error).__name__}: {error}")
        if _state(path) != state:
            return None  # written to meanwhile, or taken by another process: next time, if it is still there
        return Taken(_move(path, self.folder / "done"), items)

    def _fail(self, path: Path, reason: str) -> Taken | None:
        if _state(path) is None:
            return None
        moved = _move(path, self.folder / "failed")
        moved.with_name(f"{moved.name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
        return Taken(moved, reason=reason)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def _move(path: Path, folder: Path) -> Path:
    """Into `folder`, under a free name."""
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    return path.rename(target)


def describe(taken: Sequence[Taken]) -> str:
    """One line for people."""
    good = [one for one in taken if not one.reason]
    return f"收入 {len(good)} 个文件共 {sum(one.items for one in good)} 件，失败 {len(taken) - len(good)} 个。"
