"""`minsheng source`: sources from the first look to their pause."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from crawlers.systems.source import SystemSource
    from crawlers.web.crawl import Crawled
    from crawlers.web.source import WebSource
    from models.item import Item

group = typer.Typer(help="来源：提议、试取、启用、暂停、补采、检查。", no_args_is_help=True)
PAGES = 3
SHOWN = 60
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


@group.command("new")
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
    from crawlers.web.propose import Proposal, read_detail, read_list
    from crawlers.web.reading import Reading
    from crawlers.web.source import parse_source
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
    done = _crawl_aside(parse_source(values, "source new"), lambda items: len(items), pages=2, spider=Looking)
    if not done.pages:
        raise BadFile(file=url, reason="；".join(done.errors) or done.reason)
    return proposal.to_toml(name)


@group.command("try")
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


group.command("test", help="同 try。")(try_out)


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


@group.command("check")
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
