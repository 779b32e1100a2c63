"""`minsheng replay` and `minsheng archive`: what came, kept and read again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.replay import Rebuilt
    from api.wiring import House
    from crawlers.definitions import Source

group = typer.Typer(help="归档：原样保存的网页与数据行；核对、搬走、取回、清理。", no_args_is_help=True)
From = Annotated[str, typer.Option("--from", help="第一天（到达的日子），如 2026-03-01；不给则从头")]
To = Annotated[str, typer.Option("--to", help="最后一天；不给则到今天")]


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)
    app.add_typer(group, name="archive")


def replay(source: Annotated[str, typer.Option("--source", help="来源名")], begin: From = "", end: To = "",
           apply: Annotated[bool, typer.Option("--apply", help="把差别写成新的索引版本并切换；不给则只看差别")] = False,
           yes: Annotated[bool, typer.Option("--yes", help="不再询问")] = False) -> None:  # fmt: skip
    """用今天的解析与模型重读归档，先给出差别（新增、改变、消失），再决定是否替换。"""
    from api.commands.store import progress_bar
    from api.replay import apply as put
    from api.replay import rebuild
    from api.wiring import House

    first, last = days_of(begin, end)
    with House(read_only=True) as house:
        definition = definition_of(house, source)
        house.audit.note("console", "replay.read", f"{source} {first} {last}")
        with progress_bar(f"重读 {source}", None) as advance:
            found = rebuild(house, source, definition, first, last, advance)
        tell(found)
        change = found.change
        if not apply or not (change.kept or change.lost):
            typer.echo(
                "没有写入任何改变。"
                if apply or not (change.kept or change.lost)
                else "以上只是比较，没有写入；要替换请加 --apply。"
            )
            return
        if not yes:
            typer.confirm(
                f"用新的版本替换？新增 {len(found.added):,}、改变 {len(found.changed):,}、消失 {len(found.lost):,}",
                abort=True,
            )
        house.store.close()
        with progress_bar("写新版本", None) as advance:
            made = put(house, change, advance)
        house.audit.note(
            "console",
            "replay.apply",
            f"{source} {first} {last}: +{len(found.added)} ~{len(found.changed)} -{len(found.lost)}",
        )
    typer.echo(f"已切换到新版本：{made}")


def days_of(begin: str, end: str) -> tuple[date, date]:
    """Raises BadRequest."""
    from models.errors import BadRequest

    try:
        return date.fromisoformat(begin) if begin else date.min, date.fromisoformat(end) if end else date.max
    except ValueError as error:
        raise BadRequest(
            name="--from/--to", value=f"{begin} {end}", reason=f"应为日期，如 2026-03-01（{error}）"
        ) from None


def definition_of(house: House, name: str) -> Source | None:
    """The source's definition; None for one that pushes or whose files are ingested."""
    from crawlers.definitions import usable

    return usable(house.sources_folder)[0].get(name)


def tell(found: Rebuilt) -> None:
    """The difference, in lines."""
    typer.echo(f"重读 {found.read:,} 页（行），得 {found.items:,} 件：相同 {found.same:,}，新增 {len(found.added):,}，改变 {len(found.changed):,}，"
               f"消失 {len(found.lost):,}，库中已有更新的 {found.later:,}，读不成的 {found.unreadable:,}")  # fmt: skip
    if found.fields:
        typer.echo("  改变的字段：" + "、".join(f"{name} {count:,}" for name, count in found.fields.most_common()))
    for title, ids in (("新增", found.added), ("改变", found.changed), ("消失", found.lost)):
        if ids:
            typer.echo(f"  {title}例：{'、'.join(sorted(ids)[:5])}")
    for problem, count in found.problems.most_common(10):
        typer.echo(f"  {problem}（{count} 页）")


@group.command("list")
def list_days() -> None:
    """每个来源归档了哪些日子、多少块、多大。"""
    from rich.console import Console
    from rich.table import Table

    from api.wiring import House

    table = Table("来源", "最早", "最近", "天", "块", "字节")
    with House(read_only=True) as house:
        files = house.archive.files
        for source in files.sources():
            days, entries = files.days(source), list(files.entries(source))
            if days:
                table.add_row(
                    source,
                    str(days[0]),
                    str(days[-1]),
                    f"{len(days):,}",
                    f"{len(entries):,}",
                    f"{sum(one.length for one in entries):,}",
                )
    Console().print(table)


@group.command("verify")
def verify(source: Annotated[str, typer.Option("--source", help="来源名；不给则全部")] = "") -> None:
    """逐块核对校验和。"""
    from api.wiring import House

    broken = 0
    with House(read_only=True) as house:
        files = house.archive.files
        for name in [source] if source else files.sources():
            good, bad = files.verify(name)
            broken += len(bad)
            typer.echo(f"{name}：{good:,} 块完好，{len(bad)} 块不符")
            for sentence in bad:
                typer.secho(f"  {sentence}", fg=typer.colors.RED)
    if broken:
        raise typer.Exit(1)


@group.command("ship")
def ship() -> None:
    """把今天以前的日子搬到 MINSHENG_ARCHIVE_URL（共享目录、S3 等）；逐个核对后才删本地的。"""
    from api.wiring import House
    from crawlers.archive.shipping import ship as send
    from models.clock import city_day, now
    from models.errors import BadSetting

    with House(read_only=True) as house:
        if not (url := house.settings.archive_url):
            raise BadSetting(
                name="MINSHENG_ARCHIVE_URL",
                value="",
                reason="没有设置搬到哪里，例如 s3://bucket/minsheng 或 file:///mnt/share",
            )
        for source, day, size in send(house.archive.files, url, city_day(now())):
            typer.echo(f"{source} {day}：{size:,} 字节")


@group.command("fetch")
def fetch(source: Annotated[str, typer.Option("--source", help="来源名")], begin: From = "", end: To = "") -> None:
    """把搬走的日子取回来，供重读。"""
    from api.wiring import House
    from crawlers.archive.shipping import fetch as bring

    first, last = days_of(begin, end)
    with House(read_only=True) as house:
        count = bring(house.archive.files, house.settings.archive_url, source, first, last)
    typer.echo(f"取回 {count} 个文件")


@group.command("expire")
def expire() -> None:
    """按密级删除过期的原件：一般1级 1095 天，2级 730，3级 365，4级与重要 180，核心 90。记录与审计不动。"""
    from api.wiring import House
    from crawlers.definitions import usable
    from models.clock import city_day, now

    with House(read_only=True) as house:
        grades = {name: source.grade for name, source in usable(house.sources_folder)[0].items()}
        gone = house.archive.forget(grades, city_day(now()))
        house.days.forget(city_day(now()) - timedelta(days=400))
        for source, days in gone.items():
            house.audit.note("console", "archive.expire", f"{source} {days}")
            typer.echo(f"{source}：删除 {days} 天")
