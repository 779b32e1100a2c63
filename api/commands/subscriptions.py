"""`minsheng subscriptions`: matching keyword subscriptions against new records; they are made on the page."""

from __future__ import annotations

import typer

group = typer.Typer(help="关键词订阅：把新来的件与每人的检索式比对（在页面上订阅）。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="subscriptions")


@group.command("match")
def match() -> None:
    """比对一遍；同一件对同一订阅只提示一次。定时任务每十分钟做一次。"""
    from api.wiring import House
    from indices.access import ScopedStore
    from indices.subscriptions import match_all

    with House(read_only=True) as house:
        fresh = match_all(house.database, lambda viewer: ScopedStore(house.store, viewer, house.audit))
        house.audit.note("console", "subscriptions.match", str(fresh))
    typer.echo(f"新提示 {fresh} 件")
