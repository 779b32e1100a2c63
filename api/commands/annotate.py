"""`minsheng annotate`: a table of texts in, one line of annotation per row out (a public format); or the store read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.tables import Columns, Row
    from nlp.annotate import Annotator

BATCH = 256


def register(app: typer.Typer) -> None:
    app.command("annotate")(annotate)


def annotate(file: Annotated[Path | None, typer.Argument(help="csv、xlsx、jsonl 或 parquet")] = None,
             output: Annotated[Path | None, typer.Option("--output", "-o", help="写入的 JSONL 文件；- 为标准输出")] = None,
             title: Annotated[str | None, typer.Option(help="标题所在列；不给则按表头判断")] = None,
             text: Annotated[str | None, typer.Option(help="内容所在列；不给则按表头判断")] = None,
             row_id: Annotated[str | None, typer.Option("--id", help="编号所在列；没有则用行号")] = None,
             model: Annotated[Path | None, typer.Option(help="另一套权重（文件夹或文件）；不给则用在用的模型")] = None,
             fast: Annotated[bool, typer.Option("--fast", help="线性部分已有把握的不再问编码器：历史大批量时更快，这些行没有编码器读出的地点和第二诉求")] = False,
             again: Annotated[bool, typer.Option("--again", help="不读文件，而把库中由别的模型标注的记录用在用的模型重做")] = False,
             ) -> None:  # fmt: skip
    """逐行标注：分类、诉求类型、建议承办单位、紧急程度、情感、关键词、实体，输出 JSONL。

    --again：重做库中的标注。由处理线在空闲时做，可随时中断，再运行即接着做；期间新到的状态不受影响。
    """
    from models.errors import BadRequest

    if again and (file or output or title or text or row_id or model or fast):
        raise BadRequest(
            name="--again",
            value=str(file or output or model or ""),
            reason="只能单独使用；模型用 minsheng model use 选",
        )
    if again:
        annotate_again()
    elif file is None or output is None:
        missing = "文件" if file is None else "--output"
        raise BadRequest(
            name=missing,
            value="",
            reason="没有给出。用法：minsheng annotate 文件 -o 输出.jsonl，或 minsheng annotate --again",
        )
    else:
        annotate_file(file, output, title, text, row_id, model, fast=fast)


def annotate_file(
    file: Path, output: Path, title: str | None, text: str | None, row_id: str | None, model: Path | None, *, fast: bool
) -> None:
    """Read, annotate, write."""
    from itertools import chain

    from api.tables import find_columns, read_rows
    from nlp.annotate import Annotator

    rows = read_rows(file)
    first = next(rows, None)
    columns = None if first is None else find_columns(file, tuple(first), title, text, row_id)
    annotator = Annotator.load(model) if model else _in_use()
    annotator = annotator.cascading() if fast else annotator
    lines = iter(()) if first is None or columns is None else _lines(chain((first,), rows), columns, annotator)
    count = _write(lines, output)
    typer.echo(f"已标注 {count:,} 行 → {output}（模型 {annotator.version}）", err=True)


def annotate_again() -> None:
    """Ask for it, and work with the line until it is done. Interrupted, the line goes on by itself."""
    from api.commands.store import progress_bar
    from api.wiring import House
    from indices.intake.renewal import carry_out
    from models.query import Query

    with House() as house:
        version, total = house.annotator.version, house.store.search(Query(size=0)).total
        try:
            with progress_bar(f"重新标注（{version}）", total) as advance:
                done = carry_out(
                    house.worker, house.renewal, lambda: house.annotator, lambda progress: advance(progress.looked)
                )
        except KeyboardInterrupt:
            typer.echo("已登记，处理线（minsheng work 或 minsheng run）会接着做；再运行本命令可看进度。", err=True)
            raise typer.Exit(130) from None
    if done.version != version or not done.finished:
        typer.echo(f"没有做完：期间在用的模型不再是 {version}。请再运行 minsheng annotate --again。", err=True)
        raise typer.Exit(1)
    typer.echo(f"看过库中 {done.looked:,} 件，用 {version} 重新标注了 {done.renewed:,} 件")
    if done.failed:
        typer.echo(f"{done.failed:,} 件读不了，仍是原来的标注；编号见日志 renewal.passed_over", err=True)
        raise typer.Exit(1)


def _in_use() -> Annotator:
    from api.wiring import House

    with House(read_only=True) as house:
        return house.annotator


def _lines(rows: Iterator[Row], columns: Columns, annotator: Annotator) -> Iterator[dict[str, Any]]:
    from itertools import islice

    from nlp.annotate import Draft, public_line

    number = 0
    while batch := list(islice(rows, BATCH)):
        drafts = [Draft(title=row.get(columns.title or "", ""), text=row.get(columns.text or "", "")) for row in batch]
        for row, reading in zip(batch, annotator.annotate(drafts), strict=True):
            number += 1
            yield public_line(row.get(columns.id or "", "") or str(number), reading)


def _write(lines: Iterator[dict[str, Any]], output: Path) -> int:
    """Write beside the target and move it there at the end, so that half a file never looks like a whole one."""
    import json
    import sys

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    partial = output.with_name(output.name + ".part")
    console = Console(stderr=True)
    count = 0
    with Progress(SpinnerColumn(), TextColumn("标注 {task.completed:,} 行"), TimeElapsedColumn(), console=console,
                  disable=not console.is_terminal) as progress:  # fmt: skip
        task = progress.add_task("annotate", total=None)
        out = sys.stdout if str(output) == "-" else partial.open("w", encoding="utf-8")
        try:
            for line in lines:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
                progress.update(task, completed=count)
        finally:
            if out is not sys.stdout:
                out.close()
        if out is not sys.stdout:
            partial.replace(output)
    return count
