"""`minsheng model compare`: two models on a city's own labelled table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from api.labelled import Labelled
    from nlp.annotate import Annotator
    from nlp.compare import HeadComparison, Measure

BATCH: Final = 256
SHOWN: Final = 20  # unknown labels named of one head
VERDICTS: Final = {"better": "变好", "worse": "变差", "unclear": "看不出差别", "few": "行数太少，看不出"}
CAUTION: Final = "区间为成对自助法的 95% 区间；逐类看时，每二十类约有一类会看走眼。训练过的行会使数字偏高，请用两个模型都没有见过的行。"


@dataclass(frozen=True)
class Comparison:
    """`unknown[a|b][head][label]`: rows whose label that model does not have; they are not scored in that head."""

    versions: dict[str, str]
    rows: int
    without_text: int
    columns: dict[str, str]
    heads: list[HeadComparison]
    unknown: dict[str, dict[str, dict[str, int]]]


def compare(a: Annotated[str, typer.Argument(metavar="A", help="一个模型：shipped、已有的名字或文件夹")],
            b: Annotated[str, typer.Argument(metavar="B", help="另一个模型")],
            labels: Annotated[Path, typer.Option(help="标注表：csv、xlsx、jsonl 或 parquet，有文本列和标注列")],
            title: Annotated[str | None, typer.Option(help="标题所在列；不给则按表头判断")] = None,
            text: Annotated[str | None, typer.Option(help="内容所在列；不给则按表头判断")] = None,
            json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """在自己的标注表上比较两个模型：逐头逐类的准确率与 F1、B 减 A 的差及 95% 区间，并说明每一类变好、变差还是看不出。"""
    from api.labelled import read_labelled
    from api.wiring import House

    with House(read_only=True) as house:
        models = {"a": house.shelf.open(a), "b": house.shelf.open(b)}
    heads = {head for model in models.values() for head in model.classifier.heads}
    known = {head: {label for m in models.values() for label in m.classifier.heads.get(head, ())} for head in heads}
    table = read_labelled(labels, known, title, text)
    with _bar(2 * len(table.drafts)) as done:
        found = compared(models, table, labels, done)
    if json:
        import json as codec

        typer.echo(codec.dumps({"a": a, "b": b} | asdict(found), ensure_ascii=False, indent=1))
        return
    show(found, a, b)


def compared(models: dict[str, Annotator], table: Labelled, path: Path, done: Callable[[int], None]) -> Comparison:
    """Both models on the rows whose label both of them have.

    Raises:
        BadRequest: there is no such row.
    """
    from models.errors import BadRequest
    from nlp.compare import compare as compare_head

    answers = {name: _labels(model, table, done) for name, model in models.items()}
    unknown: dict[str, dict[str, dict[str, int]]] = {name: {} for name in models}
    heads = []
    for head, truth in table.labels.items():
        for name, model in models.items():
            strange = Counter(label for label in truth if label and label not in model.classifier.heads.get(head, ()))
            if strange:
                unknown[name][head] = dict(strange.most_common())
        rows = [
            row for row, label in enumerate(truth)
            if all(label in model.classifier.heads.get(head, ()) for model in models.values())
        ]  # fmt: skip
        if rows:
            picked = ([answers[name][head][row] for row in rows] for name in ("a", "b"))
            heads.append(compare_head(head, [truth[row] for row in rows], *picked))
    if not heads:
        seen = (
            "、".join(dict.fromkeys(label for truth in table.labels.values() for label in truth if label))
            or "（全是空的）"
        )
        reason = f"没有一行的标注是两个模型都有的类。表中的标注：{seen[:300]}"
        raise BadRequest(name="--labels", value=path.name, reason=reason)
    versions = {name: model.version for name, model in models.items()}
    return Comparison(versions, len(table.drafts), table.without_text, table.columns, heads, unknown)


def _labels(model: Annotator, table: Labelled, done: Callable[[int], None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(table.drafts), BATCH):
        drafts = table.drafts[start : start + BATCH]
        for head, labels in model.labels(drafts).items():
            found.setdefault(head, []).extend(labels)
        done(len(drafts))
    return found


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("读文本"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda n: progress.advance(task, n)


# --- in words -----------------------------------------------------------------------------------------------------------
def show(found: Comparison, a: str, b: str) -> None:
    """Tables of heads and classes, and what was not scored."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)  # a file or a pipe: no column is cut
    table = Table("头", "列", "n", "准确率 A", "B", "B − A", "宏 F1 A", "B", "B − A", "判断（准确率）",
                  title=f"A = {a}（{found.versions['a']}），B = {b}（{found.versions['b']}），{found.rows:,} 行")  # fmt: skip
    for head in found.heads:
        cells = [*_cells(head.accuracy), *_cells(head.macro_f1)]
        table.add_row(head.head, found.columns[head.head], f"{head.n:,}", *cells, VERDICTS[head.verdict])
    console.print(table)
    for head in found.heads:
        table = Table("类", "n", "判对 A", "B", "B − A", "F1 A", "B", "B − A", "B 相对 A（F1）", title=head.head)
        for each in head.classes:
            table.add_row(each.label, f"{each.n:,}", *_cells(each.accuracy), *_cells(each.f1), VERDICTS[each.verdict])
        console.print(table)
    for line in _left_out(found):
        typer.echo(line)
    typer.echo(CAUTION)


def _cells(measure: Measure) -> tuple[str, str, str]:
    low, high = measure.interval
    return f"{measure.a:.3f}", f"{measure.b:.3f}", f"{measure.difference:+.3f}\n{low:+.3f} ~ {high:+.3f}"


def _left_out(found: Comparison) -> Iterator[str]:
    if found.without_text:
        yield f"{found.without_text:,} 行没有文字，未计。"
    for name, heads in found.unknown.items():
        for head, strange in heads.items():
            some = "、".join(f"{label}（{n:,}）" for label, n in list(strange.items())[:SHOWN])
            more = f" 等 {len(strange)} 种" if len(strange) > SHOWN else ""
            yield f"模型 {name.upper()} 的 {head} 没有这些类，共 {sum(strange.values()):,} 行未计分：{some}{more}"
