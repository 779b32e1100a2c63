"""`minsheng bench health`: injected faults of sources, found within a day, beside the usual rule; false alarms on sources in order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import typer

SHARES = (0.34, 0.2, 0.12, 0.08, 0.07, 0.06, 0.05, 0.04, 0.02, 0.02)
"""Of the city's orders by source: the largest has some 590 a day, the smallest 35."""
KINDS = ("中断", "降到三成", "整天重复", "字段缺失")
FIRST_DAY = 60
SHORTEST, LONGEST = 3, 5


def run(seed: Annotated[int, typer.Option(help="第一个种子")] = 1,
        runs: Annotated[int, typer.Option(help="城市个数", min=1)] = 3,
        faults: Annotated[int, typer.Option(help="每个城市注入的故障数", min=4)] = 40,
        json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """来源健康：模拟城市一年、十个来源，注入断供、降到三成、整天重复、字段缺失；一天之内发现多少，每来源每月误报几次。"""
    found = measure([seed + number for number in range(runs)], faults)
    if json:
        import json as codec

        typer.echo(codec.dumps(found, ensure_ascii=False, indent=1))
        return
    show(found)


def measure(seeds: list[int], faults: int) -> dict[str, Any]:
    """Found within a day by kind, and false alarms a month and source, of our rules and of the usual one."""
    hits: dict[str, dict[str, list[bool]]] = {name: {kind: [] for kind in KINDS} for name in ("民声", "通常做法")}
    alarms, months, confused = {"民声": 0, "通常做法": 0}, 0.0, 0
    for seed in seeds:
        days, injected, touched = city_with_faults(seed, faults)
        states = judge_year(days)
        for source, own in days.items():
            for day in sorted(own)[FIRST_DAY:]:
                if (source, day) in touched:
                    continue
                months += 1 / 30
                alarms["民声"] += states[source, day] in ("中断", "异常")
                alarms["通常做法"] += usual_rule(own, day)
        for kind, source, first, _ in injected:
            hits["民声"][kind].append(states[source, first] in ("中断", "异常"))
            hits["通常做法"][kind].append(usual_rule(days[source], first))
            confused += kind == "中断" and states[source, first] == "安静"
    return {"faults": sum(map(len, hits["民声"].values())), "months": months, "called_calm": confused,
            "found": {name: {kind: sum(part) / len(part) for kind, part in kinds.items()} for name, kinds in hits.items()},
            "found_in_all": {name: sum(map(sum, kinds.values())) / sum(map(len, kinds.values())) for name, kinds in hits.items()},
            "false_alarms_a_month": {name: count / months for name, count in alarms.items()}}  # fmt: skip


def city_with_faults(
    seed: int, faults: int
) -> tuple[dict[str, dict[date, Any]], list[tuple[str, str, date, int]], set[tuple[str, date]]]:
    """A year of ten sources; what was injected (kind, source, first day, days); days that a fault, or its end a week before, touches."""
    import numpy as np

    from crawlers.simulation.counts import simulate_counts
    from indices.collection.days import FIELDS, Day

    counts = simulate_counts(seed)
    rng = np.random.default_rng([seed, 77])
    owner = rng.choice(len(SHARES), size=counts.orders.shape[0], p=np.array(SHARES) / sum(SHARES))
    orders = np.stack([counts.orders[owner == number].sum(axis=0) for number in range(len(SHARES))])
    filled = rng.uniform(0.15, 0.99, size=(len(SHARES), len(FIELDS)))
    injected = _draw_faults(rng, faults, orders.shape[1])
    by_day = {(number, day): kind for kind, number, first, length in injected for day in range(first, first + length)}
    days: dict[str, dict[date, Any]] = {}
    for number in range(len(SHARES)):
        own = days.setdefault(f"来源{number}", {})
        lost = int(rng.integers(len(FIELDS)))
        for index in range(orders.shape[1]):
            n, kind = int(orders[number, index]), by_day.get((number, index), "")
            n = 0 if kind == KINDS[0] else int(rng.binomial(n, 0.3)) if kind == KINDS[1] else n
            repeats = n if kind == KINDS[2] else int(rng.binomial(n, 0.01))
            share = np.clip(filled[number] + rng.normal(0, 0.03, len(FIELDS)), 0, 1)
            if kind == KINDS[3]:
                share[lost] = 0.0
            present = {name: int(rng.binomial(n + repeats, s)) for name, s in zip(FIELDS, share, strict=True)}
            own[counts.start + timedelta(days=index)] = Day(items=n + repeats, duplicate=repeats, stored=n, delay_hours=float(n * rng.gamma(4, 1)),
                                                            fields=present)  # fmt: skip
    named = [
        (kind, f"来源{number}", counts.start + timedelta(days=first), length)
        for kind, number, first, length in injected
    ]
    touched = {(source, first + timedelta(days=n)) for _, source, first, length in named for n in range(length + 3)}
    return days, named, touched


def _draw_faults(rng: Any, faults: int, days: int) -> list[tuple[str, int, int, int]]:
    """Faults of each kind in turn, 28 days apart in one source, so that each meets a source in order."""
    taken: list[tuple[str, int, int, int]] = []
    while len(taken) < faults:
        number, first, length = (
            int(rng.integers(len(SHARES))),
            int(rng.integers(FIRST_DAY, days - 2 * LONGEST)),
            int(rng.integers(SHORTEST, LONGEST + 1)),
        )
        if all(other != number or abs(first - begin) >= 28 for _, other, begin, _ in taken):
            taken.append((KINDS[len(taken) % len(KINDS)], number, first, length))
    return taken


def judge_year(days: dict[str, dict[date, Any]]) -> dict[tuple[str, date], str]:
    """The state of every source at the end of every day."""
    from indices.collection.health import judge_all

    every = sorted({day for own in days.values() for day in own})[FIRST_DAY:]
    return {(source, day): health.state for day in every for source, health in judge_all(days, day).items()}


def usual_rule(own: dict[date, Any], day: date) -> bool:
    """What monitors of feeds do: fewer than half, or more than twice, of the mean of the week before."""
    week = [own[day - timedelta(days=n)].items for n in range(1, 8) if day - timedelta(days=n) in own]
    mean = sum(week) / len(week) if week else 0
    return bool(own[day].items < 0.5 * mean or own[day].items > 2 * mean)


def show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "", *KINDS, "合计", "误报 / 来源 / 月", title=f"{found['faults']} 处故障，{found['months']:,.0f} 个来源月"
    )
    for name, kinds in found["found"].items():
        table.add_row(name, *(f"{kinds[kind]:.0%}" for kind in KINDS), f"{found['found_in_all'][name]:.1%}",
                      f"{found['false_alarms_a_month'][name]:.2f}")  # fmt: skip
    Console().print(table)
    typer.echo(f"断供被当成“安静”的：{found['called_calm']} 处。目标：一天之内 ≥ 95 %，误报 ≤ 1。")
