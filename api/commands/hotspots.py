"""`minsheng hotspots`: what is hot in a period; with `--record`, raises the alerts that are new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indices.civic.alerts import Alert
    from models.figures import Hotspots

DEFAULT_DAYS = 7


def register(app: typer.Typer) -> None:
    app.command("hotspots")(hotspots)


def hotspots(since: Annotated[str | None, typer.Option("--from", help="首日，如 2026-09-01；不给则为末日前 7 天")] = None,
             until: Annotated[str | None, typer.Option("--to", help="末日（含）；不给则为今天")] = None,
             top: Annotated[int, typer.Option(help="最多几个")] = 10,
             filters: Annotated[list[str] | None, typer.Option("--filter", help="字段:值，可重复，如 district:东桥区")] = None,
             record: Annotated[bool, typer.Option("--record", help="登记：事件进台账，新的预警入表（同一事件同一级别只登记一次）")] = False,
             json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """一段时间内的热点：热度及其构成、人数、地点、原句、预警级别。没有热点也是一种答案。"""
    from datetime import timedelta

    from api.incidents import RECORDED, take_in
    from api.questions import parse_day, parse_filters
    from api.wiring import House
    from indices.alerts.quiet import settle
    from indices.alerts.refit import weights_in_use
    from indices.alerts.rules import known_rules
    from indices.civic.alerts import record_alerts
    from indices.civic.hotspots import find_hotspots
    from models.clock import city_day, day_start, now
    from models.errors import BadRequest
    from models.query import Query

    last = parse_day(until, "--to") if until else city_day(now())
    first = parse_day(since, "--from") if since else last - timedelta(days=DEFAULT_DAYS - 1)
    with House(read_only=True) as house:
        rules = known_rules(house.database)
        found = find_hotspots(
            house.console,
            day_start(first),
            day_start(last + timedelta(days=1)),
            top=max(top, RECORDED) if record else top,
            query=Query(filters=parse_filters(filters or ())),
            rules=rules,
            weights=weights_in_use(house.database),
            kept=None if filters else house.kept_groups,
        )
        if record:
            if filters:
                raise BadRequest(
                    name="--filter", value=" ".join(filters), reason="登记须看全市；请去掉 --filter 或 --record"
                )
            take_in(house, found.hotspots)
        raised = record_alerts(house.database, found, rules=rules) if record else []
        if record:
            settle(house.database, found)
    found = found.model_copy(update={"hotspots": found.hotspots[:top]})
    if json:
        import json as codec

        typer.echo(
            codec.dumps(
                {"hotspots": [one.model_dump(mode="json") for one in found.hotspots]}, ensure_ascii=False, indent=1
            )
        )
    else:
        show(found)
    if record:
        report(raised, to_stderr=json)


def show(found: Hotspots) -> None:
    """The table for people."""
    from rich.console import Console
    from rich.table import Table

    from models.clock import city_day

    period = found.source.query
    assert period.since
    assert period.until
    if not found.hotspots:
        typer.echo(f"这段时间（{found.source.n:,} 件）没有达到阈值的热点。")
    table = Table("", "级别", "热度", "标题", "件/人", "起止", "地点", "分类", title=f"热点（{found.source.n:,} 件）")
    for one in found.hotspots:
        table.add_row(str(one.rank), str(one.level), f"{one.heat:.0f}", one.title, f"{one.count}/{one.people}",
                      f"{city_day(one.first)}\n{city_day(one.last)}", "、".join(one.places), one.topic)  # fmt: skip
    if found.hotspots:
        console = Console()
        console.print(table)
        for one in found.hotspots:
            console.print(f"{one.rank}. {one.rule}", style="dim", markup=False, highlight=False)
    for loud in found.loud_sources:
        typer.echo(
            f"注意：数据源 {loud.source} 末日来件 {loud.count:,}，此前 60 天最多一天 {loud.most:,}，请核对是否重复导出"
        )
    if found.silent_sources:
        typer.echo(f"注意：这些数据源已停止来件：{'、'.join(found.silent_sources)}")


def report(raised: Sequence[Alert], *, to_stderr: bool) -> None:
    """The alerts that were raised now."""
    from models.clock import CITY_TIME

    if not raised:
        typer.echo("没有新的预警。", err=to_stderr)
    for alert in raised:
        due = (
            f"，须在 {alert.acknowledge_by.astimezone(CITY_TIME):%Y-%m-%d %H:%M} 前签收" if alert.acknowledge_by else ""
        )
        typer.echo(f"[{alert.level}] {alert.title}（{alert.people} 人 {alert.count} 件{due}）", err=to_stderr)
