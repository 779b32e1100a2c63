"""Files of one source and day that only grow, chunk by chunk, with an index beside them that says where each chunk lies and what it sums to.

    HOME/archive/<source>/2026-11-27.warc.gz         chunks: gzip members, each a WARC record
    HOME/archive/<source>/2026-11-27.warc.gz.index   a JSON line a chunk

A chunk counts once its line is in the index. What a death left behind it is cut off by the next writer, so a half-written chunk never stands
before a whole one. Sealed files hold each chunk encrypted (AES-256-GCM); their names end in `.sealed`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from models.clock import city_day
from models.errors import BadFile

INDEX: Final = ".index"
SEALED: Final = ".sealed"
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk. `at`: Unix seconds at which it came; `sha256`: of the bytes in the file; `info`: what finds it without reading it."""

    file: str
    at: float
    offset: int
    length: int
    sha256: str
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    at: float
    body: bytes
    info: Mapping[str, Any] = field(default_factory=dict)


class DayFiles:
    """The archive's folder. `key`: 32 bytes, for sealed files."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder, self._key = folder, key
        self._ends: dict[Path, int] = {}

    def sources(self) -> list[str]:
        return (
            sorted(unquote(path.name) for path in self.folder.iterdir() if path.is_dir())
            if self.folder.is_dir()
            else []
        )

    def append(self, source: str, suffix: str, chunks: Sequence[Chunk], *, sealed: bool) -> None:
        """Returns when the chunks and their lines are with the operating system. Raises OSError (a full disk), and nothing counts."""
        by_day: dict[date, list[Chunk]] = {}
        for chunk in chunks:
            by_day.setdefault(city_day(datetime.fromtimestamp(chunk.at, UTC)), []).append(chunk)
        for day, part in by_day.items():
            path = self.folder_of(source) / f"{day.isoformat()}{suffix}{SEALED if sealed else ''}"
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _locked(path) as file:
                end = self._clean_end(path, file)
                bodies = [_seal(self._key, chunk.body) if sealed else chunk.body for chunk in part]
                lines = []
                for chunk, body in zip(part, bodies, strict=True):
                    entry = Entry(path.name, chunk.at, end, len(body), hashlib.sha256(body).hexdigest(), chunk.info)
                    lines.append(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
                    end += len(body)
                file.write(b"".join(bodies))
                file.flush()
                with open(f"{path}{INDEX}", "a", encoding="utf-8") as index:
                    index.write("".join(lines))
                self._ends[path] = end

    def entries(self, source: str, begin: date = date.min, end: date = date.max) -> Iterator[Entry]:
        """The chunks that came on these days, both included, oldest first."""
        for path in sorted(self.folder_of(source).glob(f"*{INDEX}")):
            if begin.isoformat() <= path.name[:10] <= end.isoformat():
                yield from _lines(path)

    def read(self, source: str, entry: Entry) -> bytes:
        """A chunk's body. Raises BadFile where it is not what was written."""
        path = self.folder_of(source) / entry.file
        try:
            with path.open("rb") as file:
                file.seek(entry.offset)
                body = file.read(entry.length)
        except OSError as error:
            raise BadFile(file=entry.file, reason=f"归档读不出来（{error.strerror}）") from None
        if hashlib.sha256(body).hexdigest() != entry.sha256:
            raise BadFile(file=entry.file, reason=f"第 {entry.offset} 字节起的 {entry.length} 字节与校验和不符")
        return _open(self._key, body, entry.file) if entry.file.endswith(SEALED) else body

    def verify(self, source: str) -> tuple[int, list[str]]:
        """How many chunks are what was written, and a sentence for each that is not."""
        good, bad = 0, []
        for entry in self.entries(source):
            try:
                self.read(source, entry)
                good += 1
            except BadFile as error:
                bad.append(error.message)
        return good, bad

    def days(self, source: str) -> list[date]:
        return sorted({date.fromisoformat(path.name[:10]) for path in self.folder_of(source).glob(f"*{INDEX}")})

    def files(self, source: str, day: date) -> list[Path]:
        """A day's files, the indices last, so that whoever copies them never shows a chunk that is not there."""
        return sorted(
            self.folder_of(source).glob(f"{day.isoformat()}.*"), key=lambda path: (path.suffix == INDEX, path.name)
        )

    def forget(self, source: str, before: date) -> int:
        """Remove the days before; how many."""
        gone = [day for day in self.days(source) if day < before]
        for day in gone:
            for path in reversed(self.files(source, day)):
                path.unlink()
        with suppress(OSError):
            self.folder_of(source).rmdir()
        return len(gone)

    def folder_of(self, source: str) -> Path:
        """Where a source's files lie."""
        # A name of dots alone would be another folder.
        return self.folder / (quote(source, safe="") if source.strip(".") else source.replace(".", "%2E"))

    def _clean_end(self, path: Path, file: Any) -> int:
        """Where the next chunk goes: behind the last that the index knows; what lies behind that is cut off."""
        size = os.fstat(file.fileno()).st_size
        if self._ends.get(path) != size:
            index = Path(f"{path}{INDEX}")
            _cut_half_line(index)
            end = max((entry.offset + entry.length for entry in _lines(index)), default=0) if index.exists() else 0
            if size > end:
                file.truncate(end)
            size = end
        file.seek(size)
        return size


def first_day(keep_days: int, today: date) -> date:
    """The oldest day that is kept."""
    return today - timedelta(days=keep_days)


@contextmanager
def _locked(path: Path) -> Iterator[Any]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _lines(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return  # being written, or left by a death
            yield Entry(**json.loads(line))


def _cut_half_line(index: Path) -> None:
    if not index.exists():
        return
    with index.open("r+b") as file:
        body = file.read()
        if body and not body.endswith(b"\n"):
            file.truncate(body.rfind(b"\n") + 1)


def _seal(key: bytes, body: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, body, None)


def _open(key: bytes, body: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(body[:_NONCE], body[_NONCE:], None)
    except InvalidTag:
        raise BadFile(file=name, reason="用现在的 archive.key 打不开：密钥换过，或内容被改过") from None
