"""`minsheng bench index`: estimators of the satisfaction index on simulated cities whose truth is known."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

COVERAGE: Final = (0.93, 0.97)
RMSE_SHARE: Final = 0.42
BIAS: Final = 0.5
NAIVE_BIAS: Final = 3.0
SECONDS: Final = {(400, 104): 5.0, (10_000, 104): 30.0}
POLICY_POINTS: Final = 3.0
FALSE: Final = 0.05
POWER: Final = 0.8
WORST: Final = 0.1
"""The tenth of the areas that is truly worst."""


def run(seed: Annotated[int, typer.Option(help="第一个种子")] = 1,
        runs: Annotated[int, typer.Option(help="种子个数", min=1)] = 30,
        json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:  # fmt: skip
    """满意度指数：已知真值的模拟城市上，区间覆盖、误差、未回访修正、时间水平，与通常做法在同一次运行中比较。"""
    seeds = [seed + number for number in range(runs)]
    found = {
        "areas": areas(seeds),
        "city": city(seeds),
        "non_response": non_response(seeds),
        "policy": policy(seeds),
        "levels": in_time(seeds[: max(1, runs // 6)]),
        "seconds": seconds(),
    }
    if json:
        import json as codec

        typer.echo(codec.dumps(found, ensure_ascii=False, indent=1))
        return
    show(found)


def areas(seeds: list[int], **city: Any) -> dict[str, dict[str, float]]:
    """By estimator: root mean square error, coverage and mean width of the 95 % interval, and the share of the truly worst areas among
    those that the estimator puts there."""
    from api.benchmarks.estimators import ESTIMATORS
    from crawlers.simulation.ratings import simulate_plain

    rows: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in ESTIMATORS}
    for seed in seeds:
        counts, truth = simulate_plain(seed, **city)
        for name, estimate in ESTIMATORS.items():
            rows[name].append(_against(truth, *estimate(counts)))
    return _means(rows)


def _against(truth: Any, value: Any, low: Any, high: Any) -> tuple[float, float, float, float]:
    """Squared error, coverage, width, share of the truly worst found."""
    import numpy as np

    size = max(1, int(WORST * len(truth)))
    worst = set(np.argsort(truth)[:size].tolist())
    said = set(np.argsort(value, kind="stable")[:size].tolist())
    covered = ((low <= truth) & (truth <= high)).mean()
    return float(((value - truth) ** 2).mean()), float(covered), float((high - low).mean()), len(worst & said) / size


def _means(rows: dict[str, list[tuple[float, float, float, float]]]) -> dict[str, dict[str, float]]:
    import numpy as np

    found = {}
    for name, values in rows.items():
        error, covered, width, right = np.mean(values, axis=0)
        found[name] = {
            "rmse": float(np.sqrt(error)),
            "coverage": float(covered),
            "width": float(width),
            "worst": float(right),
        }
    return found


def city(seeds: list[int]) -> dict[str, dict[str, float]]:
    """As `areas`, of cities where who answers depends on channel and outcome, areas have topics of their own and from 3 to 3,000 orders; against
    what all people of an area would say. Ours knows every order's facts; the usual ways have the answers."""
    from api.benchmarks.estimators import ESTIMATORS, OURS, full_model
    from crawlers.simulation.ratings import simulate_ratings

    rows: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in ESTIMATORS}
    for seed in seeds:
        made = simulate_ratings(seed)
        counts = made.counts()
        answered = counts.sum(axis=1) > 0  # an area that nobody answered for has no usual estimate
        for name, estimate in ESTIMATORS.items():
            ends = tuple(end[answered] for end in full_model(made)) if name == OURS else estimate(counts[answered])
            rows[name].append(_against(made.truth[answered], *ends))
    return _means(rows)


