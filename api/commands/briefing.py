"""`minsheng briefing`: the paper of a day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("briefing")(briefing)


def briefing(day: Annotated[str | None, typer.Option(help="日期，如 2026-11-24；不给则为最近有数据的一天")] = None,
             output: Annotated[Path | None, typer.Option("-o", "--output", help="Word 文件；不给则存到 HOME/briefings")] = None,
             json: Annotated[bool, typer.Option("--json", help="输出 JSON：每句话、每个数字的条件与工单编号")] = False) -> None:  # fmt: skip
    """生成当日简报（Word，GB/T 9704 版式）；每个数字先与库核对，附出处。"""
    from api.briefings import keep, make_briefing
    from api.questions import output_path, parse_day
    from api.wiring import House
    from dashboards.views.counts import newest_day
    from dashboards.word import word
    from models.errors import NotFound

    if output:
        output_path(output)
    with House(read_only=True) as house:
        reader = house.console
        chosen = parse_day(day, "--day") if day else newest_day(reader)
        if chosen is None:
            raise NotFound(what="任何记录；先用 minsheng ingest 导入")
        made = make_briefing(house, reader, chosen, paper=True)
        if json:
            typer.echo(made.model_dump_json(indent=1))
            return
        if output:
            output.write_bytes(word(made))
        path = output or keep(house, made)
    typer.echo(f"{made.title}（{chosen}）：{made.hotspots} 个热点，{len(made.claims)} 个数字已核对，存到 {path}")
