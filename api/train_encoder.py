"""`minsheng train encoder`: pre-train an encoder on unlabelled texts, from checkpoint to checkpoint."""

from __future__ import annotations

import importlib.util
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from models.errors import BadRequest, MissingPart

if TYPE_CHECKING:
    from nlp.training.encoder import Plan, State
    from nlp.training.masked_model import Shape

ROWS_ON_GPU: Final = 256  # a step of 32 would be too little work for it
_INTERRUPTED: Final = 130  # the shell's exit status for Ctrl-C


def encoder(data: Annotated[Path | None, typer.Option(help="含 pretrain/*.txt.zst 的目录；不给则取环境变量 MINSHENG_DATA")] = None,
            output: Annotated[Path, typer.Option("--output", "-o", help="写入编码器、词表与检查点的目录")] = Path("encoder"),
            tokens: Annotated[int, typer.Option(help="预算：共读多少词元，含此前的")] = 300_000_000,
            hours: Annotated[float | None, typer.Option(help="预算：共训练多少小时，含此前的；不给则只看 --tokens")] = None,
            layers: Annotated[int | None, typer.Option(help="层数；不给则同目录里已有的，否则 4")] = None,
            hidden: Annotated[int | None, typer.Option(help="宽度；不给则同目录里已有的，否则 256")] = None,
            heads: Annotated[int | None, typer.Option(help="注意力头数；不给则同目录里已有的，否则宽度除以 64")] = None,
            rows: Annotated[int | None, typer.Option(help="每步每进程几段文本；不给则 32，有显卡时 256")] = None,
            rate: Annotated[float, typer.Option(help="最高学习率，宜 1e-3 到 1.5e-3")] = 1.2e-3,
            processes: Annotated[int | None, typer.Option(help="进程数；不给则每核一个，有显卡时 1 个")] = None,
            seed: Annotated[int, typer.Option(help="随机种子")] = 1,
            start: Annotated[str, typer.Option(help="新目录从哪个模型的编码器开始：模型目录、transformers 形式的 BERT 目录，或 shipped（随程序自带的）；不给则从头")] = ""
            ) -> None:  # fmt: skip
    """在无标注文本上预训练编码器（遮词猜词），写成 transformers 形式的目录。中断后再次运行同一命令会接着训练。

    有检查点则接着训练；没有检查点而有编码器，则从它的权重开始。预算用完后给更大的 --tokens 可以继续。需要额外组件 train。
    """
    _check("--tokens", tokens, 1, 10**13)
    _check("--rate", rate, 1e-7, 0.1)
    _check("--seed", seed, 0, 2**32 - 1)
    if hours is not None:
        _check("--hours", hours, 0.001, 100_000)
    if rows is not None:
        _check("--rows", rows, 1, 65_536)
    if processes is not None:
        _check("--processes", processes, 1, 256)
    _components()
    if start:
        _thaw(start, output)
    shape = _shape(output, layers, hidden, heads)
    from nlp.training.encoder import Plan, device
    from nlp.training.streams import text_folder

    folder, output = text_folder(data), _made(output)
    gpu = device() == "cuda"
    plan = Plan(shape, tokens, math.inf if hours is None else hours * 3600, rows or (ROWS_ON_GPU if gpu else 32), rate,
                _processes(processes, gpu), seed)  # fmt: skip
    _train(folder, output, plan)


def _train(data: Path, output: Path, plan: Plan) -> None:
    from api.progress import share
    from api.signals import stop_or_interrupt
    from nlp.training.encoder import CHECKPOINT, train

    steps: list[int] = []
    with share() as progress:

        def report(state: State, part: float) -> None:
            steps[:] = [state.step]
            progress.at(part, f"损失 {state.loss:.3f}  每秒 {state.tokens_per_second:,.0f} 词元")

        try:
            with stop_or_interrupt(lambda: bool(steps)) as stop:
                state = train(data, output, plan, report, say=progress.say, stopped=stop.is_set)
        except KeyboardInterrupt:
            typer.echo("已中断。已有的检查点没有动，再次运行同一命令会接着训练。", err=True)
            raise typer.Exit(_INTERRUPTED) from None
    if plan.used(state) < 1:
        typer.echo(
            f"停在预算的 {plan.used(state):.1%}，检查点已写入 {output / CHECKPOINT}。再次运行同一命令会接着训练。"
        )
        raise typer.Exit(_INTERRUPTED)
    if not steps:
        typer.echo("这一预算此前已经用完，没有再训练。要继续，请给更大的 --tokens 或 --hours。")
    speed = state.tokens / max(state.seconds, 1e-9)
    typer.echo(f"共读 {state.tokens:,} 词元，损失 {state.loss:.3f}，平均每秒 {speed:,.0f} 词元，写入 {output}")


def _thaw(start: str, output: Path) -> None:
    """The encoder of a model into a new folder, as weights to go on from."""
    from nlp.classifier import shipped_folder
    from nlp.training.encoder import CHECKPOINT
    from nlp.training.masked_model import has_weights
    from nlp.training.thaw import thaw

    if has_weights(output) or (output / CHECKPOINT).is_file():
        raise BadRequest(
            name="--start", value=start, reason=f"{output} 里已经有编码器，会从它接着训练。去掉 --start，或换一个目录"
        )
    thaw(shipped_folder() if start == "shipped" else Path(start), _made(output))


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise BadRequest(name=name, value=str(value), reason=f"应在 {least:,} 与 {most:,} 之间")


def _made(output: Path) -> Path:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(name="--output", value=str(output), reason=f"不能用作目录（{error.strerror}）") from error
    return output


def _shape(output: Path, layers: int | None, hidden: int | None, heads: int | None) -> Shape:
    """What was asked for, the rest as in the folder or, for a new encoder, as usual."""
    from nlp.training.masked_model import HEAD_WIDTH, Shape, shape_of

    shape = shape_of(output) or Shape()
    if layers is not None:
        _check("--layers", layers, 1, 48)
        shape = replace(shape, layers=layers)
    if hidden is not None and hidden != shape.hidden:
        _check("--hidden", hidden, 8, 4_096)
        shape = replace(shape, hidden=hidden, inner=4 * hidden, heads=max(1, hidden // HEAD_WIDTH))
    if heads is not None:
        _check("--heads", heads, 1, shape.hidden)
        shape = replace(shape, heads=heads)
    if shape.hidden % shape.heads:
        raise BadRequest(name="--heads", value=str(shape.heads), reason=f"应整除宽度 --hidden {shape.hidden}")
    return shape


def _components() -> None:
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPart(part="、".join(missing), extra="train")


def _processes(given: int | None, gpu: bool) -> int:
    if given is None:
        return 1 if gpu else len(os.sched_getaffinity(0))
    if gpu and given > 1:
        raise BadRequest(name="--processes", value=str(given), reason="有显卡时只用 1 个进程")
    return given
