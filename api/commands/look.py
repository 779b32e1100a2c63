"""`minsheng source new`, `try` and `check`: looking at a source without keeping anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.source import Name, group

if TYPE_CHECKING:
    from crawlers.systems.source import SystemSource
    from crawlers.web.crawl import Crawled
    from crawlers.web.source import WebSource
    from models.item import Item

PAGES = 3
SHOWN = 60


def register(_: typer.Typer) -> None:
    """Into the group of `api.commands.source`."""
    group.command("new")(new)
    group.command("try")(try_out)
    group.command("test", help="同 try。")(try_out)
    group.command("check")(check)


def new(url: Annotated[str, typer.Argument(help="列表页、站点地图、RSS 或接口的网址")],
        name: Annotated[str, typer.Option(help="来源名")] = "new-source",
        template: Annotated[str, typer.Option(help="用模板，不读网页：mailbox board news feed sitemap ckan open311 search")] = "",
        inside: Annotated[bool, typer.Option("--inside", help="本单位内网的网站")] = False,
        output: Annotated[Path | None, typer.Option("-o", "--output", help="写到文件；不给则打印")] = None) -> None:  # fmt: skip
    """读一个网站的列表页和第一个详情页，提议一份来源定义，由人改定。"""
    from api.questions import output_path
    from crawlers.web import propose
    from models.errors import BadRequest

    if template:
        try:
            text = propose.template(template, url, name)
        except KeyError:
            raise BadRequest(
                name="--template", value=template, reason=f"应为 {'、'.join(propose.templates())}"
            ) from None
    else:
        text = _proposed(url, name, inside)
    if output:
        output_path(output)
        output.write_text(text, encoding="utf-8")
        typer.echo(f"已写到 {output}；填好“请填写”的几处，再试：minsheng source try {output}")
    else:
        typer.echo(text)


def _proposed(url: str, name: str, inside: bool) -> str:
    from crawlers.definitions import parse
    from crawlers.web.propose import Proposal, read_detail, read_list
    from crawlers.web.reading import Reading
    from crawlers.web.source import WebSource
    from crawlers.web.spider import PageSpider
    from indices.collection.frontier import Wanted
    from models.errors import BadFile

    proposal = Proposal(url)

    class Looking(PageSpider):
        """Reads the list page for its shape, then one page that it leads to."""

        def read_page(self, content: Any, page: Any, fetched_at: Any) -> Reading:
            if page.role == "detail":
                read_detail(proposal, content, fetched_at)
                return Reading()
            read_list(proposal, content)
            return Reading(found=[Wanted(proposal.example, "detail")] if proposal.example else [])

    values = {
        "name": name,
        "start": url,
        "items": "a",
        "fields": {"title": "h1"},
        "legal_basis": "看一眼",
        "contact": "source new",
        "inside": inside,
    }
    source = parse(values, "source new")
    assert isinstance(source, WebSource)
    done = _crawl_aside(source, lambda items: len(items), pages=2, spider=Looking)
    if not done.pages:
        raise BadFile(file=url, reason="；".join(done.errors) or done.reason)
    return proposal.to_toml(name)


def try_out(what: Annotated[str, typer.Argument(metavar="FILE|NAME", help="来源定义（TOML），或来源名")],
            url: Annotated[str | None, typer.Argument(help="一个详情页；不给则从列表页取第一封")] = None) -> None:  # fmt: skip
    """取几页或几行，看字段读成什么样、缺什么；什么也不入库。"""
    from api.wiring import House
    from crawlers.definitions import named
    from crawlers.systems.source import SystemSource

    with House(read_only=True) as house:
        [source] = named(house.sources_folder, [what])
        mappings = house.folder / "mappings"
    if isinstance(source, SystemSource):
        _try_system(source, mappings)
    else:
        _try_web(source, url)


def _try_web(source: WebSource, url: str | None) -> None:
    from crawlers.web.addresses import refusal
    from models.errors import BadRequest

    if url is not None and (reason := refusal(url)) and not source.inside:
        raise BadRequest(name="URL", value=url[:200], reason=reason)
    found: list[Item] = []

    def accept(items: list[Item]) -> int:
        found.extend(items)
        return len(items)

    done = _crawl_aside(source, accept, pages=1 if url else PAGES, detail=url or "")
    _tell(source, found, done)
    if not found:
        raise typer.Exit(1)


def _crawl_aside(source: WebSource, accept: Any, *, pages: int, detail: str = "", spider: Any = None) -> Crawled:
    """A few pages with a frontier of their own, which is thrown away."""
    from tempfile import TemporaryDirectory

    from crawlers.web.crawl import crawl
    from indices.database import connect, create_tables

    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/state.db")
        create_tables(engine)
        tried = source.model_copy(update={"max_pages": pages, "window": ""})
        [done] = crawl([tried], accept, engine, detail=detail, spider=spider)
        engine.dispose()
    return done


def _tell(source: WebSource, found: list[Item], done: Crawled) -> None:
    typer.echo(
        f"读 {done.pages} 页，得 {len(found)} 件，robots 禁止 {done.forbidden} 页，失败 {done.failed} 页（{done.reason}）"
    )
    for sentence in (*done.problems, *done.unread):
        typer.echo(f"  {sentence}")
    if not found:
        why = (
            "；".join(done.problems) or "列表上的各件都没有读到"
            if done.pages
            else "；".join(done.errors) or done.reason
        )
        typer.echo(f"没有得到一件：{why}。")
        return
    selectors = {**source.list_fields, **source.fields}
    empty = _show(found[0], selectors)
    if empty:
        typer.echo(
            f"空的字段：{'、'.join(empty)}。请核对选择器；若这一封本来就没有，换一封试：minsheng source try 文件 网址"
        )
    if "native_id" not in selectors and not found[0].native_id:
        typer.echo("没有 native_id：同一封信以网址认。")


def _show(item: Item, selectors: dict[str, str]) -> list[str]:
    """A table of the fields; the names of the empty ones."""
    from rich.console import Console
    from rich.table import Table

    values = {"native_id": item.native_id, **item.payload.model_dump()}
    table = Table("字段", "取自", "读到的", title=str(item.payload.url or ""))
    for field, selector in selectors.items():
        value = values.get(field)
        text = "（空）" if value is None or value == "" else " ".join(str(value).split())
        table.add_row(field, selector, text if len(text) <= SHOWN else f"{text[:SHOWN]}…（共 {len(text)} 字）")
    Console().print(table)
    return [field for field in selectors if values.get(field) in (None, "")]


def _try_system(source: SystemSource, mappings: Path) -> None:
    from itertools import islice

    from crawlers.feeds.importer import Report
    from crawlers.systems.pulling import connector_of, items_of
    from crawlers.systems.source import System
    from models.clock import now

    if source.system is System.WEBHOOK:
        typer.echo(f"对方主动发送到 POST /hooks/{source.name}，签名写法见 docs/sources.md。")
        return
    if source.system is System.FOLDER:
        names = sorted(path.name for path in Path(source.table).glob("*")) if Path(source.table).is_dir() else []
        typer.echo(f"目录 {source.table}：{len(names)} 个文件。要看一个文件怎样读：minsheng feed inspect 文件")
        return
    columns, report = source.read_as(mappings), Report()
    tried = source.model_copy(update={"batch": 10})
    batch = next(iter(connector_of(tried).batches({})), None)
    if batch is None or not batch.rows:
        typer.echo("连上了，没有读到一行。")
        raise typer.Exit(1)
    typer.echo(f"连上了，列：{'、'.join(batch.rows[0])}")
    items = items_of(list(islice(batch.rows, 10)), columns, now(), report)
    for sentence in report.sentences():
        typer.echo(f"  {sentence}")
    selectors = {field: column for column, field in columns.columns.items()}
    if empty := _show(items[0], selectors):
        typer.echo(f"第一行里空的字段：{'、'.join(empty)}")


def check(name: Name, days: Annotated[int, typer.Option(min=1, help="看最近多少天的归档")] = 30) -> None:
    """用今天的解析重读归档的页，逐字段比较：哪些字段以前读得到、现在读不到。"""
    from datetime import timedelta

    from rich.console import Console
    from rich.table import Table

    from api.replay import check as compare
    from api.wiring import House
    from crawlers.definitions import named
    from models.clock import city_day, now

    today = city_day(now())
    with House(read_only=True) as house:
        [source] = named(house.sources_folder, [name])
        house.audit.note("console", "source.check", name)
        found, shares = compare(house, source, today - timedelta(days=days), today)
    table = Table("字段", "库里有", "今天读到", "", title=f"{name}：{found.read:,} 页（行），{found.items:,} 件")
    for share in shares:
        table.add_row(share.field, f"{share.kept:,}", f"{share.now:,}", "消失" if share.vanished else "")
    Console().print(table)
    for problem, count in found.problems.most_common(10):
        typer.echo(f"  {problem}（{count} 页）")
    vanished = [share.field for share in shares if share.vanished]
    if vanished or found.lost:
        lost = f"{len(found.lost):,} 件今天读不出来" if found.lost else ""
        typer.secho(
            "；".join(part for part in (f"字段消失：{'、'.join(vanished)}" if vanished else "", lost) if part),
            fg=typer.colors.RED,
        )
        raise typer.Exit(1)
    typer.echo("没有字段消失。")
