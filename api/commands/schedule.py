"""`minsheng schedule`: the clock process."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("schedule")(schedule)


def schedule(
    list_jobs: Annotated[bool, typer.Option("--list", help="只列出任务、节奏、下次时间和最近一次结果")] = False,
) -> None:
    """按时运行任务：收文件、算热点、出简报、采集、清理。可启动多个，每个时点只运行一次。"""
    from api.scheduler import JOBS, Scheduler, choose, holder_name
    from api.signals import stop_on_signals
    from api.wiring import House
    from indices.ledger import Ledger
    from nlp.logs import configure_logging

    with House() as house:
        jobs = choose(house.settings.jobs, JOBS)
        ledger = Ledger(house.database, holder=holder_name())
        if list_jobs:
            _show(ledger, [job.name for job in jobs])
            return
        configure_logging(house.settings.log_level)
        Scheduler(ledger, jobs).run(stop_on_signals())


def _show(ledger: object, names: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from api.scheduler import JOBS, next_slot
    from indices.ledger import Ledger
    from models.clock import CITY_TIME, now

    assert isinstance(ledger, Ledger)
    states = {"running": "运行中", "done": "完成", "failed": "失败", "skipped": "跳过"}
    table = Table("任务", "说明", "节奏", "下次", "最近一次")
    for job in (job for job in JOBS if job.name in names):
        following = next_slot(job, now())
        latest = ledger.runs(job.name, limit=1)
        last = "从未" if not latest else f"{latest[0].slot.astimezone(CITY_TIME):%m-%d %H:%M} {states[latest[0].state]}"
        when = f"{following.astimezone(CITY_TIME):%m-%d %H:%M}" if following else "无"
        table.add_row(job.name, job.title, job.rhythm, when, last)
    Console().print(table)
