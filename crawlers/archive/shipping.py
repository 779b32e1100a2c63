"""Closed days of the archive to another place, by fsspec: a mounted share, S3 and what speaks like it, SFTP, …

A day goes whole: its files, then their indices; each is read back and compared before the local one is removed. A break at any point leaves
every day here or there, and running again finishes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from crawlers.archive.day_files import DayFiles
from models.errors import BadSetting, MissingPart, StoreUnavailable


def ship(files: DayFiles, url: str, before: date) -> Iterator[tuple[str, date, int]]:
    """Move every day before `before` to `url`; yields source, day and bytes of each that arrived.

    Raises:
        BadSetting: no such kind of place, or its library is not installed.
        StoreUnavailable: what arrived is not what was sent, or the place is away; the local files stay.
    """
    system, root = place(url)
    for source in files.sources():
        for day in files.days(source):
            if day >= before:
                continue
            local, size = files.files(source, day), 0
            for path in local:
                size += _send(system, path, f"{root}/{path.parent.name}/{path.name}")
            for path in reversed(local):
                path.unlink()
            yield source, day, size


def fetch(files: DayFiles, url: str, source: str, begin: date, end: date) -> int:
    """Bring a source's days back, for a replay; how many files came. Those that are here stay."""
    system, root = place(url)
    folder = files.folder_of(source)
    count = 0
    try:
        names = sorted(system.ls(f"{root}/{folder.name}", detail=False), key=lambda name: name.endswith(".index"))
    except FileNotFoundError:
        return 0
    for name in names:
        path = folder / name.rpartition("/")[2]
        if begin.isoformat() <= path.name[:10] <= end.isoformat() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = path.with_name(f".{path.name}.part")
            system.get_file(name, str(part))
            part.replace(path)
            count += 1
    return count


def place(url: str) -> tuple[Any, str]:
    """The file system and the folder that an address means."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingPart(part="fsspec", extra="s3") from None
    try:
        system, root = url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise BadSetting(name="MINSHENG_ARCHIVE_URL", value=url, reason=str(error)[:200]) from None
    return system, root.rstrip("/")


def _send(system: Any, path: Path, target: str) -> int:
    body = path.read_bytes()
    try:
        system.makedirs(target.rpartition("/")[0], exist_ok=True)
        if system.exists(target) and system.cat_file(target) != body:
            raise StoreUnavailable(engine="归档的远端", reason=f"{target} 已有而内容不同，没有覆盖；请人核对")
        system.pipe_file(target, body)
        arrived = system.cat_file(target)
    except OSError as error:
        raise StoreUnavailable(engine="归档的远端", reason=str(error)[:200]) from error
    if hashlib.sha256(arrived).digest() != hashlib.sha256(body).digest():
        raise StoreUnavailable(engine="归档的远端", reason=f"{path.name} 送到后与原件不符")
    return len(body)
