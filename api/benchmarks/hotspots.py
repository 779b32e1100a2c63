"""`minsheng bench hotspots`: recall of injected events at a budget of false alerts, beside the usual detectors; grouping."""

from __future__ import annotations

from typing import Annotated, Any

import typer

BUDGETS = (1.0, 2.0, 5.0)
TARGET = {6: 55, 12: 85, 25: 98, 50: 100}
"""Recall in per cent at two false alerts a day that is promised."""
GROUPING_SEED = 100
"""The grouping was tuned on seeds 1 to 3; from here on it is judged."""
OURS = "民声"
FIRST_DAY = 90
"""Days that every detector may learn from; nothing is judged before."""


def run(seed: Annotated[int, typer.Option(help="第一个种子")] = 1,
        runs: Annotated[int, typer.Option(help="种子个数", min=1)] = 3,
        sizes: Annotated[str, typer.Option(help="注入事件的件数，逗号分隔")] = "6,12,25,50",
        events: Annotated[int, typer.Option(help="每次注入的事件数", min=1)] = 600,
        grouping: Annotated[int, typer.Option(help="归并检验的种子个数（每个约 1 分钟），0 不检验", min=0)] = 2,
        json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """热点检出率：模拟城市注入已知事件，在每天 1、2、5 条误报下比较各种检测方法；同一事件的工单归并得如何。"""
    from api.benchmarks.grouping import measure_grouping, show_grouping

    wanted = parse_sizes(sizes)
    found = measure([seed + number for number in range(runs)], wanted, events=events)
    if grouping:
        found["grouping"] = measure_grouping([GROUPING_SEED + number for number in range(grouping)])
    if json:
        import json as codec

        typer.echo(codec.dumps(found, ensure_ascii=False, indent=1))
        return
    show(found, wanted)
    if grouping:
        show_grouping(found["grouping"])


def parse_sizes(sizes: str) -> tuple[int, ...]:
    """Event sizes; raises BadRequest for anything but positive numbers of at least 2."""
    from models.errors import BadRequest

    try:
        found = tuple(int(one) for one in sizes.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 2:
        raise BadRequest(name="--sizes", value=sizes, reason="应为逗号分隔的整数，每个至少 2，如 6,12,25,50")
    return found


def measure(seeds: list[int], sizes: tuple[int, ...], *, events: int = 600, **city: Any) -> dict[str, Any]:
    """Recall (per cent) and median delay (days) by detector, budget and size, over all seeds together."""
    import time

    import numpy as np

    from api.benchmarks.detectors import BASELINES, at_budget
    from crawlers.simulation.counts import simulate_counts
    from indices.civic.burst import score

    names = [OURS, *BASELINES]
    hits: dict[tuple[str, float, int], list[int | None]] = {}
    seconds, cells, days = dict.fromkeys(names, 0.0), 0, 0
    for seed in seeds:
        counts = simulate_counts(seed, events=events, sizes=sizes, **city)
        cells, days = counts.people.shape
        for name in names:
            begin = time.perf_counter()
            ours = name == OURS
            people = counts.people.astype(np.float64)
            scores = score(people, counts.issue_of_cell, counts.start) if ours else BASELINES[name](people)
            seconds[name] += time.perf_counter() - begin
            for budget in BUDGETS:
                _, judged = at_budget(scores, counts.events, FIRST_DAY, budget)
                for number, event in enumerate(counts.events):
                    hits.setdefault((name, budget, event.size), []).append(judged.delays.get(number))
    rows = [_row(name, budget, {size: hits[name, budget, size] for size in dict.fromkeys(sizes)})
            for name in names for budget in BUDGETS]  # fmt: skip
    each = {name: round(total / len(seeds), 2) for name, total in seconds.items()}
    return {"seeds": seeds, "cells": cells, "days": days, "events": events * len(seeds), "rows": rows, "seconds": each}


def _row(name: str, budget: float, delays: dict[int, list[int | None]]) -> dict[str, Any]:
    from statistics import median

    found = {size: [delay for delay in all_ if delay is not None] for size, all_ in delays.items()}
    return {
        "detector": name,
        "false_a_day": budget,
        "recall": {str(size): round(100 * len(found[size]) / len(all_), 1) for size, all_ in delays.items()},
        "median_delay_days": {str(size): median(found[size]) if found[size] else None for size in delays},
    }


def show(found: dict[str, Any], sizes: tuple[int, ...]) -> None:
    """The table, and whether the promise is kept."""
    from rich.console import Console
    from rich.table import Table

    typer.echo(f"{found['cells']:,} 个格子 × {found['days']} 天，种子 {found['seeds']}，共注入 {found['events']:,} 个事件；"
          f"前 {FIRST_DAY} 天只用于学习")  # fmt: skip
    table = Table("检测方法", "误报/天", *(f"{size} 件" for size in sizes), "延迟中位数（天）", title="检出率 %")
    for row in found["rows"]:
        delays = "/".join("—" if d is None else f"{d:g}" for d in row["median_delay_days"].values())
        table.add_row(row["detector"], f"{row['false_a_day']:g}", *(f"{r:.1f}" for r in row["recall"].values()), delays)
    Console(width=100).print(table)
    typer.echo("每个种子用时（秒）：" + "，".join(f"{name} {value:.2f}" for name, value in found["seconds"].items()))
    ours = next(row for row in found["rows"] if row["detector"] == OURS and row["false_a_day"] == 2.0)
    for size, target in TARGET.items():
        if str(size) in ours["recall"]:
            got = ours["recall"][str(size)]
            typer.echo(f"{size} 件：检出 {got:.1f} %，目标 {target} %，{'达到' if got >= target else '未达到'}")
