"""`minsheng model`: the models of a city; one of them, or the shipped one, is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.model_compare import compare

if TYPE_CHECKING:
    from nlp.shelf import Shelf

MEASURES: Final = {"demand_type": "macro_f1", "urgency": "kappa", "sentiment": "kappa", "emotion": "macro_f1"}
"""What a head is judged by where that is not the accuracy."""
MEASURE_NAMES: Final = {"accuracy": "准确率", "macro_f1": "宏 F1", "kappa": "kappa"}


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="本市的语言模型：列出、选用、比较。", no_args_is_help=True)
    group.command("list")(show)
    group.command("use")(use)
    group.command("compare")(compare)
    app.add_typer(group, name="model")


@dataclass(frozen=True)
class Shown:
    """What `model list` says of a model. `made_at`: when its weights were written; None for the shipped one."""

    name: str
    in_use: bool
    version: str = ""
    kind: str = ""
    size_bytes: int = 0
    made_at: str | None = None
    figures: dict[str, dict[str, Any]] | None = None
    problem: str = ""


def show(json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """列出随程序自带的和本市的模型：版本、种类、大小、何时训练、说明卡上的主要数字、在用的是哪一个。"""
    from api.wiring import House

    with House(read_only=True) as house:
        found = shown(house.shelf)
    if json:
        import json as codec

        typer.echo(codec.dumps({"models": [asdict(one) for one in found]}, ensure_ascii=False, indent=1))
        return
    for one in found:
        typer.secho(sentence(one), bold=one.in_use, fg=typer.colors.RED if one.problem else None)
        for head, figure in (one.figures or {}).items():
            typer.echo(
                f"    {head}：{MEASURE_NAMES[figure['measure']]} {figure['value']:.3f}（{figure['rows']}，n={figure['n']:,}）"
            )


def use(model: Annotated[str, typer.Argument(help="已有的名字、训练出的文件夹，或 shipped（随程序自带的）")]) -> None:
    """选用一个模型。别处的文件夹先载入、试读，再复制到 HOME/models；正在运行的处理线从下一批起用它，不必重启。"""
    from api.wiring import House

    with House(read_only=True) as house:
        name, annotator = house.shelf.use(model)
    typer.echo(
        f"在用的模型：{name}（{annotator.version}）。处理线从下一批起用它；库中已有的标注用 minsheng annotate --again 重做。"
    )


def shown(shelf: Shelf) -> list[Shown]:
    """The shipped model and those of the shelf; the one in use is among them, even where it is gone."""
    from models.errors import BadModel
    from nlp.shelf import SHIPPED

    try:
        chosen = shelf.choice()
        used, problem = chosen.name if chosen else SHIPPED, ""
    except BadModel as error:
        used, problem = "", error.message
    names = list(dict.fromkeys([SHIPPED, *shelf.names(), *([used] if used else [])]))
    found = [described(shelf, name, in_use=name == used) for name in names]
    return [*found, Shown(name="", in_use=True, problem=problem)] if problem else found


def described(shelf: Shelf, name: str, *, in_use: bool) -> Shown:
    """Loaded, so that it is known whether it works."""
    from datetime import datetime

    from models.clock import CITY_TIME
    from models.errors import BadModel
    from nlp.city import FILE as CITY_FILE
    from nlp.classifier import shipped_folder
    from nlp.hybrid import FILE as HYBRID_FILE
    from nlp.linear import FILE as LINEAR_FILE
    from nlp.shelf import FILES, SHIPPED

    folder = shipped_folder() if name == SHIPPED else shelf.folder / name
    try:
        version = (shelf.current() if in_use else shelf.open(name)).version
    except BadModel as error:
        return Shown(name, in_use, problem=error.message)
    made = datetime.fromtimestamp((folder / LINEAR_FILE).stat().st_mtime, CITY_TIME)
    return Shown(
        name, in_use, version,
        kind="city" if (folder / CITY_FILE).is_file() else "hybrid" if (folder / HYBRID_FILE).is_file() else "linear",
        size_bytes=sum((folder / file).stat().st_size for file in FILES if (folder / file).is_file()),
        made_at=None if name == SHIPPED else made.isoformat(timespec="seconds"),
        figures=card_figures(folder, version),
    )  # fmt: skip


def card_figures(folder: Path, version: str) -> dict[str, dict[str, Any]] | None:
    """The main figure of each head by the card of this very version; None without one."""
    import json as codec

    from nlp.shelf import CARD

    try:
        card = codec.loads((folder / CARD).read_bytes())
        return main_figures(card["figures"]) if card["model"] == version else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def main_figures(figures: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each head the first set of rows, by the measure that the head is judged by."""
    found: dict[str, dict[str, Any]] = {}
    for figure in figures:
        head = figure["head"]
        measure = MEASURES.get(head, "accuracy")
        if head not in found and figure.get(measure) is not None:
            found[head] = {"measure": measure, "value": figure[measure], "n": figure["n"], "rows": figure["rows"]}
    return found


def sentence(one: Shown) -> str:
    """A model in one line."""
    mark = "● 在用 " if one.in_use else "○ "
    if one.problem:
        return f"{mark}{one.name}：{one.problem}"
    kind = {"city": "本市的类", "hybrid": "混合", "linear": "线性"}[one.kind]
    made = f"，{one.made_at[:16].replace('T', ' ')} 训练" if one.made_at else "，随程序自带"
    card = "" if one.figures else "，没有这一版的说明卡"
    return f"{mark}{one.name}：{one.version}，{kind}，{one.size_bytes / 1e6:.1f} MB{made}{card}"
