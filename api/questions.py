"""From what a person typed or chose to a `Query`: the same for the command line, the API and the pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from indices.query_language import parse
from models.clock import city_day, day_start, now
from models.errors import BadRequest
from models.query import FIELDS, MAX_WINDOW, Query, Sort

FACETS: Final = ("topic", "district", "department", "channel", "demand_type", "status", "urgency", "sentiment")


def parse_filters(filters: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`field:value` strings as filters. Raises BadRequest for a field that is not known."""
    found: dict[str, tuple[str, ...]] = {}
    for one in filters:
        field, colon, value = one.partition(":")
        if not colon or field not in FIELDS or not value:
            raise BadRequest(name="filter", value=one[:100], reason=f"应为 字段:值，字段可用 {'、'.join(FIELDS)}")
        found[field] = (*found.get(field, ()), value)
    return found


def search_query(words: str, filters: Iterable[str] = (), since: date | None = None, until: date | None = None, *,
                 sort: Sort = Sort.NEWEST, offset: int = 0, size: int = 20) -> Query:  # fmt: skip
    """`since` inclusive, `until` exclusive city days. Raises BadQuery, BadRequest."""
    if since and until and since >= until:
        raise BadRequest(name="until", value=str(until - timedelta(days=1)), reason=f"早于开始日期 {since}")
    if offset + size > MAX_WINDOW:
        raise BadRequest(name="offset", value=offset, reason=f"翻页至多到第 {MAX_WINDOW} 条，更多请用导出")
    return Query(
        match=parse(words), filters=parse_filters(filters), since=since and day_start(since), until=until and day_start(until),
        sort=sort, offset=offset, size=size,
    )  # fmt: skip


def parse_day(value: str, name: str) -> date:
    """A day as people write it: 2026-11-24 or 20261124. Raises BadRequest."""
    for form in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(value, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise BadRequest(name=name, value=value, reason="应为日期，如 2026-11-24")


def output_path(path: Path) -> Path:
    """A file that can be written to: its folder is there and it is no folder itself. Raises BadRequest."""
    if path.is_dir() or not path.parent.is_dir():
        reason = "这是一个文件夹，请给出文件名" if path.is_dir() else f"文件夹 {path.parent} 不存在，请先建立"
        raise BadRequest(name="--output", value=str(path), reason=reason)
    return path


def today() -> date:
    return city_day(now())
