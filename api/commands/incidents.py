"""`minsheng incidents`: the register of incidents, what people did about them, and how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from indices.incidents.account import Account

group = typer.Typer(help="事件台账：列出、查看、确认、合并、拆分、改名、并单，每一步都可撤销。", no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="事件编号，如 SJ2026-00017")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="incidents")


@group.command("list")
def list_all(state: Annotated[list[str] | None, typer.Option(help="只看这一状态，可重复：new confirmed handling closed rejected")] = None,
             json: Json = False) -> None:  # fmt: skip
    """台账里的事件，最近有来件的在前。"""
    from api.incidents import listed, public_list
    from api.wiring import House
    from indices.incidents.register import STATE_NAMES

    with House(read_only=True) as house:
        found = listed(house, house.console, state or [])
    if json:
        typer.echo(public_list(found).model_dump_json(indent=1))
        return
    if not found:
        typer.echo("台账里还没有事件。登记：minsheng hotspots --record（定时任务每小时做一次）")
    for row in found:
        one = row.incident
        typer.echo(
            f"{one.number}  [{one.level}] {one.title}（{row.count} 件，{STATE_NAMES[one.state]}；{one.place or '地点未明'}）"
        )


@group.command("show")
def show(number: Number, json: Json = False) -> None:
    """一个事件：时间线、渠道、并单建议、相似的往事。"""
    from api.incidents import account_of, public_account
    from api.wiring import House

    with House(read_only=True) as house:
        found = account_of(house, house.console, number)
    if json:
        typer.echo(public_account(found).model_dump_json(indent=1))
    else:
        _tell(found)


@group.command("confirm")
def confirm(number: Number, note: str = "") -> None:
    """确认是热点。"""
    _change(number, "confirm", text=note)


@group.command("reject")
def reject(number: Number, note: str = "") -> None:
    """判为不是热点；此后机器不再把它打开。"""
    _change(number, "reject", text=note)


@group.command("handle")
def handle(number: Number, note: str = "") -> None:
    """开始处置。"""
    _change(number, "handle", text=note)


@group.command("close")
def close(number: Number, note: str = "") -> None:
    """办结；再有来件会自动重新打开。"""
    _change(number, "close", text=note)


@group.command("reopen")
def reopen(number: Number, note: str = "") -> None:
    """重新打开。"""
    _change(number, "reopen", text=note)


@group.command("rename")
def rename(number: Number, title: str) -> None:
    """改名；人起的名不会被机器改掉。"""
    _change(number, "rename", text=title)


@group.command("note")
def note(number: Number, text: str) -> None:
    """写一条备注。"""
    _change(number, "note", text=text)


@group.command("merge")
def merge(number: Number, into: Annotated[str, typer.Argument(help="并入的事件编号")]) -> None:
    """并入另一个事件；旧编号从此指向它。"""
    _change(number, "merge", into=into)


@group.command("split")
def split(number: Number, records: list[str], title: Annotated[str, typer.Option(help="新事件的名称")] = "") -> None:
    """把一些工单（记录号）拆成新事件。"""
    _change(number, "split", text=title, records=records)


@group.command("move")
def move(number: Number, into: Annotated[str, typer.Argument(help="移到的事件编号")], records: list[str]) -> None:
    """把一些工单（记录号）移到另一个事件。"""
    _change(number, "move", into=into, records=records)


@group.command("fold")
def fold(number: Number, records: list[str],
         keep: Annotated[bool, typer.Option("--keep", help="判定不是一件，不再提示")] = False) -> None:  # fmt: skip
    """同意（或不同意）把一些工单并成一件；工单本身不改，决定可导出。"""
    _change(number, "keep" if keep else "fold", records=records)


@group.command("undo")
def undo(number: Number) -> None:
    """撤销这个事件最近的一步。"""
    _change(number, "undo")


def _change(number: str, action: str, *, text: str = "", into: str = "", records: list[str] | None = None) -> None:
    from api.incidents import change
    from api.wiring import House
    from indices.incidents.changes import KIND_NAMES
    from indices.incidents.register import STATE_NAMES, living

    with House(read_only=True) as house:
        done = change(house, house.console, number, action, text=text, into=into, records=records or ())
        one = living(house.database, number)
    what = f"{KIND_NAMES[done.kind]}{'：' + done.note if done.kind == 'undo' else ''}"
    typer.echo(
        f"{what}。{one.number} {one.title}（{STATE_NAMES[one.state]}）"
        + (f"，另一事件 {done.other}" if done.other else "")
    )


def _tell(found: Account) -> None:
    from indices.incidents.register import STATE_NAMES
    from models.clock import CITY_TIME

    one = found.incident
    typer.echo(f"{one.number}  [{one.level}] {one.title}")
    typer.echo(
        f"{STATE_NAMES[one.state]}；{one.place or '地点未明'}；{one.topic}；{len(found.records)} 件，{found.people} 人"
    )
    for moment in found.timeline:
        typer.echo(f"  {moment.at.astimezone(CITY_TIME):%Y-%m-%d %H:%M}  {moment.words}")
    for number, advice in enumerate(found.folds, start=1):
        typer.echo(f"并单建议 {number}：{advice.evidence}：{' '.join(advice.record_ids)}")
    for like in found.like:
        typer.echo(f"相似的往事：{like.incident.number} {like.incident.title}（{like.likeness:.0%}，{like.ended}）")
