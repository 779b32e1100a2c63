"""`minsheng evaluate`: figures on the held-out fold of a model that never saw it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(heads: Annotated[str, typer.Option(help="只看这些头，逗号分隔")] = "",
             data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
             json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
             classes: Annotated[bool, typer.Option(help="列出每一类")] = True) -> None:  # fmt: skip
    """在留出的一折上检验线性分类器：每头每类的精确率、召回率、F1、校准误差、95% 准确时的回答比例，附自助法区间。

    随包的混合分类器的留出数字由 minsheng train heads 打印，写在 nlp/weights/model_card.md；它的编码器见过全部标注行，不能在这里再检验。
    用训练折重新训练（同样的数据只训练一次，结果留在缓存目录），从不在训练过的行上计数。
    """
    from api.figure_tables import print_figures
    from api.progress import steps
    from models.errors import BadRequest
    from nlp.classifier import HEADS
    from nlp.training.figures import as_card, figures
    from nlp.training.judged import judged
    from nlp.training.linear import STEPS
    from nlp.training.rows import data_folder

    wanted = [head.strip() for head in heads.split(",") if head.strip()] or list(HEADS)
    for head in wanted:
        if head not in HEADS:
            raise BadRequest(name="--heads", value=head, reason=f"应为 {'、'.join(HEADS)} 之一")
    with steps(STEPS) as progress:
        model, held_out = judged(data_folder(data), progress)
        progress("计算留出数字")
        found = figures(model, held_out, wanted)
    if json:
        import json as codec

        typer.echo(codec.dumps({"figures": as_card(found)}, ensure_ascii=False, indent=1))
        return
    print_figures(found, classes=classes)
