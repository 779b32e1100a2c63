"""`minsheng search`, `minsheng export`: find records, take them along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.query import Query

Words = Annotated[str, typer.Argument(help='检索式：噪音 夜间、"物业 收费"、A OR B、-C、区县:河东区')]
Filter = Annotated[list[str] | None, typer.Option("--filter", help="字段:值，可重复")]
Since = Annotated[str | None, typer.Option("--from", help="首日，如 2026-09-01")]
Until = Annotated[str | None, typer.Option("--to", help="末日（含）")]


def register(app: typer.Typer) -> None:
    app.command("search")(search)
    app.command("export")(export)


def search(words: Words = "", filter: Filter = None, since: Since = None, until: Until = None,
           sort: Annotated[str, typer.Option(help="relevance newest oldest")] = "",
           size: Annotated[int, typer.Option(min=0, max=100)] = 20,
           offset: Annotated[int, typer.Option(min=0, max=10_000)] = 0,
           json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """检索已入库的记录（已脱敏），附各类计数。"""
    from api.questions import FACETS
    from api.wiring import House

    query = _query(words, filter, since, until, sort or ("relevance" if words else "newest"), offset, size)
    with House(read_only=True) as house:
        page = house.console.search(query)
        facets = {field: house.console.aggregate(query, [field])[:20] for field in FACETS}
    if json:
        import json as codec

        hits = [{**hit.record.model_dump(mode="json", exclude={"annotation": {"title_tokens", "text_tokens"}}), "score": hit.score}
                for hit in page.hits]  # fmt: skip
        counts = {field: {bucket.keys[0]: bucket.count for bucket in buckets} for field, buckets in facets.items()}
        typer.echo(codec.dumps({"total": page.total, "hits": hits, "facets": counts}, ensure_ascii=False))
        return
    from models.clock import CITY_TIME

    typer.secho(f"共 {page.total:,} 件", bold=True)
    for hit in page.hits:
        record = hit.record
        at = record.created_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{record.native_id or record.id[:12]}  {at}  {record.district or '—'}  {record.topic or '拿不准'}  "
                   f"{record.title or record.text[:40]}")  # fmt: skip
    for field, buckets in facets.items():
        if buckets:
            typer.echo(f"{field}: " + "  ".join(f"{b.keys[0]} {b.count:,}" for b in buckets[:6]))


def _query(
    words: str, filters: list[str] | None, since: str | None, until: str | None, sort: str, offset: int, size: int
) -> Query:
    from datetime import timedelta

    from api.questions import parse_day, search_query
    from models.errors import BadRequest
    from models.query import Sort

    if sort not in set(Sort):
        raise BadRequest(name="--sort", value=sort, reason=f"应为 {'、'.join(Sort)} 之一")
    first = parse_day(since, "--from") if since else None
    end = parse_day(until, "--to") + timedelta(days=1) if until else None
    return search_query(words, filters or (), first, end, sort=Sort(sort), offset=offset, size=size)


def export(output: Annotated[Path, typer.Option("-o", "--output", help="文件；后缀 .csv .xlsx .jsonl 决定格式")],
           words: Words = "", filter: Filter = None, since: Since = None, until: Until = None) -> None:  # fmt: skip
    """把检索到的全部记录导出成文件（已脱敏，单元格不含公式）。"""
    import sys

    from rich.console import Console
    from rich.progress import track

    from api.questions import output_path
    from api.wiring import House
    from dashboards.exports import export_stream

    output_path(output)
    query = _query(words, filter, since, until, "newest", 0, 20)
    with House(read_only=True) as house:
        total = house.console.search(query.model_copy(update={"size": 0})).total
        records = track(
            house.console.scan(query),
            "导出",
            total=total,
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        stream = export_stream(records, output.suffix.lstrip(".").lower())
        with output.open("wb") as file:
            file.writelines(stream)
    typer.echo(f"已导出 {total:,} 件到 {output}")
