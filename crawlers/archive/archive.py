"""The archive as crawls, connectors and replays use it: answers of the web as WARC records, rows of systems as JSON lines under zstd."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from crawlers.archive.day_files import Chunk, DayFiles, Entry, first_day
from models.errors import MissingPart
from models.keys import kept_key
from models.labels import Grade

WARC: Final = ".warc.gz"
ROWS: Final = ".jsonl.zst"
PAGE: Final = "Minsheng-Page"
"""WARC header under which lies how the page was met: role, depth, what the list said."""
KEEP_DAYS: Final[dict[Grade, int]] = {
    Grade.GENERAL_1: 1_095, Grade.GENERAL_2: 730, Grade.GENERAL_3: 365, Grade.GENERAL_4: 180, Grade.IMPORTANT: 180, Grade.CORE: 90,
}  # fmt: skip
"""The more sensitive, the shorter: records and audit stay, the raw text goes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw answer of the web. `asked_at`: Unix seconds; `page`: role, depth and context with which it was asked for; `ids`: of the
    records that were read from it."""

    url: str
    asked_at: float
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    page: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[str] = ()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class Archive:
    """`key_file`: made where there is none. Without it nothing sealed can be read again, so it belongs into the backup."""

    def __init__(self, folder: Path, key_file: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.files = DayFiles(folder, kept_key(key_file))

    def add(self, source: str, answers: Sequence[Answer], *, sealed: bool = False) -> None:
        """Keep answers; sealed where the source is not public. Raises OSError where the disk is full: then they are not read either."""
        chunks = [
            Chunk(
                one.asked_at,
                _warc(one),
                {"url": one.url, "status": one.status, "role": one.page.get("role", ""), "ids": list(one.ids)},
            )
            for one in answers
        ]
        self.files.append(source, WARC, chunks, sealed=sealed)

    def add_rows(self, source: str, rows: Sequence[Mapping[str, Any]], at: float, **info: Any) -> None:
        """Keep rows as they came, with `info` about the whole batch. Always sealed: people's names and numbers stand in them."""
        import zstandard

        if not rows:
            return
        lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows).encode(
            "utf-8", "surrogatepass"
        )
        chunk = Chunk(at, zstandard.ZstdCompressor(level=6).compress(lines), {"rows": len(rows), **info})
        self.files.append(source, ROWS, [chunk], sealed=True)

    def answers(self, source: str, begin: date = date.min, end: date = date.max) -> Iterator[Answer]:
        """The answers that came on these days. Raises BadFile where one is not what was written."""
        for entry in self.files.entries(source, begin, end):
            if WARC in entry.file:
                yield _answer(self.files.read(source, entry), entry)

    def rows(
        self, source: str, begin: date = date.min, end: date = date.max
    ) -> Iterator[tuple[datetime, dict[str, Any], list[dict[str, Any]]]]:
        """Batches of rows with the moment at which they came and what was noted with them."""
        import zstandard

        for entry in self.files.entries(source, begin, end):
            if ROWS in entry.file:
                lines = zstandard.ZstdDecompressor().decompress(self.files.read(source, entry))
                rows = [json.loads(line) for line in lines.decode("utf-8", "surrogatepass").split("\n") if line]
                yield datetime.fromtimestamp(entry.at, UTC), dict(entry.info), rows

    def forget(self, grades: Mapping[str, Grade], today: date) -> dict[str, int]:
        """Remove what is older than its grade is kept (an unknown source as 一般3级); days removed by source."""
        gone = {}
        for source in self.files.sources():
            keep = KEEP_DAYS[grades.get(source, Grade.GENERAL_3)]
            if days := self.files.forget(source, first_day(keep, today)):
                gone[source] = days
        return gone


def _warc(answer: Answer) -> bytes:
    """A gzip member of one WARC/1.1 response record. The body is as it was read: transfer and content codings are undone."""
    try:
        from warcio.statusandheaders import StatusAndHeaders
        from warcio.warcwriter import WARCWriter
    except ImportError:
        raise MissingPart(part="warcio", extra="crawl") from None
    kept = [
        (name, value)
        for name, value in answer.headers
        if name.lower() not in ("content-length", "transfer-encoding", "content-encoding")
    ]
    http = StatusAndHeaders(
        f"{answer.status} -", [*kept, ("Content-Length", str(len(answer.body)))], protocol="HTTP/1.1"
    )
    when = datetime.fromtimestamp(answer.asked_at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=False, warc_version="1.1")
    extra = {"WARC-Date": when, PAGE: json.dumps(dict(answer.page))}
    record = writer.create_warc_record(
        answer.url, "response", payload=io.BytesIO(answer.body), http_headers=http, warc_headers_dict=extra
    )
    writer.write_record(record)
    record.raw_stream.close()  # the temporary file in which the library summed it up
    return gzip.compress(out.getvalue(), 6, mtime=0)  # at once: four times as fast as piece by piece


def _answer(chunk: bytes, entry: Entry) -> Answer:
    from warcio.archiveiterator import ArchiveIterator

    record = next(iter(ArchiveIterator(io.BytesIO(chunk))))
    page = json.loads(record.rec_headers.get_header(PAGE) or "{}")
    return Answer(url=record.rec_headers.get_header("WARC-Target-URI"), asked_at=entry.at, status=int(record.http_headers.get_statuscode()),
                  headers=tuple(record.http_headers.headers), body=record.content_stream().read(), page=page,
                  ids=tuple(entry.info.get("ids", ())))  # fmt: skip
