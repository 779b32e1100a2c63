"""`minsheng index`: the satisfaction index with its intervals."""

from __future__ import annotations

from typing import Annotated

import typer

BYS = ("district", "department", "topic", "week", "street", "community")


def register(app: typer.Typer) -> None:
    app.command("index")(index)


def index(by: Annotated[str, typer.Option(help="district department topic week street community")] = "department",
          since: Annotated[str | None, typer.Option("--from", help="首日，如 2026-09-01；不给则不限")] = None,
          until: Annotated[str | None, typer.Option("--to", help="末日（含）；不给则不限")] = None,
          text: Annotated[bool, typer.Option(help="文字情绪是否参与推算")] = True,
          record: Annotated[bool, typer.Option("--record", help="计算近一年的每周水平，登记下降预警（定时任务用）")] = False,
          json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """满意度指数：按区县、承办单位、分类或周，0–100，附 95% 区间；样本不足的不给数值。"""
    from datetime import timedelta

    from api.questions import parse_day
    from api.wiring import House
    from indices.civic.satisfaction import satisfaction
    from models.clock import day_start
    from models.errors import BadRequest
    from models.query import Query

    if record:
        _record()
        return
    if by not in BYS:
        raise BadRequest(name="--by", value=by, reason=f"应为 {'、'.join(BYS)} 之一")
    first = day_start(parse_day(since, "--from")) if since else None
    end = day_start(parse_day(until, "--to") + timedelta(days=1)) if until else None
    with House(read_only=True) as house:
        found = satisfaction(house.console, Query(since=first, until=end), by, text=text, peers=house.peers)  # type: ignore[arg-type]
    if json:
        import json as codec

        rows = [row.model_dump() for row in found.rows]
        typer.echo(codec.dumps({"rows": rows, "overall": found.overall.model_dump()}, ensure_ascii=False, indent=1))
        return
    _print(found)


def _record() -> None:
    """Falls of districts and departments over the last year, and the figures that the pages will ask for."""
    from datetime import timedelta

    from api import answers, index_answers
    from api.wiring import House
    from dashboards.views.counts import newest_day
    from indices.alerts.drops import record_drops
    from indices.alerts.rules import known_rules

    with House(read_only=True) as house:
        last = newest_day(house.console)
        if last is None:
            typer.echo("没有工单。")
            return
        raised = []
        for by, name in (("district", "区县"), ("department", "承办单位")):
            year = answers.index(house, house.console, by, last - timedelta(days=364), last + timedelta(days=1))  # type: ignore[arg-type]
            found = index_answers.weekly(house, house.console, year)
            raised += record_drops(house.database, found, name, rules=known_rules(house.database))
        shown: tuple[answers.By, ...] = ("district", "department", "topic", "week")  # by default on the page
        for view in shown:
            answers.index(
                house, house.console, view, last - timedelta(days=89), last + timedelta(days=1), max_age_seconds=0.0
            )
    for one in raised:
        typer.echo(f"{one.title}：{one.rule}")
    typer.echo(f"新登记 {len(raised)} 条下降预警")


def _print(found: object) -> None:
    from rich.console import Console
    from rich.table import Table

    from models.figures import Index, IndexRow

    assert isinstance(found, Index)
    names = {
        "district": "区县",
        "department": "承办单位",
        "topic": "分类",
        "week": "周",
        "street": "街道",
        "community": "社区",
    }
    table = Table(
        "",
        "指数",
        "95% 区间",
        "评价数",
        "评价人数",
        "覆盖",
        "原始均值",
        "档",
        "状态",
        title=f"满意度指数（按{names[found.by]}）",
    )

    table.columns[-1].min_width = 8  # 样本不足, on a narrow terminal too

    def add(row: IndexRow) -> None:
        value = "—" if row.value is None else f"{row.value:.1f}"
        interval = "—" if row.low is None else f"{row.low:.1f}–{row.high:.1f}"
        state = {"ok": "", "not_ranked": "区间过宽，不排名"}.get(row.status, row.status)
        coverage = "—" if row.coverage is None else f"{row.coverage:.1f}%"
        raw = "—" if row.raw is None else f"{row.raw:.1f}"
        table.add_row(row.key, value, interval, f"{row.n:,}", f"{row.n_effective:,.0f}", coverage, raw, row.tier, state)

    for row in found.rows:
        add(row)
    add(found.overall)
    Console().print(table)
    if not found.source.n:
        typer.echo("这些工单没有任何评价：没有满意度可算。导入带「满意度」或「是否满意」列的回访数据后再看。")
