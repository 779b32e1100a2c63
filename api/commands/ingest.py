"""`minsheng ingest`: take a file in; `minsheng feed …`: look at a file and its mapping before that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crawlers.feeds.importer import Feed
    from indices.intake.inbox import Books

feeds = typer.Typer(help="文件来源：查看列与映射建议，列出映射。", no_args_is_help=True)
COUNTS = ("received", "stored", "duplicate", "quarantined", "refused", "waiting")
SHOWN_ROWS = 5


def register(app: typer.Typer) -> None:
    app.command("ingest")(ingest)
    app.add_typer(feeds, name="feed")


def ingest(file: Annotated[Path | None, typer.Argument(help="工单文件：.xlsx .xls .csv .tsv .jsonl .parquet，可为 .gz .zst")] = None,
           mapping: Annotated[str | None, typer.Option(help="映射名或 TOML 文件；不给则按列自动选择")] = None,
           source: Annotated[str | None, typer.Option(help="来源名；不给则用映射里的")] = None,
           json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
           watch_once: Annotated[bool, typer.Option("--watch-once", help="把监视文件夹里的文件收进来")] = False) -> None:  # fmt: skip
    """把工单文件收进来：收件、脱敏、识读、入库。同一文件收两次不会重复。"""
    from api.wiring import House
    from models.errors import BadRequest

    with House() as house:
        if watch_once:
            _watch(house)
            return
        if file is None:
            raise BadRequest(name="FILE", value="", reason="请给出文件，或用 --watch-once")
        from api.intake import open_file

        feed = open_file(house, file, mapping=mapping, source=source)
        books = _take_in(house, feed)
    for sentence in (*_unused(feed), *feed.report.sentences()):
        typer.echo(sentence, err=True)
    if json:
        import json as codec

        typer.echo(codec.dumps({**{name: getattr(books, name) for name in COUNTS}, "updated": books.updated}))
        return
    typer.echo(describe(file.name, feed, books))


def _unused(feed: Feed) -> list[str]:
    """Columns that the proposed mapping left aside; a mapping that a person wrote needs no such sentence."""
    if feed.proposal is None or not feed.proposal.unused:
        return []
    names = "".join(f"「{column}」" for column in feed.proposal.unused)
    return [f"列{names}没有对应到字段，只留在收件信息里；需要时用 minsheng feed inspect 存下映射再改"]


def describe(name: str, feed: Feed, books: Books) -> str:
    lines = [f"{name}（映射 {feed.mapping.name}，来源 {feed.mapping.source}）：收到 {books.received:,} 件 = 入库 {books.stored:,}"
             f"（其中更新 {books.updated:,}）+ 重复 {books.duplicate:,} + 隔离 {books.quarantined:,} + 拒收 {books.refused:,} + 等待 {books.waiting:,}"]  # fmt: skip
    if books.quarantined:
        lines.append("隔离的原因：minsheng quarantine list")
    return "\n".join(lines)


def _take_in(house: object, feed: Feed) -> Books:
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from api.intake import take_in
    from api.wiring import House

    assert isinstance(house, House)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        tasks = {step: bar.add_task(step, total=None) for step in ("收件", "入库")}

        def told(step: str, done: int) -> None:
            bar.update(tasks[step], completed=done, description=f"{step} {done:,}")

        return take_in(house, feed.items(), feed.mapping.source, told)


def _watch(house: object) -> None:
    from api.intake import open_file, take_in
    from api.wiring import House
    from indices.intake.watch import WatchedFolder, describe

    assert isinstance(house, House)
    folder = Path(house.settings.watch_folder) if house.settings.watch_folder else house.folder / "incoming"

    def importer(path: Path) -> int:
        feed = open_file(house, path)
        return take_in(house, feed.items(), feed.mapping.source).received

    taken = WatchedFolder(folder, importer).look()
    for one in taken:
        if one.reason:
            typer.secho(f"{one.path}：{one.reason}", fg=typer.colors.YELLOW, err=True)
    typer.echo(describe(taken))


@feeds.command("inspect")
def inspect(file: Annotated[Path, typer.Argument(help="工单文件")],
            save: Annotated[Path | None, typer.Option("-o", "--output", help="把映射存成 TOML，改好后用 ingest --mapping 使用")] = None) -> None:  # fmt: skip
    """看一个文件会怎样收进来：建议的映射、要人决定的地方、前五行。不写入任何数据。"""
    from datetime import UTC, datetime
    from itertools import islice

    from rich.console import Console
    from rich.table import Table

    from api.questions import output_path
    from api.wiring import House
    from crawlers.feeds.importer import SAMPLE_ROWS, Report, read_items
    from crawlers.feeds.mapping import fitting, mappings
    from crawlers.feeds.propose import propose
    from crawlers.feeds.tables import open_sheet

    if save:
        output_path(save)
    sheet = open_sheet(file)
    sample = list(islice(sheet.rows, SAMPLE_ROWS))
    with House() as house:
        known = fitting(sheet.columns, mappings(house.folder / "mappings"))
    proposal = propose(file.name.split(".")[0], sheet.columns, sample)
    mapping = known or proposal.mapping
    table = Table("列", "字段", title=f"{file.name}：{'已有映射 ' + known.name if known else '建议的映射'}")
    for column in sheet.columns:
        table.add_row(column, mapping.columns.get(column, "（留在附加信息里）"))
    console = Console()
    console.print(table)
    for doubt in () if known else proposal.doubts:
        typer.secho(f"要人决定：{doubt}", fg=typer.colors.YELLOW)
    report = Report()
    for item in read_items(sample[:SHOWN_ROWS], mapping, fetched_at=datetime.now(UTC), report=report):
        console.print_json(item.model_dump_json(exclude_defaults=True))
    for sentence in report.sentences():
        typer.secho(sentence, fg=typer.colors.YELLOW)
    if save:
        save.write_text(mapping.to_toml(), encoding="utf-8")
        typer.echo(f"映射已存到 {save}；改好后：minsheng ingest {file} --mapping {save}")


@feeds.command("list")
def list_mappings() -> None:
    """列出可用的映射。"""
    from api.wiring import House
    from crawlers.feeds.mapping import mappings

    with House() as house:
        for mapping in mappings(house.folder / "mappings"):
            typer.echo(f"{mapping.name}\t{mapping.source}\t{mapping.title}\t{'、'.join(mapping.columns)}")
