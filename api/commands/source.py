"""`minsheng source`: sources from the first look to their pause."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crawlers.systems.source import SystemSource
    from crawlers.web.source import WebSource

group = typer.Typer(help="来源：提议、试取、启用、暂停、补采、检查。", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="来源名")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="source")


@group.command("list")
def list_all() -> None:
    """列出全部来源：形式、状态、上次怎样结束。"""
    from datetime import datetime

    from rich.console import Console
    from rich.table import Table

    from api.wiring import House
    from crawlers.definitions import usable
    from models.clock import CITY_TIME

    with House(read_only=True) as house:
        found, bad = usable(house.sources_folder)
        places = house.places.all()
    table = Table("来源", "形式", "状态", "上次开始", "怎样结束")
    for name, source in found.items():
        place = places.get(name)
        state = (
            "暂停"
            if place and place.paused
            else "未运行"
            if place is None or place.began_at is None
            else "运行中或中断"
            if place.unfinished
            else "启用"
        )
        began = (
            datetime.fromtimestamp(place.began_at, CITY_TIME).strftime("%m-%d %H:%M")
            if place and place.began_at
            else ""
        )
        table.add_row(name, _form(source), state, began, (place.error or place.reason) if place else "")
    Console().print(table)
    for error in bad:
        typer.secho(str(error), fg=typer.colors.YELLOW, err=True)


def _form(source: WebSource | SystemSource) -> str:
    return str(getattr(source, "form", None) or getattr(source, "system", ""))


@group.command("add")
def add(file: Annotated[Path, typer.Argument(help="来源定义（TOML）")]) -> None:
    """核对一份来源定义并启用：放进来源目录，下一轮定时任务就取。"""
    from api.wiring import House
    from crawlers.definitions import load, usable
    from models.errors import BadFile

    source = load(file)
    if unfilled := [name for name in ("owner", "legal_basis", "contact") if "请填写" in str(getattr(source, name, ""))]:
        raise BadFile(file=file.name, reason=f"{'、'.join(unfilled)} 还没有填写")
    with House() as house:
        folder = house.sources_folder
        folder.mkdir(parents=True, exist_ok=True)
        if source.name in usable(folder)[0]:
            raise BadFile(file=file.name, reason=f"来源 {source.name} 已经有了；要改它，请直接改 {folder} 里的文件")
        target = folder / f"{file.stem}.toml"
        if target.exists():
            raise BadFile(file=file.name, reason=f"{target} 已经存在，请换一个文件名")
        target.write_bytes(file.read_bytes())
        house.audit.note("console", "source.add", source.name)
    typer.echo(f"已启用 {source.name}（{target}）。")


@group.command("pause")
def pause(name: Name) -> None:
    """暂停一个来源；正在进行的一次取完为止。"""
    _pause(name, True)


@group.command("resume")
def resume(name: Name) -> None:
    """恢复暂停的来源。"""
    _pause(name, False)


def _pause(name: str, paused: bool) -> None:
    from api.wiring import House
    from crawlers.definitions import named

    with House(read_only=True) as house:
        named(house.sources_folder, [name])
        house.places.pause(name, paused=paused)
        house.audit.note("console", "source.pause" if paused else "source.resume", name)
    typer.echo(f"{name} 已{'暂停' if paused else '恢复'}。")


@group.command("run")
def run_now(name: Name) -> None:
    """请定时任务尽快取一次这个来源，暂停的也取。"""
    from api.wiring import House
    from crawlers.definitions import named

    with House(read_only=True) as house:
        named(house.sources_folder, [name])
        house.places.want(name)
        house.audit.note("console", "source.run", name)
    typer.echo(
        f"{name} 将在下一轮定时任务里取（几分钟之内）；要在这里取：minsheng crawl 或 minsheng pull --source {name}"
    )


@group.command("backfill")
def backfill(name: Name,
             begin: Annotated[str, typer.Option("--from", help="第一天，如 2026-03-01")],
             end: Annotated[str, typer.Option("--to", help="最后一天")]) -> None:  # fmt: skip
    """补采一段日子；已有的不重复，取数的位置不动。"""
    from api.collecting import crawl_web, pull_systems, sends, span_of
    from api.commands.crawl import tell, tell_pulled
    from api.commands.store import progress_bar
    from api.wiring import House
    from crawlers.definitions import named
    from crawlers.systems.source import SystemSource
    from models.errors import BadRequest

    span = span_of(begin, end)
    with House(read_only=True) as house:
        [source] = named(house.sources_folder, [name])
        if sends(source):
            raise BadRequest(
                name="NAME", value=name, reason="它由对方主动发送，不能补采；请对方重发那几天的，重复的不会多算"
            )
        house.audit.note("console", "source.backfill", f"{name} {begin} {end}")
        if isinstance(source, SystemSource):
            with progress_bar(f"补采 {name}", None) as advance:
                pulled, busy = pull_systems(house, [source], span, advance)
            for one in pulled:
                tell_pulled(one)
        else:
            # A site that cannot be asked for days is read as deep as it goes; what is known is not fetched anew.
            crawled, busy = crawl_web(house, [source.model_copy(update={"stop_after": 0})], span.begin)
            for done in crawled:
                tell(done)
    if busy:
        typer.secho(f"{name}：另一个进程正在取，请稍后再补", fg=typer.colors.YELLOW, err=True)
        raise typer.Exit(1)


@group.command("health")
def health(record: Annotated[bool, typer.Option("--record", help="登记预警（定时任务使用）")] = False) -> None:
    """每个来源在昨天的状态：正常、迟缓、安静、异常、中断，以及为什么。"""
    from rich.console import Console
    from rich.table import Table

    from api.source_health import healths, record_health
    from api.wiring import House

    with House(read_only=True) as house:
        found = healths(house)
        raised = record_health(house) if record else []
    table = Table("来源", "状态", "收到", "应有", "原因")
    for name, one in sorted(found.items(), key=lambda pair: (_WORST.index(pair[1].state), pair[0])):
        table.add_row(name, one.state, f"{one.received:,}", f"{one.expected:,.0f}", one.reason)
    Console().print(table)
    if record:
        typer.echo(f"登记预警 {len(raised)} 条。")


_WORST = ("中断", "异常", "迟缓", "安静", "正常", "未满")
