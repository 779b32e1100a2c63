"""`minsheng reposts`: posts and news that say the same as an earlier one."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("reposts")(link)


def link(days: Annotated[int, typer.Option(min=1, max=3_650, help="看最近多少天的帖文与新闻")] = 30) -> None:
    """把内容相同的帖文、新闻连到首发的那一件；各自的阅读量不合并。"""
    from datetime import timedelta

    from api.wiring import House
    from models.clock import now

    with House(read_only=True) as house:
        count = house.reposts.update(house.console, now() - timedelta(days=days))
    typer.echo(f"新认出转载 {count:,} 件。")
