"""`minsheng responsiveness`: how soon people are answered, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from indices.civic.responsiveness import Responsiveness

BYS = {"year": "年", "month": "月", "district": "区县", "department": "承办单位", "topic": "分类"}


def register(app: typer.Typer) -> None:
    app.command("responsiveness")(responsiveness)


def responsiveness(by: Annotated[str, typer.Option(help="year month district department topic")] = "year",
                   since: Annotated[str | None, typer.Option("--from", help="首日，如 2011-01-01；不给则不限")] = None,
                   until: Annotated[str | None, typer.Option("--to", help="末日（含）；不给则不限")] = None,
                   limit: Annotated[int, typer.Option(help="几个工作日内答复算及时")] = 15,
                   filters: Annotated[list[str] | None, typer.Option("--filter", help="字段:值，可重复，如 source:信箱")] = None,
                   json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """答复及时率与等待天数的中位数（工作日），按年、月、区县、承办单位或分类，附 95% 区间；不足 30 件的不给数值。"""
    from dataclasses import asdict
    from datetime import timedelta

    from api.questions import parse_day, parse_filters
    from api.wiring import House
    from indices.civic.responsiveness import responsiveness as measure
    from models.clock import city_day, day_start
    from models.errors import BadRequest
    from models.query import Query

    if by not in BYS:
        raise BadRequest(name="--by", value=by, reason=f"应为 {'、'.join(BYS)} 之一")
    first = day_start(parse_day(since, "--from")) if since else None
    end = day_start(parse_day(until, "--to") + timedelta(days=1)) if until else None
    query = Query(since=first, until=end, filters=parse_filters(filters or ()))
    with House(read_only=True) as house:
        moments = (
            at for one in house.console.scan(query) for at in (one.created_at, one.replied_at, one.closed_at) if at
        )
        last = max(moments, default=None)
        rows = measure(house.console.scan(query), by, city_day(last), limit=limit) if last else []  # type: ignore[arg-type]
    if json:
        import json as codec

        typer.echo(codec.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
    elif not rows:
        typer.echo("这段时间没有工单。")
    else:
        _print(rows, BYS[by], limit, str(city_day(last)) if last else "")


def _print(rows: list[Responsiveness], name: str, limit: int, end: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        name,
        "件数",
        "已答复",
        f"{limit} 个工作日内答复",
        "95% 区间",
        "等待中位数",
        "95% 区间",
        title=f"答复及时率（数据截至 {end}）",
    )
    for row in rows:
        share = "样本不足" if row.share is None else f"{row.share:.1f}%"
        spread = "" if row.low is None else f"{row.low:.1f}–{row.high:.1f}"
        median = "" if row.median is None else f"{row.median:.0f} 天"
        ends = (
            ""
            if row.median_low is None
            else f"{row.median_low:.0f}–{'…' if row.median_high is None else f'{row.median_high:.0f}'}"
        )
        table.add_row(row.key, f"{row.orders:,}", f"{row.answered:,}", share, spread, median, ends)
    Console(width=110).print(table)
