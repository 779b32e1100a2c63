"""`minsheng surveys`: questionnaires, shown beside the index of call-backs and never mixed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(help="问卷调查：导入与查看；与回访满意度是两个量，只并列，不混算。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="surveys")


@group.command("import")
def take_in(file: Annotated[Path, typer.Argument(help="XLSX 或 CSV：日期、区县、满意度（五级）或得分（百分制），可有权重")],
            name: Annotated[str, typer.Option(help="问卷名，如 2026 年上半年居民满意度调查")],
            sheet: Annotated[str | None, typer.Option(help="工作表名")] = None,
            replace: Annotated[bool, typer.Option("--replace", help="整份替换同名问卷")] = False) -> None:  # fmt: skip
    """导入一份问卷的全部答卷。"""
    from api.wiring import House
    from crawlers.feeds.survey_rows import read_survey
    from indices.civic.surveys import Surveys, summary

    answers = read_survey(file, sheet=sheet)
    with House(read_only=True) as house:
        Surveys(house.database).keep(name, answers, "console", replace=replace)
        house.audit.note("console", "surveys.import", f"{name} {len(answers)}")
    made = summary(name, answers)
    value = (
        "样本不足"
        if made.overall.value is None
        else f"{made.overall.value:.1f}（{made.overall.low:.1f}–{made.overall.high:.1f}）"
    )
    typer.echo(f"{name}：{len(answers):,} 份，{made.first} 至 {made.last}，{value}")


@group.command("list")
def show(json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """各份问卷的均值与区间。"""
    from api.wiring import House
    from indices.civic.surveys import Surveys
    from models.figures import Survey

    with House(read_only=True) as house:
        found = Surveys(house.database).all()
    if json:
        import json as codec

        typer.echo(codec.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False, indent=1))
        return

    def line(one: Survey) -> str:
        row = one.overall
        value = "样本不足" if row.value is None else f"{row.value:.1f}（{row.low:.1f}–{row.high:.1f}）"
        return f"{one.name}  {one.first} 至 {one.last}  n={row.n:,}  {value}"

    typer.echo("\n".join(map(line, found)) or "没有问卷。导入：minsheng surveys import 文件.xlsx --name 名称")
