"""`minsheng simulate`: an invented city to try the product on, and the truth behind it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)


def simulate(days: Annotated[int, typer.Option(min=1, max=3_650, help="天数")] = 120,
             per_day: Annotated[float, typer.Option(min=1, max=100_000, help="平均每日工单数（注入事件另计）")] = 60.0,
             seed: Annotated[int, typer.Option(help="种子；同一种子、同样参数，输出逐字节相同")] = 1,
             end: Annotated[str | None, typer.Option(help="最后一天，如 2026-11-24；不给则为昨天")] = None,
             events: Annotated[int, typer.Option(min=0, max=500, help="注入事件数，每个 6–50 件、3–10 天")] = 12,
             output: Annotated[Path | None, typer.Option("-o", "--output", help="工单 JSONL 文件；不给则写到标准输出")] = None,
             truth: Annotated[Path | None, typer.Option(help="真值 JSON 文件：事件、单位满意度、全市波动、重复来电人")] = None,
             states: Annotated[bool, typer.Option("--states", help="写出每件工单的每个状态，而不只是最后状态")] = False,
             compare: Annotated[Path | None, typer.Option(help="真实数据文件夹；现读现比，不保存")] = None) -> None:  # fmt: skip
    """造一座虚构的城市：工单、办理过程、评价和注入的事件，供试用和基准测试。文本由语法生成，不可用来说明模型的准确度。"""
    import sys
    from datetime import timedelta

    from rich.console import Console
    from rich.progress import track

    from api.questions import parse_day, today
    from crawlers.simulation.orders import line, simulate, truth_json
    from crawlers.simulation.report import Profile, compare_table, shares

    last = parse_day(end, "--end") if end else today() - timedelta(days=1)
    simulation = simulate(seed=seed, days=days, per_day=per_day, end=last, events=events)
    profile = Profile(simulation.city.name)
    notes = Console(stderr=True)
    with ExitStack() as open_files:
        file = open_files.enter_context(output.open("w", encoding="utf-8", newline="\n")) if output else sys.stdout
        items = simulation.states() if states else simulation.items()
        total = None if states else len(simulation)
        for item in track(items, "模拟", total=total, console=notes, disable=not sys.stderr.isatty()):
            file.write(line(item) + "\n")
            profile.add(item)
    if truth:
        truth.write_text(truth_json(simulation), encoding="utf-8")
    notes.print(shares(simulation, profile))
    if compare:
        notes.print(compare_table([profile, *Profile.of_folder(compare)]))
