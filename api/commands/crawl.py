"""`minsheng crawl` and `minsheng pull`: one run over web sources, over systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.wiring import House
    from crawlers.definitions import Source
    from crawlers.systems.pulling import Pulled
    from crawlers.web.crawl import Crawled

Named = Annotated[
    list[str] | None, typer.Option("--source", help="来源名，或来源定义文件（TOML）；可重复；不给则用全部")
]
Due = Annotated[bool, typer.Option("--due", help="只取到了时候的来源，由定时任务使用")]


def register(app: typer.Typer) -> None:
    app.command("crawl")(crawl)
    app.command("pull")(pull)


def crawl(source: Named = None, due: Due = False) -> None:
    """采集网站来源：遵守 robots.txt，逐页归档，逐件进收件箱。"""
    from api.collecting import crawl_due, crawl_web
    from api.wiring import House
    from crawlers.web.source import WebSource

    with House(read_only=True) as house:
        if due:
            done, bad = crawl_due(house)
            for error in bad:
                typer.secho(str(error), fg=typer.colors.YELLOW, err=True)
            for one in done:
                tell(one)
            return
        chosen = [one for one in _asked_for(house, source) if isinstance(one, WebSource)]
        if not chosen:
            typer.echo(f"没有网站来源：把来源定义（TOML）放进 {house.sources_folder}，写法见 docs/sources.md")
            return
        done, busy = crawl_web(house, chosen)
    for one in done:
        tell(one)
    _tell_busy(busy)


def _asked_for(house: House, names: list[str] | None) -> list[Source]:
    """Sources by name; without names all that are not paused."""
    from crawlers.definitions import all_of, named

    if names:
        return named(house.sources_folder, names)
    places = house.places.all()
    return [
        source for name, source in all_of(house.sources_folder).items() if name not in places or not places[name].paused
    ]


def pull(source: Named = None, due: Due = False) -> None:
    """从系统来源（数据库、接口、邮箱、主题、目录）接着上次的位置取。"""
    from api.collecting import due_now, pull_systems, sends
    from api.wiring import House
    from crawlers.systems.source import SystemSource

    with House(read_only=True) as house:
        if due:
            found, bad = due_now(house, SystemSource)
            for error in bad:
                typer.secho(str(error), fg=typer.colors.YELLOW, err=True)
        else:
            found = _asked_for(house, source)
        chosen = [one for one in found if isinstance(one, SystemSource) and not sends(one)]
        if not chosen:
            if not due:
                typer.echo(f"没有系统来源：把来源定义（TOML）放进 {house.sources_folder}，写法见 docs/sources.md")
            return
        done, busy = pull_systems(house, chosen)
    for one in done:
        tell_pulled(one)
    _tell_busy(busy)
    if not due and any(one.error for one in done):
        raise typer.Exit(1)


def tell(done: Crawled) -> None:
    """What a run did, in a few lines."""
    gap = "" if done.shortest_gap is None else f"，两次请求最短相隔 {done.shortest_gap:.3f} 秒"
    typer.echo(
        f"{done.source}：读 {done.pages} 页（未变 {done.unchanged}），收 {done.items} 件，robots 禁止 {done.forbidden} 页，失败 {done.failed} 页{gap}（{done.reason}）"
    )
    for what, count in (*done.errors.items(), *done.problems.items()):
        typer.echo(f"  {what}（{count} 次）")
    for sentence in done.unread:
        typer.echo(f"  {sentence}")


def tell_pulled(done: Pulled) -> None:
    typer.echo(f"{done.source}：{done.batches} 批，{done.rows:,} 行{'' if not done.error else f'；{done.error}'}")
    for sentence in done.unread:
        typer.echo(f"  {sentence}")


def _tell_busy(names: list[str]) -> None:
    for name in names:
        typer.secho(f"{name}：另一个进程正在取，这一次跳过", fg=typer.colors.YELLOW, err=True)
