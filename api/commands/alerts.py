"""`minsheng alerts`: what was raised, and what a person decided about it."""

from __future__ import annotations

from typing import Annotated

import typer

group = typer.Typer(help="预警：列出、确认、判为不是热点。", no_args_is_help=True)
STATES = {"raised": "待处理", "confirmed": "已确认", "rejected": "不是热点"}


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="alerts")


@group.command("list")
def list_all(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50) -> None:
    """最近的预警，新的在前；附级别规则与所用的数。"""
    from api.wiring import House
    from indices.civic.alerts import NEEDS_PERSON, list_alerts
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found = list_alerts(house.database, limit=limit)
        house.audit.note("console", "alerts.list", str(len(found)))
    if not found:
        typer.echo("还没有预警。登记：minsheng hotspots --record（定时任务每小时做一次）")
    for one in found:
        waits = "，须人工确认后方可外发" if one.level in NEEDS_PERSON and one.state == "raised" else ""
        at = one.raised_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        typer.echo(
            f"{one.id[:8]}  {at}  [{one.level}] {one.title}（{one.people} 人 {one.count} 件；{STATES[one.state]}{waits}）"
        )
        typer.echo(f"          {one.rule}")


@group.command("confirm")
def confirm(alert: Annotated[str, typer.Argument(help="预警编号，前 8 位即可")]) -> None:
    """确认一个预警。"""
    _decide(alert, "confirmed")


@group.command("reject")
def reject(alert: Annotated[str, typer.Argument(help="预警编号，前 8 位即可")]) -> None:
    """判定不是热点。"""
    _decide(alert, "rejected")


def _decide(alert: str, state: str) -> None:
    from api.wiring import House
    from indices.civic.alerts import decide_alert, list_alerts

    with House(read_only=True) as house:
        whole = next(
            (
                one.id
                for one in list_alerts(house.database, limit=10_000)
                if len(alert) >= 8 and one.id.startswith(alert)
            ),
            alert,
        )
        decided = decide_alert(house.database, whole, state)  # type: ignore[arg-type]
        house.audit.note("console", f"alerts.{state}", f"{decided.id} {decided.title}")
    typer.echo(f"[{decided.level}] {decided.title}：{STATES[decided.state]}")
