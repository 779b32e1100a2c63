"""`minsheng train heads`: fine-tune an encoder on labelled rows and ship it with the linear classifier."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from models.errors import BadRequest


def heads(encoder: Annotated[Path, typer.Option(help="预训练好的编码器目录（minsheng train encoder 写出，或 transformers 形式）")],
          data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
          output: Annotated[Path, typer.Option("--output", "-o", help="写入权重与说明卡的目录")] = Path("weights"),
          work: Annotated[Path | None, typer.Option(help="保存中间步骤的目录，中断后可接着来；不给则为编码器目录下的 heads")] = None,
          epochs: Annotated[int, typer.Option(min=1, max=100, help="遍数")] = 5,
          rate: Annotated[float, typer.Option(help="学习率；小编码器宜 1e-4 到 4e-4")] = 4e-4,
          processes: Annotated[int, typer.Option(min=0, max=64, help="并行进程数；0 为每核一个")] = 0,
          compile: Annotated[bool, typer.Option(help="先编译计算图：开头慢一分钟，之后每步更快")] = True) -> None:  # fmt: skip
    """在标注数据上同时微调各头，与线性分类器混合、校准，导出 int8，打印留出数字并写说明卡。需要额外组件 train。"""
    import importlib.util

    if not 0 < rate < 0.1:
        raise BadRequest(name="--rate", value=str(rate), reason="应在 0 与 0.1 之间，如 4e-4")
    if missing := [name for name in ("torch", "transformers", "onnx") if importlib.util.find_spec(name) is None]:
        raise BadRequest(
            name="train heads",
            value="、".join(missing),
            reason="没有安装训练组件。请运行 pip install 'minsheng[train]'",
        )
    from api.figure_tables import print_figures
    from api.progress import steps
    from nlp.training.card import write_joined
    from nlp.training.encoder import about
    from nlp.training.heads import Recipe
    from nlp.training.joint import train
    from nlp.training.linear import STEPS
    from nlp.training.rows import data_folder, read_corpus

    recipe = Recipe(epochs=epochs, rate=rate, processes=processes or os.cpu_count() or 1, compiled=compile)
    with steps(STEPS + 40) as progress:
        progress("读取标注数据")
        corpus = read_corpus(data_folder(data))
        joined = train(corpus, encoder, work or encoder / "heads", recipe, progress)
    written = write_joined(output, joined, corpus.sizes, about(encoder))
    print_figures(joined.figures)
    typer.echo(f"地点 F1 {joined.places:.3f}")
    typer.echo("写入 " + "、".join(str(path) for path in written))
