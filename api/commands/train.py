"""`minsheng train`: fit the linear classifier on labelled rows here; encoder and heads in `api/train_*.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.label_noise import label_noise
from api.train_encoder import encoder
from api.train_heads import heads


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="训练模型。", no_args_is_help=True)
    group.command("linear")(linear)
    group.command("encoder")(encoder)
    group.command("heads")(heads)
    group.command("noise")(label_noise)
    app.add_typer(group, name="train")


def linear(data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
           output: Annotated[Path, typer.Option("--output", "-o", help="写入权重与说明卡的目录")] = Path("weights"),
           ) -> None:  # fmt: skip
    """训练线性分类器：写出权重、card.json 与 model_card.md，并打印留出数字。同样的数据得到同样的字节。"""
    from api.figure_tables import print_figures
    from api.progress import steps
    from nlp.training.card import write
    from nlp.training.figures import figures
    from nlp.training.linear import STEPS, train
    from nlp.training.rows import data_folder, read_corpus

    folder = data_folder(data)
    with steps(STEPS) as progress:
        progress("读取标注数据")
        corpus = read_corpus(folder)
        trained = train(corpus, progress)
        progress("计算留出数字")
        found = figures(trained.judged, trained.held_out)
    written = write(output, trained.model, found, corpus.sizes)
    print_figures(found)
    typer.echo(f"模型 {trained.model.version}，写入 {'、'.join(str(path) for path in written)}")
