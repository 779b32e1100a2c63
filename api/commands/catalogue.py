"""`minsheng catalogue`: what is kept, whose it is, how often it changes, and its grade."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("catalogue")(catalogue)


def catalogue(json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """信息资源目录：每张表、每个库的名称、责任单位、更新周期、数据分级。"""
    from indices.data_catalogue import data_catalogue

    found = data_catalogue()
    if json:
        import json as codec

        typer.echo(codec.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("名称", "代码", "责任单位", "更新周期", "分级", "个人信息", "内容")
    for one in found:
        table.add_row(one.title, one.name, one.owner, one.period, one.grade, "含" if one.personal else "", one.about)
    Console().print(table)
