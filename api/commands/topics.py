"""`minsheng topics`: what people speak of that no class explains."""

from __future__ import annotations

from typing import Annotated

import typer

group = typer.Typer(help="新话题：每周在没有哪一类说得清的诉求里寻找，可设为新的类。", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="新话题编号")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="topics")


@group.command("run")
def run(day: Annotated[str | None, typer.Option(help="最后一天；不给则为最近有数据的一天")] = None,
        if_installed: Annotated[bool, typer.Option("--if-installed", help="没装 topics 组件时不算出错（定时任务用）")] = False) -> None:  # fmt: skip
    """看最近四周里归不了类的诉求；同一周再做一次，结果相同。"""
    from api.questions import parse_day
    from api.wiring import House
    from dashboards.views.counts import newest_day
    from indices.topics import register as topics
    from models.errors import MissingPart, NotFound
    from nlp.topics import LEAST_TEXTS

    with House(read_only=True) as house:
        last = parse_day(day, "--day") if day else newest_day(house.console)
        if last is None:
            raise NotFound(what="任何记录；先用 minsheng ingest 导入")
        try:
            done = topics.run(house.database, house.console, last)
        except MissingPart as error:
            if not if_installed:
                raise
            typer.echo(str(error))
            return
        house.audit.note("console", "topics.run", str(last))
    if not done.enough:
        typer.echo(f"数据不足：截至 {last} 四周内归不了类的只有 {done.texts} 件，至少要 {LEAST_TEXTS} 件。")
    else:
        typer.echo(f"截至 {last} 四周内归不了类的 {done.texts:,} 件，话题 {done.found} 个，其中新的 {done.new} 个")


@group.command("list")
def list_all(every: Annotated[bool, typer.Option("--all", help="也列已设为类的和不是话题的")] = False) -> None:
    """新话题，增长最快的在前。"""
    from api.wiring import House
    from indices.topics.register import NEW, STATE_NAMES, list_topics

    with House(read_only=True) as house:
        found = list_topics(house.database, states=list(STATE_NAMES) if every else [NEW])
        house.audit.note("console", "topics.list", str(len(found)))
    if not found:
        typer.echo("没有新话题。寻找：minsheng topics run（定时任务每周一做一次）")
    for one in found:
        name = f" → {one.adopted_as}" if one.adopted_as else ""
        typer.echo(
            f"{one.id}  {'、'.join(one.words[:6])}  {one.count} 件，最近一周 {one.recent}，此前每周 {one.before:.1f}，{STATE_NAMES[one.state]}{name}"
        )


@group.command("show")
def show(number: Number) -> None:
    """一个话题的词和例子（已脱敏）。"""
    from api.wiring import House
    from indices.topics.register import find_topic

    with House(read_only=True) as house:
        one = find_topic(house.database, number)
        records = [record for record_id in one.examples if (record := house.console.get(record_id))]
    typer.echo(f"{one.id}  {'、'.join(one.words)}（{one.first_seen} 至 {one.last_seen}，{one.count} 件）")
    for record in records:
        typer.echo(f"  {record.native_id or record.id}  {record.title or record.text[:40]}")


@group.command("adopt")
def adopt(number: Number, name: Annotated[str, typer.Argument(help="类名，或 上级类/类名")]) -> None:
    """设为新的类：写进本市分类表，例子写成 train heads 可用的标注表（行数不足时请补标）。"""
    from api import topics
    from api.wiring import House

    with House(read_only=True) as house:
        made, taxonomy, labels, rows = topics.adopt(house, house.console, number, name)
    typer.echo(
        f"新话题 {number} 设为类 {made.adopted_as}，记入 {taxonomy}；{rows} 个例子写到 {labels}，供 minsheng train heads --labels"
    )


@group.command("drop")
def drop(number: Number) -> None:
    """判定不是话题，以后不再列出。"""
    from api import topics
    from api.wiring import House

    with House(read_only=True) as house:
        topics.drop(house, house.console, number)
    typer.echo(f"新话题 {number}：不再列出")
