"""`minsheng instructions`: leaders' notes (批示), who has them, by when, and what came of them."""

from __future__ import annotations

from typing import Annotated

import typer

group = typer.Typer(help="批示：列出、下达、反馈、办结；未办结的列在每期简报里。", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="批示编号")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="instructions")


@group.command("list")
def list_all(every: Annotated[bool, typer.Option("--all", help="也列已办结的")] = False) -> None:
    """未办结的批示，最急的在前。"""
    from api.wiring import House
    from indices.instructions import STATE_NAMES, Instructions
    from models.clock import city_day, now

    with House(read_only=True) as house:
        found = Instructions(house.database).list(only_open=not every)
        house.audit.note("console", "instructions.list", str(len(found)))
    if not found:
        typer.echo("没有未办结的批示。")
    for one in found:
        urgency = one.urgency(city_day(now()))
        typer.echo(
            f"{one.id}  {one.about}  承办 {one.owner}，期限 {one.due}，{STATE_NAMES[one.state]}{f'，{urgency}' if urgency else ''}：{one.text}"
        )
        if one.answer:
            typer.echo(f"    反馈（{one.answered_by}）：{one.answer}")


@group.command("add")
def add(about: Annotated[str, typer.Argument(help="briefing:2026-11-24 或 incident:SJ2026-00017")], text: Annotated[str, typer.Argument(help="批示")],
        owner: Annotated[str, typer.Option(help="承办")], due: Annotated[str, typer.Option(help="期限，如 2026-12-01")]) -> None:  # fmt: skip
    """下达一条批示。"""
    from api import instructions
    from api.questions import parse_day
    from api.wiring import House

    with House(read_only=True) as house:
        made = instructions.add(house, house.console, about, text, owner, parse_day(due, "--due"))
    typer.echo(f"批示 {made.id}：承办 {made.owner}，期限 {made.due}")


@group.command("answer")
def answer(number: Number, text: Annotated[str, typer.Argument(help="反馈")]) -> None:
    """写反馈。"""
    from api import instructions
    from api.wiring import House

    with House(read_only=True) as house:
        instructions.answer(house, house.console, number, text)
    typer.echo(f"批示 {number}：已反馈")


@group.command("close")
def close(number: Number) -> None:
    """办结；先要有反馈。"""
    from api import instructions
    from api.wiring import House

    with House(read_only=True) as house:
        instructions.close(house, house.console, number)
    typer.echo(f"批示 {number}：已办结")
