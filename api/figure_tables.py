"""Figures of a classifier as tables in the terminal: labels and counts, never a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nlp.compare import Measure
    from nlp.training.beside import Beside
    from nlp.training.figures import HeadFigure, PartFigure

COLUMNS = (
    ("准确率", "accuracy"), ("宏 F1", "macro_f1"), ("kappa", "kappa"), ("前三", "top3"), ("ECE", "ece"), ("回答比例", "coverage"),
    ("答对", "answered_right"), ("事后最佳", "oracle"),
)  # fmt: skip
ORACLE = (
    "回答比例、答对：按弃权门限回答的比例，和其中答对的。事后最佳：看着这些行的答案选一个门限，答对达到承诺（情绪 75%，其余 95%）时"
    "最多能回答的比例；不是承诺，只说明置信度的排序还有多少余地。"
)


def print_figures(found: Sequence[HeadFigure], *, classes: bool = False) -> None:
    """One table of heads; with `classes` three more per head: classes, confusions, parts of the rows."""
    from rich.table import Table

    console = _console()
    table = Table("头", "行", "n", *(name for name, _ in COLUMNS), title="留出数字（95% 自助法区间）")
    for figure in found:
        table.add_row(figure.head, figure.rows, f"{figure.n:,}", *(_shown(figure, name) for _, name in COLUMNS))
    console.print(table)
    console.print(ORACLE, highlight=False, soft_wrap=True)
    for figure in found if classes else ():
        for each in (_classes(figure), _confusions(figure), _parts(figure)):
            if each.row_count:
                console.print(each)


def print_beside(title: str, found: Sequence[Beside]) -> None:
    """Several ways on the same rows, set by set; the first of a set is ours."""
    from rich.table import Table

    table = Table(
        "头",
        "行",
        "n",
        "做法",
        "准确率",
        "宏 F1",
        "kappa",
        "ECE",
        "事后最佳",
        "一致",
        "差：准确率",
        "差：宏 F1",
        title=title,
    )
    for (head, rows), ways in groupby(found, key=lambda one: (one.head, one.rows)):
        for place, one in enumerate(ways):
            names = ("", "", "") if place else (head, rows, f"{one.n:,}")
            table.add_row(
                *names, one.way, f"{one.accuracy:.3f}", f"{one.macro_f1:.3f}", _number(one.kappa), _number(one.ece),
                _number(one.oracle), _number(one.agreement), _difference(one.accuracy_against),
                _difference(one.macro_f1_against),
            )  # fmt: skip
        table.add_section()
    _console(190).print(table)


def _console(width: int = 170) -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=width)  # a file or a pipe: no column is cut


def _classes(figure: HeadFigure) -> Table:
    from rich.table import Table

    table = Table("类", "n", "精确率", "召回率", "F1", title=f"{figure.head} · {figure.rows}")
    for each in figure.classes:
        cells = (
            f"{getattr(each, name):.3f}{_range(each.intervals.get(name))}" for name in ("precision", "recall", "f1")
        )
        table.add_row(each.label, f"{each.n:,}", *cells)
    return table


def _confusions(figure: HeadFigure) -> Table:
    from rich.table import Table

    table = Table(
        "应为", "判为", "n", title=f"{figure.head} · {figure.rows} 的混淆（最多的 {len(figure.confusions)} 对）"
    )
    for each in figure.confusions:
        table.add_row(each.true, each.said, f"{each.n:,}")
    return table


def _parts(figure: HeadFigure) -> Table:
    from rich.table import Table

    from nlp.training.held import BY

    columns = [
        (name, key) for name, key in COLUMNS if key in ("accuracy", "macro_f1", "ece", "coverage", "answered_right")
    ]
    table = Table("按", "部分", "n", *(name for name, _ in columns), title=f"{figure.head} · {figure.rows} 分开看")
    for by, parts in groupby(figure.parts, key=lambda part: part.by):
        for part in parts:
            cells = (_shown(part, name) for _, name in columns)
            table.add_row(BY[by], part.part, f"{part.n:,}", *cells)
        table.add_section()
    return table


def _shown(figure: HeadFigure | PartFigure, name: str) -> str:
    value = getattr(figure, name)
    return "—" if value is None else f"{value:.3f}{_range(figure.intervals.get(name))}"


def _range(ends: tuple[float, float] | None) -> str:
    return f"\n{ends[0]:.3f}–{ends[1]:.3f}" if ends else ""


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _difference(measure: Measure | None) -> str:
    if measure is None:
        return "—"
    low, high = measure.interval
    return f"{measure.difference:+.3f}\n{low:+.3f} ~ {high:+.3f}"