def non_response(seeds: list[int]) -> dict[str, float]:
    """Mean bias of the plain mean, of weighting and of the doubly robust estimate, in points; coverage of the interval of the last."""
    import numpy as np

    from crawlers.simulation.ratings import simulate_ratings
    from indices.civic.non_response import correct

    rows = []
    for seed in seeds:
        city = simulate_ratings(seed)
        facts = [city.channel.tolist(), city.solved.astype(str).tolist()]
        found = correct(city.rating.astype(np.float64) * 25, city.answered, facts)
        rows.append((found.naive - city.score, found.weighted - city.score, found.value - city.score,
                     float(found.low <= city.score <= found.high), found.answered / found.n))  # fmt: skip
    naive, weighted, robust, covered, answered = map(float, np.mean(rows, axis=0))
    return {"naive": naive, "weighted": weighted, "robust": robust, "coverage": covered, "answered": answered}


def policy(seeds: list[int]) -> dict[str, float]:
    """A policy in 15 of 60 areas over two years, on as many seeds again as given: how often one without an effect is told, one of 3 points
    is, and how often the interval holds the truth."""
    import numpy as np

    from crawlers.simulation.ratings import simulate_policy
    from indices.civic.policies import weekly_difference
    from indices.civic.policy_effect import effect

    found: dict[float, list[tuple[bool, bool]]] = {0.0: [], POLICY_POINTS: []}
    for truth, rows in found.items():
        for seed in [*seeds, *(seed + 10_000 for seed in seeds)]:
            values, n, reached = simulate_policy(seed, effect=truth)
            difference, noise, _ = weekly_difference(values, n, reached)
            one = effect(difference, noise, 64)
            rows.append((one.told, one.low <= truth <= one.high))
    said = {truth: np.mean(rows, axis=0) for truth, rows in found.items()}
    covered = float(np.mean([rate[1] for rate in said.values()]))
    return {
        "false": float(said[0.0][0]),
        "power": float(said[POLICY_POINTS][0]),
        "coverage": covered,
        "runs": 2 * len(seeds),
    }


def in_time(seeds: list[int]) -> dict[str, float]:
    """Of 400 series over 104 weeks: error of the smoothed level beside that of the week's own mean, coverage of its 95 % interval; of drops
    told at the alert's probability, the share that is true."""
    import numpy as np

    from crawlers.simulation.ratings import simulate_levels
    from indices.civic.level import DROP_POINTS, DROP_WEEKS, levels
    from models.satisfaction import DROP_ALERT

    rows, told, true, fell = [], 0, 0, 0
    for seed in seeds:
        values, variances, truth = simulate_levels(seed)
        found = levels(values, variances)
        known = np.isfinite(values)
        inside = np.abs(found.value - truth) <= 1.959964 * found.deviation
        rows.append(
            (((found.value - truth)[known] ** 2).mean(), ((values - truth)[known] ** 2).mean(), inside.mean(), found.q)
        )
        drop = truth[:, -1 - DROP_WEEKS] - truth[:, -1] > DROP_POINTS
        alert = found.drop() > DROP_ALERT
        told, true, fell = told + int(alert.sum()), true + int((alert & drop).sum()), fell + int(drop.sum())
    ours, week, covered, q = np.mean(rows, axis=0)
    return {"rmse": float(np.sqrt(ours)), "week_rmse": float(np.sqrt(week)), "coverage": float(covered), "q": float(q),
            "told": told, "true": true, "fell": fell}  # fmt: skip


def seconds() -> dict[str, float]:
    """Areas × weeks: the fit of every area and the smoothing of every series."""
    import math
    import time

    from api.benchmarks.estimators import full_model
    from crawlers.simulation.ratings import simulate_levels, simulate_ratings
    from indices.civic.level import levels

    found, times = {}, []
    for number, weeks in SECONDS:
        made = simulate_ratings(1, areas=number)
        values, variances, _ = simulate_levels(1, series=number, weeks=weeks)
        begin = time.perf_counter()
        full_model(made)
        levels(values, variances)
        times.append(time.perf_counter() - begin)
        found[f"{number}×{weeks}"] = times[-1]
    (first, _), (last, _) = SECONDS
    found["exponent"] = math.log(times[-1] / times[0]) / math.log(last / first)
    return found


