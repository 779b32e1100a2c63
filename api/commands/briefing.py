"""`minsheng briefing`: the paper of a day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("briefing")(briefing)


def briefing(day: Annotated[str | None, typer.Option(help="日期，如 2026-11-24；不给则为最近有数据的一天，周、月则为最近完整的一期")] = None,
             kind: Annotated[str, typer.Option(help="day 每日，week 自然周，month 自然月（到该日为止）")] = "day",
             output: Annotated[Path | None, typer.Option("-o", "--output", help="Word（.docx）或 PDF（.pdf）文件；不给则存 Word 到 HOME/briefings")] = None,
             json: Annotated[bool, typer.Option("--json", help="输出 JSON：每句话、每个数字的条件与工单编号")] = False) -> None:  # fmt: skip
    """生成每日、每周或每月简报（Word，GB/T 9704 版式）；每个数字先与库核对，附出处；再做一次若有不同，另存为更正。"""
    from api.briefings import keep, make_briefing, template_of, word_template_of
    from api.questions import output_path, parse_day
    from api.wiring import House
    from dashboards.briefing import last_complete
    from dashboards.pdf import pdf
    from dashboards.views.counts import newest_day
    from dashboards.word import word
    from models.errors import BadRequest, NotFound

    if kind not in ("day", "week", "month"):
        raise BadRequest(name="--kind", value=kind, reason="应为 day、week、month 之一")
    if output:
        output_path(output)
    with House(read_only=True) as house:
        reader = house.console
        chosen = parse_day(day, "--day") if day else newest_day(reader)
        if chosen is None:
            raise NotFound(what="任何记录；先用 minsheng ingest 导入")
        if not day:
            chosen = last_complete(kind, chosen)  # type: ignore[arg-type]
        made = make_briefing(house, reader, chosen, kind=kind, paper=True)  # type: ignore[arg-type]
        if json:
            typer.echo(made.model_dump_json(indent=1))
            return
        if output:
            output.write_bytes(
                pdf(made, template_of(house))
                if output.suffix.lower() == ".pdf"
                else word(made, word_template_of(house))
            )
        path = output or keep(house, made)
    for problem in made.dropped:
        typer.echo(f"已略去：{problem}", err=True)
    typer.echo(f"{made.title}（{chosen}）：{made.hotspots} 个热点，{len(made.claims)} 个数字已核对，存到 {path}")
