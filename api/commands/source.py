"""`minsheng source`: a web source before it is put to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crawlers.web.crawl import Crawled
    from crawlers.web.source import WebSource
    from models.item import Item

group = typer.Typer(help="网站来源：启用之前先试。", no_args_is_help=True)
PAGES = 3
SHOWN = 60


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="source")


@group.command("try")
def try_out(file: Annotated[Path, typer.Argument(help="来源定义（TOML）")],
            url: Annotated[str | None, typer.Argument(help="一个详情页；不给则从列表页取第一封")] = None) -> None:  # fmt: skip
    """有礼貌地取几页，看字段读成什么样、缺什么；什么也不入库。"""
    from tempfile import TemporaryDirectory

    from crawlers.web.addresses import refusal
    from crawlers.web.crawl import crawl
    from crawlers.web.source import load_source
    from indices.database import connect, create_tables
    from models.errors import BadRequest

    source = load_source(file)
    if url is not None and (reason := refusal(url)) and not source.inside:
        raise BadRequest(name="URL", value=url[:200], reason=reason)
    found: list[Item] = []

    def accept(items: list[Item]) -> int:
        found.extend(items)
        return len(items)

    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/state.db")
        create_tables(engine)
        tried = source.model_copy(update={"max_pages": 1 if url else PAGES, "window": ""})
        [done] = crawl([tried], accept, engine, detail=url or "")
        engine.dispose()
    _tell(source, found, done)
    if not found:
        raise typer.Exit(1)


def _tell(source: WebSource, found: list[Item], done: Crawled) -> None:
    from rich.console import Console
    from rich.table import Table

    typer.echo(
        f"读 {done.pages} 页，得 {len(found)} 件，robots 禁止 {done.forbidden} 页，失败 {done.failed} 页（{done.reason}）"
    )
    for sentence in done.unread:
        typer.echo(f"  {sentence}")
    if not found:
        why = (
            "；".join(done.problems) or "列表上的各件都没有读到"
            if done.pages
            else "；".join(done.errors) or done.reason
        )
        typer.echo(f"没有得到一件：{why}。")
        return
    item = found[0]
    values = {"native_id": item.native_id, **item.payload.model_dump()}
    table = Table("字段", "选择器", "读到的", title=str(item.payload.url or ""))
    selectors = {**source.list_fields, **source.fields}
    for field, selector in selectors.items():
        value = values.get(field)
        text = "（空）" if value is None or value == "" else " ".join(str(value).split())
        table.add_row(field, selector, text if len(text) <= SHOWN else f"{text[:SHOWN]}…（共 {len(text)} 字）")
    Console().print(table)
    if empty := [field for field in selectors if values.get(field) in (None, "")]:
        typer.echo(
            f"空的字段：{'、'.join(empty)}。请核对选择器；若这一封本来就没有，换一封试：minsheng source try 文件 网址"
        )
    if "native_id" not in selectors and not item.native_id:
        typer.echo("没有 native_id：同一封信以网址认。")