def show(found: dict[str, Any]) -> None:
    """The tables, and whether each promise is kept."""
    from rich.console import Console
    from rich.table import Table

    from api.benchmarks.estimators import OURS, RAW

    titles = {
        "areas": "400 个单位，人人作答，平均 13 件评价",
        "city": "400 个单位，3–3000 件，作答与渠道、结果有关，单位分类型、各有事项结构",
    }
    for key, title in titles.items():
        table = Table(title=title)
        for name in ("做法", "均方根误差", "95% 区间覆盖", "区间宽", "最差一成找对"):
            table.add_column(name, justify="left" if name == "做法" else "right")
        for name, row in found[key].items():
            table.add_row(
                name, f"{row['rmse']:.2f}", f"{row['coverage']:.3f}", f"{row['width']:.1f}", f"{row['worst']:.2f}"
            )
        Console(width=100).print(table)
    plain, other = found["areas"][OURS], found["areas"][RAW]
    typer.echo(f"人人作答时：误差为原始均值的 {plain['rmse'] / other['rmse']:.3f}，区间覆盖 {plain['coverage']:.3f}")
    ours, raw = found["city"][OURS], found["city"][RAW]
    _promise(
        f"区间覆盖 {ours['coverage']:.3f}，目标 {COVERAGE[0]}–{COVERAGE[1]}",
        COVERAGE[0] <= ours["coverage"] <= COVERAGE[1],
    )
    share = ours["rmse"] / raw["rmse"]
    _promise(f"误差为原始均值的 {share:.3f}，目标至多 {RMSE_SHARE}", share <= RMSE_SHARE)
    silent = found["non_response"]
    typer.echo(f"未回访修正（{silent['answered']:.0%} 有评价）：原始均值偏 {silent['naive']:+.2f} 分，倒概率加权 {silent['weighted']:+.2f}，"
               f"双稳健 {silent['robust']:+.2f}，其 95% 区间覆盖 {silent['coverage']:.2f}")  # fmt: skip
    _promise(
        f"修正后偏差至多 {BIAS} 分（原始至少 {NAIVE_BIAS} 分）",
        abs(silent["robust"]) <= BIAS and abs(silent["naive"]) >= NAIVE_BIAS,
    )
    about = found["policy"]
    typer.echo(f"政策前后（各 {about['runs']:.0f} 次模拟）：95% 区间覆盖 {about['coverage']:.3f}")
    _promise(f"没有效果的政策被说成有效果 {about['false']:.1%}，目标至多 {FALSE:.0%}", about["false"] <= FALSE)
    _promise(f"{POLICY_POINTS:g} 分的效果被认出 {about['power']:.1%}，目标至少 {POWER:.0%}", about["power"] >= POWER)
    level = found["levels"]
    typer.echo(f"时间水平：误差 {level['rmse']:.2f}（当周均值 {level['week_rmse']:.2f}），95% 区间覆盖 {level['coverage']:.3f}；"
               f"下降 3 分的预警 {level['told']} 次，属实 {level['true']} 次（实际下降 {level['fell']} 次）")  # fmt: skip
    for size, limit in SECONDS.items():
        name = f"{size[0]}×{size[1]}"
        _promise(f"{name} 周用时 {found['seconds'][name]:.2f} 秒，目标 {limit:.0f} 秒", found["seconds"][name] <= limit)
    _promise(f"增长指数 {found['seconds']['exponent']:.2f}，目标至多 1.1", found["seconds"]["exponent"] <= 1.1)


def _promise(words: str, kept: bool) -> None:
    typer.echo(f"{words}：{'达到' if kept else '未达到'}")
