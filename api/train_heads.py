"""`minsheng train heads`: fine-tune an encoder on labelled rows, or teach a model the labels of a city's own table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from models.errors import BadRequest


def heads(encoder: Annotated[Path | None, typer.Option(help="预训练好的编码器目录（minsheng train encoder 写出，或 transformers 形式）")] = None,
          labels: Annotated[list[Path] | None, typer.Option(help="本市的标注表（csv、xlsx、jsonl、parquet），可多次给出，后面的改正前面的；不需要 torch")] = None,
          title: Annotated[str | None, typer.Option(help="标注表的标题列；不给则按表头判断")] = None,
          text: Annotated[str | None, typer.Option(help="标注表的内容列；不给则按表头判断")] = None,
          base: Annotated[str | None, typer.Option(help="标注表加在哪个模型上：shipped（默认）、已有的名字或文件夹")] = None,
          data: Annotated[Path | None, typer.Option(help="标注数据目录；不给则取环境变量 MINSHENG_DATA")] = None,
          output: Annotated[Path, typer.Option("--output", "-o", help="写入权重与说明卡的目录")] = Path("weights"),
          work: Annotated[Path | None, typer.Option(help="保存中间步骤的目录，中断后可接着来；不给则为编码器目录下的 heads")] = None,
          epochs: Annotated[int, typer.Option(min=1, max=100, help="遍数")] = 5,
          rate: Annotated[float, typer.Option(help="学习率；小编码器宜 1e-4 到 4e-4")] = 4e-4,
          processes: Annotated[int, typer.Option(min=0, max=64, help="并行进程数；0 为每核一个")] = 0,
          compile: Annotated[bool, typer.Option(help="先编译计算图：开头慢一分钟，之后每步更快")] = True) -> None:  # fmt: skip
    """训练各头。两种用法：

    --labels 标注.csv：把本市的类（承办单位、分类等，可用自己的类名，每类至少 20 行）教给一个模型，几分钟，并逐类说明是否变好。

    --encoder 目录：在标注数据上同时微调各头，与线性分类器混合、校准，导出 int8，打印留出数字并写说明卡。需要额外组件 train。
    """
    if labels and encoder:
        raise BadRequest(name="--encoder", value=str(encoder), reason="不能与 --labels 一起用，请分两次运行")
    if labels:
        from api.city_training import Request, train_city

        train_city(Request(tuple(labels), title, text, base or "shipped", output))
        return
    for name, value in (("--title", title), ("--text", text), ("--base", base)):
        if value is not None:
            raise BadRequest(name=name, value=value, reason="只与 --labels 一起用")
    if encoder is None:
        raise BadRequest(
            name="--encoder", value="", reason="没有给出。请给 --labels 标注.csv（本市的标注表），或 --encoder 目录"
        )
    fine_tune(encoder, data, output, work, epochs, rate, processes, compile)


def fine_tune(encoder: Path, data: Path | None, output: Path, work: Path | None, epochs: int, rate: float, processes: int,
              compile: bool) -> None:  # fmt: skip
    """All heads of an encoder on the labelled sets."""
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
    places = joined.places
    typer.echo(f"地点 F1 {places.exact:.3f}（起止都对），{places.overlap:.3f}（按重合词元），n {places.n:,}")
    typer.echo("写入 " + "、".join(str(path) for path in written))
