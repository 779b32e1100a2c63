"""`minsheng alerts`: what was raised, what people did about it, to whom it was sent and whether it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from indices.civic.alerts import Alert

group = typer.Typer(help="预警：列出、签收、确认、判为不是热点、暂缓、办结、发送。", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="预警编号，前 8 位即可")]
Note = Annotated[str, typer.Option(help="备注")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="alerts")


@group.command("list")
def list_all(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50) -> None:
    """最近的预警，新的在前；附级别规则与所用的数。"""
    from api.wiring import House
    from indices.alerts.life import RAISED
    from indices.civic.alerts import NEEDS_PERSON, list_alerts
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found = list_alerts(house.database, limit=limit)
        house.audit.note("console", "alerts.list", str(len(found)))
    if not found:
        typer.echo("还没有预警。登记：minsheng hotspots --record（定时任务每小时做一次）")
    for one in found:
        waits = "，须人工确认后方可外发" if one.level in NEEDS_PERSON and one.state == RAISED else ""
        at = one.raised_at.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{one.id[:8]}  {at}  {_words(one)[:-1]}{waits}）")
        typer.echo(f"          {one.rule}")


@group.command("acknowledge")
def acknowledge(alert: Id, note: Note = "") -> None:
    """签收：有人在看了，不再逾期上报。"""
    _step(alert, "acknowledge", note)


@group.command("confirm")
def confirm(alert: Id, note: Note = "") -> None:
    """确认一个预警；橙、红两级确认后才外发。"""
    _step(alert, "confirm", note)


@group.command("reject")
def reject(alert: Id, note: Note = "") -> None:
    """判定不是热点。"""
    _step(alert, "reject", note)


@group.command("close")
def close(alert: Id, note: Note = "") -> None:
    """办结。"""
    _step(alert, "close", note)


@group.command("snooze")
def snooze(alert: Id, hours: Annotated[float, typer.Option(min=0.1, max=168, help="几小时内不再上报、不再发送")],
           reason: Annotated[str, typer.Option(help="理由，必须写")]) -> None:  # fmt: skip
    """暂缓。"""
    from datetime import timedelta

    from api.wiring import House
    from indices.alerts import life
    from models.clock import CITY_TIME, now

    with House(read_only=True) as house:
        until = now() + timedelta(hours=hours)
        one = life.snooze(house.database, alert, "console", until, reason)
        house.audit.note("console", "alerts.snooze", f"{one.id} {reason}")
    typer.echo(f"{_words(one)}：暂缓到 {until.astimezone(CITY_TIME):%Y-%m-%d %H:%M}")


@group.command("deliver")
def deliver() -> None:
    """发送到期的预警；逾期未签收的上报。定时任务每分钟做一次。"""
    from api.wiring import House
    from indices.alerts.channels import read_channels
    from indices.alerts.outbox import run, send_by_apprise

    with House(read_only=True) as house:
        path = house.folder / "channels.toml"
        channels = read_channels(path)
        done = run(house.database, channels, send_by_apprise)
        house.audit.note("console", "alerts.deliver", f"{done.sent} {done.failed}")
    if not channels:
        typer.echo(f"还没有渠道：在 {path} 里写（见 docs/alerts.md）。逾期未签收的已上报到页面。")
    typer.echo(f"新排队 {done.enqueued}，送达 {done.sent}，放弃 {done.failed}，待发 {done.waiting}")


@group.command("deliveries")
def deliveries(limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50) -> None:
    """送给了谁，是否送达。"""
    from api.wiring import House
    from indices.alerts.outbox import STATE_NAMES, list_deliveries
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found = list_deliveries(house.database, limit=limit)
        house.audit.note("console", "alerts.deliveries", str(len(found)))
    if not found:
        typer.echo("还没有发送过。")
    for one in found:
        at = (one.sent_at or one.next_at).astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M")
        kind = "（逾期上报）" if one.kind == "escalation" else ""
        problem = f"：{one.error}" if one.error else ""
        typer.echo(f"{one.alert[:8]} → {one.channel}{kind}  {STATE_NAMES[one.state]} {at}，第 {one.tries} 次{problem}")


def _step(alert: str, kind: str, note: str) -> None:
    from api.wiring import House
    from indices.alerts.life import take_step

    with House(read_only=True) as house:
        one = take_step(house.database, alert, kind, "console", note)
        house.audit.note("console", f"alerts.{one.state}", f"{one.id} {one.title}")
    typer.echo(_words(one))


def _words(one: Alert) -> str:
    from indices.alerts.life import STATE_NAMES

    return f"[{one.level}] {one.title}（{one.people} 人 {one.count} 件；{STATE_NAMES[one.state]}）"
