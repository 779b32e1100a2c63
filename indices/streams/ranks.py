"""Hourly hot-search lists: read from a file, kept as one sorted Parquet file a source.

Taking the same hours in again changes nothing; a file that is replaced is replaced as a whole, so a kill leaves the old one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.errors import BadFile, BadRequest

if TYPE_CHECKING:
    import pyarrow as pa

NAMES: Final = {
    "time": ("time", "at", "timestamp", "时间", "抓取时间"),
    "date": ("date", "day", "日期"),
    "hour": ("hour", "小时"),
    "rank": ("rank", "pos", "position", "排名", "名次"),
    "title": ("title", "word", "标题", "话题", "热搜词"),
    "heat": ("hot", "heat", "热度", "指数"),
    "paid": ("ads", "ad", "paid", "广告"),
}
"""Column names that are understood, ours first."""
CITY_SECONDS: Final = 8 * 3600
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did: rows read, paid places and empty titles left out, rows that were new, rows kept in all."""

    read: int
    left_out: int
    fresh: int
    kept: int


def read_ranks(path: Path) -> tuple[pa.Table, int, int]:
    """(at: Unix seconds of the hour, rank, title, heat), rows read, rows left out (paid places, empty titles, no rank).

    Raises:
        BadFile: neither Parquet nor CSV, a column is missing (all that are there are named), or a value cannot be read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _table(path)
    column = {what: next((name for name in names if name in table.column_names), None) for what, names in NAMES.items()}
    missing = [what for what in ("rank", "title") if column[what] is None]
    if column["time"] is None and column["date"] is None:
        missing.insert(0, "time")
    if missing:
        wanted = "；".join(f"{what} 可写作 {'、'.join(NAMES[what])}" for what in missing)
        raise BadFile(
            file=path.name, reason=f"缺少列 {'、'.join(missing)}（{wanted}）；文件里有 {'、'.join(table.column_names)}"
        )
    try:
        at = _hours(table, column)
        title = pc.utf8_trim_whitespace(pc.fill_null(pc.cast(table[column["title"]], pa.string()), ""))
        rank = pc.cast(table[column["rank"]], pa.int32())
        heat = pc.cast(table[column["heat"]], pa.int64()) if column["heat"] else pa.nulls(len(table), pa.int64())
        kept = pc.and_(pc.not_equal(title, ""), pc.and_(pc.is_valid(rank), pc.is_valid(at)))
        if column["paid"]:
            paid = pc.fill_null(pc.cast(table[column["paid"]], pa.bool_()), False)
            kept = pc.and_(kept, pc.invert(paid))
    except pa.ArrowInvalid as error:
        raise BadFile(file=path.name, reason=f"有读不懂的值：{str(error)[:120]}") from error
    made = pa.table({"at": at, "rank": rank, "title": title, "heat": pc.fill_null(heat, 0)}).filter(kept)
    return made, len(table), len(table) - len(made)


def take_in(folder: Path, source: str, path: Path) -> Taken:
    """Add a file's hours to those that are kept of a source; of two ranks of a title in one hour the better stays.

    Raises:
        BadRequest: a source name that is none.
        BadFile: as `read_ranks`.
    """
    if not _SOURCE.fullmatch(source):
        raise BadRequest(name="source", value=source[:40], reason="应为小写字母、数字、-、_，至多 40 个")
    import pyarrow as pa
    import pyarrow.parquet as pq

    fresh, read, left_out = read_ranks(path)
    known = load_ranks(folder, source)
    before = len(known) if known is not None else 0
    both = pa.concat_tables([known, fresh]) if known is not None else fresh
    best = both.group_by(["at", "title"]).aggregate([("rank", "min"), ("heat", "max")])
    made = best.rename_columns(["at", "title", "rank", "heat"]).select(["at", "rank", "title", "heat"])
    made = made.sort_by([("at", "ascending"), ("rank", "ascending"), ("title", "ascending")])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = folder / f".{source}.{os.getpid()}"
    pq.write_table(made, own, compression="zstd")
    own.replace(ranks_path(folder, source))
    return Taken(read, left_out, len(made) - before, len(made))


def first_seen(folder: Path, source: str) -> Iterator[tuple[str, datetime]]:
    """(title, its first hour) of everything that is kept of a source, in order of time."""
    table = load_ranks(folder, source)
    if table is None:
        return
    spans = (
        table.group_by("title").aggregate([("at", "min")]).sort_by([("at_min", "ascending"), ("title", "ascending")])
    )
    for title, at in zip(spans["title"].to_pylist(), spans["at_min"].to_pylist(), strict=True):
        yield title, datetime.fromtimestamp(at, UTC)


def load_ranks(folder: Path, source: str) -> pa.Table | None:
    """What is kept of a source, by hour and rank; None where there is nothing."""
    import pyarrow.parquet as pq

    path = ranks_path(folder, source)
    return pq.read_table(path) if path.exists() else None


def ranks_path(folder: Path, source: str) -> Path:
    return folder / f"{source}.ranks.parquet"


def sources_of(folder: Path) -> list[str]:
    """Sources of which something is kept."""
    return sorted(path.name.removesuffix(".ranks.parquet") for path in folder.glob("*.ranks.parquet"))


def _table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() == ".parquet":
            known = set(pq.read_schema(path).names)
            wanted = [name for names in NAMES.values() for name in names if name in known]
            return pq.read_table(path, columns=wanted or None)
        if path.suffix.lower() in (".csv", ".tsv"):
            return csv.read_csv(
                path, parse_options=csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            )
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise BadFile(file=path.name, reason=f"读不了：{str(error)[:120]}") from error
    raise BadFile(file=path.name, reason="应为 .parquet、.csv 或 .tsv")


def _hours(table: pa.Table, column: dict[str, str | None]) -> Any:
    """Unix seconds of the hour; times without a zone are the city's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column["time"] is not None:
        stamps = table[column["time"]]
        if pa.types.is_string(stamps.type) or pa.types.is_large_string(stamps.type):
            stamps = pc.cast(pc.cast(stamps, pa.string()), pa.timestamp("s"))
        zoned = getattr(stamps.type, "tz", None) is not None
        seconds = pc.cast(
            pc.cast(stamps, pa.timestamp("s", tz="UTC") if zoned else pa.timestamp("s"), safe=False), pa.int64()
        )
        seconds = seconds if zoned else pc.subtract(seconds, CITY_SECONDS)
    else:
        days = table[column["date"]]
        if not pa.types.is_date(days.type):
            days = pc.cast(pc.cast(pc.cast(days, pa.string()), pa.timestamp("s")), pa.date32())
        seconds = pc.subtract(pc.multiply(pc.cast(pc.cast(days, pa.int32()), pa.int64()), 86_400), CITY_SECONDS)
        if column["hour"] is not None:
            seconds = pc.add(seconds, pc.multiply(pc.cast(table[column["hour"]], pa.int64()), 3_600))
    return pc.multiply(pc.cast(pc.floor(pc.divide(pc.cast(seconds, pa.float64()), 3600.0)), pa.int64()), 3_600)
