"""Figures of a classifier as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlp.training.figures import HeadFigure


def print_figures(found: Sequence[HeadFigure], *, classes: bool = False) -> None:
    """One table of heads; with `classes` one more per head."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)  # a file or a pipe: no column is cut
    table = Table(
        "头",
        "行",
        "n",
        "准确率",
        "宏 F1",
        "kappa",
        "前三",
        "ECE",
        "回答比例",
        "答对",
        title="留出数字（95% 自助法区间）",
    )
    for figure in found:
        cells = [
            _shown(figure, name)
            for name in ("accuracy", "macro_f1", "kappa", "top3", "ece", "coverage", "answered_right")
        ]
        table.add_row(figure.head, figure.rows, f"{figure.n:,}", *cells)
    console.print(table)
    for figure in found if classes else ():
        table = Table("类", "n", "精确率", "召回率", "F1", title=f"{figure.head} · {figure.rows}")
        for each in figure.classes:
            table.add_row(each.label, f"{each.n:,}", f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}")
        console.print(table)


def _shown(figure: HeadFigure, name: str) -> str:
    value = getattr(figure, name)
    if value is None:
        return "—"
    ends = figure.intervals.get(name)
    return f"{value:.3f}" + (f"\n{ends[0]:.3f}–{ends[1]:.3f}" if ends else "")
