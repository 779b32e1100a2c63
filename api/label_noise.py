"""`minsheng train noise`: which labels of the training data look wrong; ids and labels only, for a second reading."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from models.errors import BadRequest

if TYPE_CHECKING:
    from nlp.training.noise import Noise

COLUMNS: Final = ("id", "source", "head", "given", "suggested", "given_probability", "suggested_probability")
_PAIRS: Final = 10  # that are printed of a head
_STEPS: Final = 18


def label_noise(data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
                output: Annotated[Path, typer.Option("--output", "-o", help="写入存疑标签的 CSV：只有编号与标签，没有原文")] = Path("noise.csv"),
                heads: Annotated[str, typer.Option(help="检查哪些头，逗号分隔：topic、demand_type、department")] = "") -> None:  # fmt: skip
    """找出训练数据里看上去标错的标签（置信学习，五折交叉）。只报告，不删改；请人按编号复读。"""
    from api.progress import steps
    from nlp.training.noise import NOISE_HEADS, noise
    from nlp.training.rows import data_folder, read_corpus

    wanted = [head.strip() for head in heads.split(",") if head.strip()] or list(NOISE_HEADS)
    for head in wanted:
        if head not in NOISE_HEADS:
            raise BadRequest(name="--heads", value=head, reason=f"应为 {'、'.join(NOISE_HEADS)} 之一")
    if not output.parent.is_dir():
        raise BadRequest(name="--output", value=str(output), reason="所在目录不存在。请先建目录，或换一个位置")
    with steps(_STEPS) as progress:
        progress("读取标注数据")
        found = noise(read_corpus(data_folder(data)).civic, wanted, progress)
    _write(output, found)
    for one in found:
        _print(one)
    typer.echo(f"共 {sum(len(one.suspects) for one in found):,} 个存疑标签，写入 {output}（最可疑的在前）")


def _write(path: Path, found: list[Noise]) -> None:
    partial = path.with_name(f"{path.name}.part")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for one in found:
            for row in one.suspects:
                table.writerow([row.id, row.source, row.head, row.given, row.suggested, f"{row.given_probability:.4f}", f"{row.suggested_probability:.4f}"])  # fmt: skip
    partial.replace(path)


def _print(one: Noise) -> None:
    rows = sum(one.rows.values())
    typer.echo(f"{one.head}：{rows:,} 行，存疑 {len(one.suspects):,}（{one.share:.1%}）")
    for (given, suggested), n in list(one.pairs.items())[:_PAIRS]:
        typer.echo(f"    {given} → {suggested}：{n}（占标为 {given} 的 {n / one.rows[given]:.1%}）")
