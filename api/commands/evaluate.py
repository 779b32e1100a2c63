"""`minsheng evaluate`: figures on the held-out fold of a model that never saw it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from nlp.training.evaluation import Evaluation

STEPS: Final = 60  # names of steps, about
CARD: Final = (
    "以上是线性部分。随包的混合分类器的留出数字在 nlp/weights/model_card.md；"
    "重算：minsheng evaluate --work 工作目录（minsheng train heads 留下的），或 --train --encoder 编码器目录（约半小时）"
)


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(heads: Annotated[str, typer.Option(help="只看这些头，逗号分隔")] = "",
             compare: Annotated[str, typer.Option(help="并列的做法，逗号分隔：linear、snownlp、pipeline")] = "",
             work: Annotated[Path | None, typer.Option(help="minsheng train heads 的工作目录：检验混合分类器")] = None,
             encoder: Annotated[Path | None, typer.Option(help="当时的编码器目录；不给则看工作目录的上一层")] = None,
             train: Annotated[bool, typer.Option("--train", help="工作目录里没有时，先微调编码器的孪生，约半小时")] = False,
             epochs: Annotated[int, typer.Option(min=1, max=100, help="--train 的遍数")] = 5,
             processes: Annotated[int, typer.Option(min=0, max=64, help="--train 的进程数；0 为每核一个")] = 0,
             compile: Annotated[bool, typer.Option(help="--train 时先编译计算图")] = True,
             elsewhere: Annotated[str, typer.Option(help="训练不含这一来源（如 rivers），在它上面检验：外地文本；只看线性部分")] = "",
             data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
             json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
             classes: Annotated[bool, typer.Option(help="列出每一类、混淆和分组")] = True) -> None:  # fmt: skip
    """在留出的一折上检验分类器：每头每类的精确率、召回率、F1、校准误差、95% 准确时的回答比例、混淆，按来源、时间、长度，附自助法区间。

    给出 --work 检验混合分类器，否则只检验线性部分。从不在训练过的行上计数；只打印标签和数目，不打印原文。
    """
    from api.progress import steps
    from nlp.classifier import HEADS
    from nlp.training.evaluation import Evaluation, Wanted, check
    from nlp.training.evaluation import evaluate as evaluated
    from nlp.training.heads import Recipe
    from nlp.training.rows import data_folder, read_corpus

    wanted = Wanted(tuple(_names(heads)) or tuple(HEADS), tuple(_names(compare)),
                    work or (encoder / "heads" if encoder and train else None), encoder, train)  # fmt: skip
    check(wanted)
    folder = data_folder(data)
    recipe = Recipe(epochs=epochs, processes=processes or os.cpu_count() or 1, compiled=compile)
    with steps(STEPS) as progress:
        progress("读取标注数据")
        if elsewhere:
            from nlp.training.elsewhere import elsewhere as abroad

            found = Evaluation("linear", abroad(read_corpus(folder), elsewhere, progress))
        else:
            found = evaluated(read_corpus(folder), wanted, recipe, progress)
    if json:
        import json as codec

        typer.echo(codec.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        _show(found, classes=classes)
    if found.judged == "linear":
        typer.echo(CARD, err=True)


def _show(found: Evaluation, *, classes: bool) -> None:
    from api.figure_tables import print_beside, print_figures

    print_figures(found.figures, classes=classes)
    if found.places is not None:
        typer.echo(
            f"地点：n {found.places.n:,}，起止都对的 F1 {found.places.exact:.3f}，按重合词元计 {found.places.overlap:.3f}"
        )
    for head, one in found.seconds.items():
        typer.echo(
            f"{head}：n {one.n:,}（{one.named:,} 行有），精确率 {one.precision:.3f}，召回率 {one.recall:.3f}，F1 {one.f1:.3f}"
        )
    if found.cascade is not None:
        fast = found.cascade
        told = "，".join(f"{head} {value:.3f}（全读 {fast.whole[head]:.3f}）" for head, value in fast.accuracy.items())
        typer.echo(
            f"级联：n {fast.n:,}，线性部分各头都有 {fast.sure:.0%} 把握的 {fast.skipped:.1%} 不问编码器，准确率 {told}"
        )
    if found.beside:
        print_beside("并列比较（差为本模型减该做法，95% 成对自助法区间）", found.beside)
    if found.graph:
        print_beside("编码器：int8 图与 float32 流水线读同样的词元", found.graph)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
