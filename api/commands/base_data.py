"""`minsheng base`: population, households and legal persons by division, from the statistics office's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(help="基础数据：各区划的人口、户数、法人单位，万人率的分母。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="base")


@group.command("import")
def take_in(file: Annotated[Path, typer.Argument(help="XLSX 或 CSV：区划代码、名称、年份、来源，及 常住人口、户数、法人单位数、各年龄段人口")],
            sheet: Annotated[str | None, typer.Option(help="工作表名")] = None) -> None:  # fmt: skip
    """导入一份统计表；同一区划同一年再导入时以新的为准。"""
    from api.wiring import House
    from crawlers.feeds.base_rows import read_base
    from indices.civic.base_data import strangers, unmatched
    from models.query import Query

    rows = read_base(file, sheet=sheet)
    with House(read_only=True) as house:
        house.base.keep(rows, "console")
        house.audit.note("console", "base.import", f"{file.name} {len(rows)}")
        known = {
            bucket.keys[0] for field in ("district", "street") for bucket in house.console.aggregate(Query(), [field])
        }
        districts = {bucket.keys[0] for bucket in house.console.aggregate(Query(), ["district"])}
    divisions = {row.code for row in rows}
    typer.echo(f"已导入 {len(divisions):,} 个区划的 {len(rows):,} 个数")
    if strange := strangers(rows):
        typer.echo(f"以下 {len(strange)} 个区划的代码不以本市的四位开头，请核对：{'、'.join(strange[:20])}")
    if left := unmatched(rows, known):
        typer.echo(
            f"以下 {len(left)} 个区划在工单里没有出现，暂不起作用（请核对名称）：{'、'.join(left[:20])}{' …' if len(left) > 20 else ''}"
        )
    if without := sorted(districts - {row.name for row in rows}):
        typer.echo(f"以下 {len(without)} 个区县没有基础数据，万人率不给出：{'、'.join(without[:20])}")


@group.command("list")
def show(json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """已有的基础数据，附年份与来源。"""
    from rich.console import Console
    from rich.table import Table

    from api.wiring import House
    from indices.civic.base_data import INDICATORS, UNITS

    with House(read_only=True) as house:
        rows = house.base.all()
    if json:
        import json as codec

        typer.echo(codec.dumps([row.model_dump() for row in rows], ensure_ascii=False, indent=1))
        return
    if not rows:
        typer.echo("没有基础数据。导入：minsheng base import 文件.xlsx")
        return
    table = Table("区划代码", "名称", "指标", "分组", "年份", "数值", "来源")
    for row in rows:
        table.add_row(
            row.code,
            row.name,
            INDICATORS[row.indicator],
            row.part or "合计",
            str(row.year),
            f"{row.value:,.0f} {UNITS[row.indicator]}",
            row.source,
        )
    Console().print(table)
