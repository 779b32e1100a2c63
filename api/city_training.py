"""`minsheng train heads --labels`: from labelled tables to a model of the city, and what to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from api.progress import Share
    from nlp.annotate import Annotator
    from nlp.city import CityClassifier
    from nlp.training.city import Before
    from nlp.training.city_figures import HeadResult
    from nlp.training.city_rows import CityRows


@dataclass(frozen=True)
class Request:
    """The tables, the columns of their texts (None: by their headers), the model to start from, the folder to write."""

    tables: tuple[Path, ...]
    title: str | None
    text: str | None
    base: str
    output: Path


def train_city(request: Request) -> None:
    """Read, teach, write, print.

    Raises:
        BadRequest: a column or value that cannot be used, or nothing that can be taught; BadFile; BadModel.
    """
    from api.progress import share
    from api.wiring import House
    from nlp.classifier import shipped_folder
    from nlp.training.city_card import About, write

    with House(read_only=True) as house:
        annotator = house.shelf.open(request.base)
        folder = house.shelf.find(request.base) or shipped_folder()
    with share() as progress:
        progress.say("读取标注表")
        rows, without_text = read_tables(request, annotator)
        model, measured, refused = taught(request, cast("Before", annotator.classifier), rows, progress)
    about = About(request.base, annotator.version, tuple(path.name for path in request.tables), refused)
    written = write(request.output, folder, model, measured, rows, about)
    show(measured, rows, refused, without_text)
    typer.echo(f"模型 {model.version}，写入 {'、'.join(str(path) for path in written)}")
    typer.echo(f"选用：minsheng model use {request.output}")


def taught(
    request: Request, before: Before, rows: CityRows, progress: Share
) -> tuple[CityClassifier, list[HeadResult], dict[str, str]]:
    """The model, what became of each head, and why some columns could not be taught."""
    from nlp.city import CityClassifier
    from nlp.training.city import ask, steps, teach
    from nlp.training.city_figures import results
    from nlp.training.city_rows import choose

    earlier = before if isinstance(before, CityClassifier) else None
    chosen, refused = choose(rows, (earlier.base if earlier else before).heads, before.heads["topic"])
    if not chosen:
        raise nothing_to_teach(request.tables, refused)
    reading, done = len(rows) / 100, 0  # a hundred texts take about as long as a step
    total = reading + steps(chosen)

    def read(n: int) -> None:
        progress.at(n / 100 / total, f"原模型读 {n:,}/{len(rows):,} 条")

    def step(name: str) -> None:
        nonlocal done
        done += 1
        progress.at((reading + done - 1) / total, name)

    base, found, given = ask(before, rows, read)
    fitted = teach(base, earlier, rows, chosen, found, given, step)
    return fitted.model, results(fitted, chosen, before, given), refused


def read_tables(request: Request, annotator: Annotator) -> tuple[CityRows, int]:
    """The rows of all tables, and how many had no text."""
    from api.labelled import read_labelled
    from models.errors import BadRequest
    from nlp.training.city_rows import city_rows

    known = {head: frozenset(labels) for head, labels in annotator.classifier.heads.items()}
    tables = [read_labelled(path, known, request.title, request.text) for path in request.tables]
    for path, table in zip(request.tables, tables, strict=True):
        columns = "、".join(f"{head}（{name}）" for head, name in table.columns.items())
        typer.echo(
            f"{path.name}：{len(table.drafts):,} 行，文本列 {'、'.join(table.text_columns)}，标注列 {columns}", err=True
        )
        if not table.drafts:
            raise BadRequest(
                name="--text", value="、".join(table.text_columns), reason=f"{path.name} 的每一行都没有文字"
            )
    return city_rows([(table.drafts, table.labels) for table in tables]), sum(table.without_text for table in tables)


def nothing_to_teach(tables: Sequence[Path], refused: dict[str, str]) -> Exception:
    from models.errors import BadRequest

    names = "、".join(path.name for path in tables)
    why = "；".join(f"{head} {reason}" for head, reason in refused.items())
    return BadRequest(name="--labels", value=names, reason=f"没有可以学的列。{why}。请补充标注后再训练")


def show(found: Sequence[HeadResult], rows: CityRows, refused: dict[str, str], without_text: int) -> None:
    """Tables of heads and classes, then what was left out, and how the figures are to be read."""
    from rich.console import Console
    from rich.table import Table

    from nlp.training.city_card import CAUTION, class_cells, head_cells, left_out

    console = Console()
    if not console.is_terminal:
        console = Console(width=170)  # a file or a pipe: no column is cut
    table = Table("头", "n", "准确率 前", "后", "后 − 前", "宏 F1 前", "后", "ECE", "回答比例", "答对", "判断",
                  title=f"变好了没有：{len(rows):,} 条文本，五折交叉检验")  # fmt: skip
    for each in found:
        table.add_row(*head_cells(each))
    console.print(table)
    for each in found:
        table = Table("类", "n", "F1 前", "后", "后 − 前", "判断", title=each.head)
        for one in each.classes:
            table.add_row(*class_cells(one))
        console.print(table)
    if without_text:
        typer.echo(f"{without_text:,} 行没有文字，未用。")
    for line in (*left_out(rows, found, refused), *CAUTION):
        typer.echo(line)
