"""`minsheng streams`: hourly hot-search lists of open platforms, the matters behind them, and orders about the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(help="网络热榜：导入每小时榜单，看事件的名次曲线，找同一件事的工单。", no_args_is_help=True)
Source = Annotated[str, typer.Option(help="榜单名，如 weibo")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="streams")


@group.command("import")
def import_file(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=".parquet、.csv 或 .tsv，列：时间、名次、标题、热度")],
                source: Source = "weibo",
                items: Annotated[bool, typer.Option("--items", help="每个标题还作为一条舆情入库（可检索、计数；标题很多时会淹没工单）")] = False) -> None:  # fmt: skip
    """导入榜单并归并成事件；同一小时再导入不会重复。"""
    from api.intake import take_in as take_items
    from api.progress import steps
    from api.streams import titles_as_items
    from api.wiring import House
    from indices.streams.events import build_events
    from indices.streams.ranks import take_in

    with House(read_only=not items) as house, steps(4) as progress:
        folder = house.folder / "streams"
        progress("读取榜单")
        done = take_in(folder, source, file)
        progress(f"归并 {done.kept:,} 行")
        events = build_events(folder, source)
        house.audit.note("console", "streams.import", f"{source} {done.read}")
        books = None
        if items:
            progress("标题入库")
            books = take_items(house, titles_as_items(folder, source), f"stream-{source}")
        progress("完成")
    typer.echo(
        f"{file.name}（{source}）：读 {done.read:,} 行，略去 {done.left_out:,}（广告、空标题），新增 {done.fresh:,}，共 {done.kept:,} 行、{events:,} 个事件"
    )
    if books is not None:
        typer.echo(
            f"标题：收到 {books.received:,} 件 = 入库 {books.stored:,} + 重复 {books.duplicate:,} + 隔离 {books.quarantined:,}"
        )


@group.command("events")
def events(since: Annotated[str | None, typer.Option("--from", help="首日；不给则为末日前 7 天")] = None,
           until: Annotated[str | None, typer.Option("--to", help="末日（含）；不给则为榜单最后一天")] = None,
           top: Annotated[int, typer.Option(min=1, max=1_000)] = 20, source: Source = "weibo", json: Json = False) -> None:  # fmt: skip
    """一段时间内的事件：最好名次、在榜小时数、首见与末见。"""
    from api.questions import parse_day
    from api.streams import period_of, public_event
    from api.wiring import House
    from indices.streams.events import list_events
    from models.stream import StreamList

    with House(read_only=True) as house:
        folder = house.folder / "streams"
        days = (parse_day(since, "--from") if since else None, parse_day(until, "--to") if until else None)
        begin, end = period_of(folder, source, *days)
        found = list_events(folder, source, begin, end, top=top)
        house.audit.note("console", "streams.list", source)
    if json:
        typer.echo(StreamList(events=tuple(map(public_event, found))).model_dump_json(indent=1))
        return
    if not found:
        typer.echo("这段时间没有上榜的事件。导入：minsheng streams import 文件")
    for one in found:
        typer.echo(
            f"{one.id[:8]}  最好第 {one.best_rank} 名，在榜 {one.hours} 小时  {one.title}"
            + (f"（{len(one.titles)} 个标题）" if len(one.titles) > 1 else "")
        )


@group.command("show")
def show(event: Annotated[str, typer.Argument(help="事件编号")], source: Source = "weibo") -> None:
    """一个事件：各标题、名次曲线、同一件事的工单。"""
    from api.wiring import House
    from indices.streams.events import find_event
    from indices.streams.links import links
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        one = find_event(house.folder / "streams", source, event)
        found = links(house.console, one)
        house.audit.note("console", "streams.read", f"{source} {event[:40]}")
    typer.echo(
        f"{one.title}\n{one.first.astimezone(CITY_TIME):%Y-%m-%d %H:00} 起，{one.duration_hours} 小时内在榜 {one.hours} 小时，最好第 {one.best_rank} 名"
    )
    for title in one.titles[1:]:
        typer.echo(f"  又作 {title}")
    typer.echo("工单中没有同一件事" if not found else f"工单中同一件事 {len(found)} 件：")
    for link in found:
        typer.echo(f"  {link.record.native_id or link.record.id}  {link.record.title}（同有 {'、'.join(link.words)}）")
