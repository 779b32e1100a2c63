"""`minsheng route`: who should take a demand, and why."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("route")(route)


def route(text: Annotated[str, typer.Argument(help="诉求内容；- 从标准输入读")],
          title: Annotated[str, typer.Option(help="标题")] = "",
          district: Annotated[str | None, typer.Option(help="区县")] = None,
          street: Annotated[str | None, typer.Option(help="街道、乡镇")] = None,
          json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """判断一件诉求该派给谁：部门、把握、理由、相似工单；把握不足则交人工。不保存任何内容。"""
    import sys

    from api.wiring import House
    from indices.civic.dispatch import Dispatcher

    words = sys.stdin.read() if text == "-" else text
    with House(read_only=True) as house:
        found = Dispatcher(house.annotator, house.catalogue, house.console).route(
            title, words, district=district, street=street
        )
    if json:
        typer.echo(found.model_dump_json(indent=1))
        return
    if found.to_person:
        typer.secho(f"交人工：{found.reason.rule}", fg=typer.colors.YELLOW)
    else:
        typer.secho(f"{found.unit}（{found.department}），把握 {found.confidence:.0%}", bold=True)
        typer.echo(f"依据：{found.reason.rule}")
    typer.echo("候选：" + "  ".join(f"{c.label} {c.probability:.0%}" for c in found.candidates))
    typer.echo(f"分类：{found.topic or '拿不准'}　类型：{found.demand_type or '拿不准'}　紧急程度：{found.urgency}")
    if found.reason.words:
        typer.echo("关键词：" + "、".join(word for word, _ in found.reason.words))
    for order in found.similar:
        typer.echo(f"相似 {order.similarity:.2f}　{order.id}　{order.title}　{order.department or '—'}")
