"""`minsheng metrics`: every metric of the registry, as the pages, the API and the papers give it."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("metrics")(metrics)


def metrics(since: Annotated[str | None, typer.Option("--from", help="首日；不给则为末日前 89 天")] = None,
            until: Annotated[str | None, typer.Option("--to", help="末日（含）；不给则为今天")] = None,
            district: Annotated[str | None, typer.Option(help="只看一个区县")] = None,
            json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """全部指标：值、95% 区间、分子分母与口径。"""
    from datetime import timedelta

    from api import index_answers
    from api.questions import parse_day, today
    from api.wiring import House

    last = parse_day(until, "--to") if until else today()
    first = parse_day(since, "--from") if since else last - timedelta(days=89)
    with House(read_only=True) as house:
        found = index_answers.metrics(house, house.console, first, last + timedelta(days=1), district=district)
    if json:
        typer.echo(found.model_dump_json(indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    from dashboards.views.metric_pages import metrics_view

    table = Table("指标", "值", "95% 区间", "分子 / 分母", "口径", title=f"{first} 至 {last}")
    for row in metrics_view(found.metrics).rows:
        table.add_row(row.figure.title, row.value, row.interval, row.of, row.figure.definition)
    Console().print(table)
