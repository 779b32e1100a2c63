"""`minsheng work`: the worker line, until it is told to stop or (`--drain`) until nothing waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.wiring import House
    from indices.intake.inbox import Books


def register(app: typer.Typer) -> None:
    app.command("work")(work)


def work(drain: Annotated[bool, typer.Option("--drain", help="处理到收件箱为空即结束，并打印账目")] = False,
         json: Annotated[bool, typer.Option("--json", help="与 --drain 合用：账目输出为 JSON")] = False) -> None:  # fmt: skip
    """处理线：取件、脱敏、识读、入库。直到收到停止信号；手上的一批会先做完。"""
    from api.signals import stop_on_signals
    from api.wiring import House
    from nlp.logs import configure_logging

    with House() as house:
        configure_logging(house.settings.log_level)
        if not drain:
            house.worker.run(stop_on_signals())
            return
        _drain(house)
        books = house.inbox.books()
    if json:
        import dataclasses
        import json as codec

        typer.echo(codec.dumps(dataclasses.asdict(books)))
    else:
        typer.echo(describe(books))


def _drain(house: House) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("入库", total=house.inbox.waiting())
        house.worker.drain(lambda done: bar.update(task, completed=done, total=done + house.inbox.waiting()))


def describe(books: Books) -> str:
    """The books in a sentence; a difference is said loudly."""
    sentence = (
        f"收到 {books.received:,} = 入库 {books.stored:,}（其中更新 {books.updated:,}）+ 重复 {books.duplicate:,}"
        f" + 隔离 {books.quarantined:,} + 拒收 {books.refused:,} + 等待 {books.waiting:,}"
    )
    return sentence if not books.difference else f"{sentence}；账目不平，差 {books.difference:,}"
