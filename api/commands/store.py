"""`minsheng store`: where the records lie, and moving them from one engine to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from indices.stores.copying import Copied
    from models.ports import Store
    from models.settings import Settings

ENGINES = ("embedded", "elastic")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="检索库：状态，以及在内嵌引擎与 Elasticsearch 之间搬移。", no_args_is_help=True)
    group.command("status")(status)
    group.command("copy")(copy)
    group.command("rebuild")(rebuild)
    app.add_typer(group, name="store")


def status(
    engine: Annotated[str, typer.Option(help="embedded 或 elastic；不给则为设置中的引擎")] = "",
    json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """检索库的引擎、索引、件数、占用、健康。"""
    from api.wiring import House

    with House(read_only=True) as house:
        shown = status_of(house.settings, engine or house.settings.store)
    if json:
        import json as codec

        typer.echo(codec.dumps(shown, ensure_ascii=False))
        return
    for name, value in shown.items():
        typer.echo(
            f"{TITLES.get(name, name)}：{value:,}" if isinstance(value, int) else f"{TITLES.get(name, name)}：{value}"
        )


TITLES = {
    "engine": "引擎", "folder": "位置", "alias": "别名", "index": "索引", "mapping_version": "映射版本", "records": "件数",
    "size_bytes": "占用（字节）", "health": "健康", "nodes": "节点", "breaker": "断路器", "addresses": "地址",
}  # fmt: skip


def status_of(settings: Settings, engine: str) -> dict[str, Any]:
    """What there is to say of an engine; addresses without credentials."""
    import re

    from models.query import Query

    with opened(settings, engine, read_only=True) as store:
        if engine == "elastic":
            addresses = re.sub(r"//[^@/,]*@", "//", settings.elastic_url)
            told: dict[str, Any] = store.status()  # type: ignore[attr-defined]  # only this engine has a server to ask
            return {"engine": engine, "addresses": addresses} | told
        folder = settings.folder / "index"
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        records = store.search(Query(size=0)).total
        return {"engine": engine, "folder": str(folder), "records": records, "size_bytes": size}


@contextmanager
def opened(settings: Settings, engine: str, *, read_only: bool) -> Iterator[Store]:
    """The store of an engine by name, whatever engine the settings choose."""
    from api.wiring import open_store
    from models.errors import BadRequest

    if engine not in ENGINES:
        raise BadRequest(name="engine", value=engine, reason=f"应为 {' 或 '.join(ENGINES)}")
    store = open_store(settings.model_copy(update={"store": engine}), read_only=read_only)
    try:
        yield store
    finally:
        store.close()


def copy(
    to: Annotated[str, typer.Option("--to", help="目标引擎：elastic 或 embedded；来源是另一个")],
    json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """把全部记录从一个引擎搬到另一个；可中断、可重跑：目标已有同版或新版的记录不动。"""
    from api.wiring import House
    from indices.stores.copying import copy as copy_records
    from models.query import Query

    origin = "embedded" if to == "elastic" else "elastic"
    with House(read_only=True) as house, opened(house.settings, to, read_only=False) as target:
        with opened(house.settings, origin, read_only=True) as source:
            target.search(Query(size=0))  # a target that is away is told at once, not after the patience of a copy
            total = source.search(Query(size=0)).total
            with progress_bar(f"{origin} → {to}", total) as advance:
                copied = copy_records(source, target, progress=advance)
        held = target.search(Query(size=0)).total
    report(copied, held, json)


def rebuild(
    shards: Annotated[int, typer.Option(min=0, max=64, help="新索引的主分片数；0 为设置中的数")] = 0,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """Elasticsearch：按本程序的映射建立下一版索引，搬入全部记录后切换别名。请先停下处理线（minsheng work）。"""
    from api.wiring import House
    from indices.stores.elastic_rebuild import rebuild as rebuild_index

    with House(read_only=True) as house, progress_bar("rebuild", None) as advance:
        made = rebuild_index(house.settings, shards=shards or None, progress=advance)
    report(made.copied, made.held, json, {"old_index": made.old, "new_index": made.new})
    typer.echo(f"别名已指向 {made.new}；旧索引 {made.old} 仍在，确认后可自行删除。", err=True)


@contextmanager
def progress_bar(title: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """A bar on stderr where that is a terminal; call what it gives with the number done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


def report(copied: Copied, held: int, json: bool, extra: dict[str, str] | None = None) -> None:
    """The counts; status 1 where a record was rejected or the target holds fewer than it was given."""
    books = copied.books | {"held": held}
    if json:
        import json as codec

        typer.echo(codec.dumps(books | (extra or {}), ensure_ascii=False))
    else:
        typer.echo(
            f"读出 {copied.read:,} 件：新存 {books['stored']:,}，更新 {books['updated']:,}，已有 {books['duplicate']:,}，"
            f"拒收 {books['rejected']:,}；目标现有 {held:,} 件"
        )
    for record_id, reason in copied.rejected:
        typer.secho(f"拒收 {record_id}：{reason}", fg=typer.colors.RED, err=True)
    if held < copied.kept:
        typer.secho(f"目标少了 {copied.kept - held:,} 件，请重跑本命令", fg=typer.colors.RED, err=True)
    if held < copied.kept or copied.rejected:
        raise typer.Exit(1)
