"""`minsheng crawl`: collect from web sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crawlers.web.crawl import Crawled


def register(app: typer.Typer) -> None:
    app.command("crawl")(crawl)


def crawl(source: Annotated[list[Path] | None, typer.Option("--source", help="来源定义（TOML），可重复；不给则用全部")] = None) -> None:  # fmt: skip
    """采集网站：列表页到详情页，遵守 robots.txt，逐件进收件箱。"""
    from api.wiring import House
    from crawlers.web.crawl import crawl as run
    from crawlers.web.source import load_source

    with House(read_only=True) as house:
        folder = Path(house.settings.crawl_sources) if house.settings.crawl_sources else house.folder / "sources"
        sources = [load_source(path) for path in source or sorted(folder.glob("*.toml"))]
        if not sources:
            typer.echo(f"没有来源：把来源定义（TOML）放进 {folder}，写法见 docs/sources.md")
            return
        for done in run(sources, house.inbox.accept, house.database):
            tell(done)


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
