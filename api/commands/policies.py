"""`minsheng policies`: what was decreed where and when, and what the ratings say of it."""

from __future__ import annotations

from typing import Annotated

import typer

group = typer.Typer(help="政策前后：登记一项政策，看实施前后的评价与未实施的地方相比如何。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="policies")


@group.command("add")
def add(title: Annotated[str, typer.Argument(help="名称")],
        start: Annotated[str, typer.Option(help="实施日，如 2026-03-01")],
        district: Annotated[list[str] | None, typer.Option(help="实施的区县，可重复；不给为全市")] = None,
        topic: Annotated[list[str] | None, typer.Option(help="涉及的分类，可重复；不给为各类")] = None,
        text: Annotated[str, typer.Option(help="内容")] = "") -> None:  # fmt: skip
    """登记一项政策。"""
    from api.questions import parse_day
    from api.wiring import House
    from indices.civic.policies import Policies
    from models.satisfaction import Policy

    policy = Policy(
        title=title,
        start=parse_day(start, "--start"),
        text=text,
        districts=tuple(district or ()),
        topics=tuple(topic or ()),
    )
    with House(read_only=True) as house:
        made = Policies(house.database).add(policy, "console")
        house.audit.note("console", "policies.add", f"{made.number} {made.title}")
    typer.echo(f"政策 {made.number}：{made.title}，{made.start} 起")


@group.command("list")
def show() -> None:
    """已登记的政策。"""
    from api.wiring import House
    from indices.civic.policies import Policies

    with House(read_only=True) as house:
        found = Policies(house.database).all()
    for one in found:
        typer.echo(
            f"{one.number}  {one.start}  {one.title}  {'、'.join(one.districts) or '全市'}  {'、'.join(one.topics) or '各类'}"
        )
    if not found:
        typer.echo("没有登记政策。登记：minsheng policies add 名称 --start 2026-03-01 --district 某区")


@group.command("effect")
def effect(number: Annotated[int, typer.Argument(help="编号")],
           until: Annotated[str | None, typer.Option("--to", help="数据的末日；不给则为最近有数据的一天")] = None,
           json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """一项政策实施前后的评价。"""
    from api import index_answers
    from api.questions import parse_day, today
    from api.wiring import House
    from dashboards.views.counts import newest_day
    from indices.civic.policies import Policies

    with House(read_only=True) as house:
        last = parse_day(until, "--to") if until else newest_day(house.console) or today()
        found = index_answers.policy_effect(house, house.console, Policies(house.database).get(number), last)
    typer.echo(found.model_dump_json(indent=1) if json else found.words)
