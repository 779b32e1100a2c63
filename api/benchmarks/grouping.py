"""How well orders of one event are grouped: pairwise F1, B³ and split rate on a simulated city with a known truth.

A fifth of the orders does not say where, a tenth misspells it (`crawlers.simulation.misplacing`). Nobody could tell an ordinary
order about the same issue from an event's if it is about the same place, or from the same street within a week, so such orders
count neither way; every other order in a group with an event's orders is a mistake.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from crawlers.simulation.orders import Simulation
    from indices.civic.posts import Post

END: Final = date(2026, 9, 30)
NEAR_DAYS: Final = 7
PART_SHARE: Final = 0.1
"""A group holds a part of an event if it has at least two of its orders and this share of them."""
NEUTRAL: Final = -2
ORDINARY: Final = -1
TARGET: Final = 0.85
GROWN_DAYS: Final = 60
TOLERANCE: Final = 0.01
"""Groups that grew day by day may have so much less F1 than grouping all anew…"""
AGREEMENT: Final = 0.9
"""… and share so much of its pairs."""


@dataclass(frozen=True)
class Grouped:
    """Figures of one run, or means over runs.

    `pairwise_*`: over pairs of orders in one group of which one at least is of an event. `b3_*`: means over orders of events
    (Bagga and Baldwin 1998). `split`: share of events whose orders lie in two or more groups.
    """

    orders: int
    events: int
    pairwise_precision: float
    pairwise_recall: float
    pairwise_f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float
    split: float


def measure_grouping(
    seeds: Sequence[int], *, days: int = 120, per_day: float = 150.0, events: int = 60
) -> dict[str, Any]:
    """Every seed by itself and the means, with the seconds that grouping took; `kept`: the same of groups that grew day by day
    over the last `GROWN_DAYS`, and `agreement`, the F1 of their pairs of orders against those of grouping all anew, over pairs
    of which one order at least is of an event."""
    import time

    from indices.civic.grouping import group_posts

    rows, kept, agreed, seconds = [], [], [], []
    for seed in seeds:
        posts, event_of = orders(seed, days=days, per_day=per_day, events=events)
        begin = time.perf_counter()
        groups = group_posts(posts)
        seconds.append(round(time.perf_counter() - begin, 2))
        rows.append(judge_groups(groups, event_of))
        grown = grow(posts)
        kept.append(judge_groups(grown, event_of))
        agreed.append(agreement(groups, grown, event_of))
    return {
        "seeds": list(seeds), "runs": [asdict(row) for row in rows], "mean": _mean(rows), "seconds": seconds,
        "kept": _mean(kept) | {"agreement": round(sum(agreed) / len(agreed), 4)},
    }  # fmt: skip


def _mean(rows: Sequence[Grouped]) -> dict[str, float]:
    return {
        name: round(sum(getattr(row, name) for row in rows) / len(rows), 4) for name in Grouped.__dataclass_fields__
    }


def grow(posts: Sequence[Post]) -> list[list[int]]:
    """Groups as a house keeps them: all but the last `GROWN_DAYS` at once, then every day what is new."""
    from indices.civic.regroup import positions_of, regroup

    known: dict[str, str] = {}
    for day in range(GROWN_DAYS, -1, -1):
        until = posts[-1].day - timedelta(days=day)
        window = [post for post in posts if post.day <= until]
        known = dict(zip((post.id for post in window), regroup(window, known).names, strict=True)) if window else known
    return positions_of([known[post.id] for post in posts])


def agreement(one: Sequence[Sequence[int]], other: Sequence[Sequence[int]], event_of: Sequence[int]) -> float:
    """F1 of the pairs of two groupings."""
    places = [
        {position: number for number, group in enumerate(groups) for position in group} for groups in (one, other)
    ]
    both = defaultdict(list)
    for position in places[0]:
        both[places[0][position], places[1][position]].append(position)
    first, second, shared = (
        sum(_event_pairs(group, event_of) for group in groups) for groups in (one, other, both.values())
    )
    return 2 * shared / max(1, first + second)


def _event_pairs(group: Sequence[int], event_of: Sequence[int]) -> int:
    own = sum(event_of[position] >= 0 for position in group)
    return _pairs(own) + own * (len(group) - own)


def orders(seed: int, *, days: int, per_day: float, events: int) -> tuple[list[Post], list[int]]:
    """Posts in order of (time, id), and the event of each: its number, `ORDINARY`, or `NEUTRAL`."""
    from crawlers.simulation.misplacing import misplace
    from crawlers.simulation.orders import simulate
    from indices.civic.posts import post_of
    from indices.intake.builder import build_record
    from nlp.annotate import Annotator, Draft

    city = simulate(seed=seed, days=days, per_day=per_day, end=END, events=events)
    places = {str(item.native_id): item.payload.place for item in city.items()}
    items = list(misplace(city.items(), seed))
    drafts = [Draft(item.payload.title, item.payload.text) for item in items]
    readings = Annotator.load().annotate(drafts)
    records = [build_record(item, reading, intake="", pseudonym_key=b"bench" * 8)
               for item, reading in zip(items, readings, strict=True)]  # fmt: skip
    posts = sorted(map(post_of, records), key=lambda post: (post.at, post.id))
    return posts, _events_of(posts, city, places)


def _events_of(posts: Sequence[Post], city: Simulation, places: Mapping[str, str | None]) -> list[int]:
    """The event of each post; `places`: where each order truly was."""
    plan, truth = city.plan, city.truth["events"]
    facts = {name: (event, issue, street) for name, event, issue, street in zip(
        plan.native_ids(), plan.event.tolist(), plan.issue.tolist(), plan.street.tolist(), strict=True)}  # fmt: skip
    times: defaultdict[tuple[int, int], list[tuple[date, date]]] = defaultdict(list)
    for number, event in enumerate(plan.events):
        start, end = (date.fromisoformat(truth[number][name]) for name in ("start", "end"))
        times[event.issue, event.street].append((start - timedelta(NEAR_DAYS), end + timedelta(NEAR_DAYS)))
    taken = {(issue, street, places[name]) for name, (event, issue, street) in facts.items() if event >= 0}
    found = []
    for post in posts:
        event, issue, street = facts[post.shown_id]
        near = (issue, street, places[post.shown_id]) in taken or any(
            start <= post.day <= end for start, end in times.get((issue, street), ())
        )
        found.append(event if event >= 0 else NEUTRAL if near else ORDINARY)
    return found


def show_grouping(found: dict[str, Any]) -> None:
    """What was measured, and whether the promise is kept."""
    import typer

    mean = found["mean"]
    typer.echo(
        f"归并：种子 {found['seeds']}，平均 {mean['orders']:,.0f} 件、{mean['events']:.0f} 个事件，两成不写地点、一成写错；"
        f"每个种子用时（秒）{'、'.join(f'{s:.1f}' for s in found['seconds'])}"
    )
    for name, key in (("成对", "pairwise"), ("B³", "b3")):
        typer.echo(
            f"{name}：精确率 {mean[key + '_precision']:.3f}，召回率 {mean[key + '_recall']:.3f}，F1 {mean[key + '_f1']:.3f}"
        )
    typer.echo(f"拆成两组以上的事件 {mean['split']:.1%}")
    kept = mean["pairwise_f1"] >= TARGET
    typer.echo(f"成对 F1 {mean['pairwise_f1']:.3f}，目标 {TARGET:.2f}，{'达到' if kept else '未达到'}")
    grown = found["kept"]
    near = grown["pairwise_f1"] >= mean["pairwise_f1"] - TOLERANCE and grown["agreement"] >= AGREEMENT
    typer.echo(
        f"逐日归并（最后 {GROWN_DAYS} 天）：成对 F1 {grown['pairwise_f1']:.3f}，B³ F1 {grown['b3_f1']:.3f}，拆开 {grown['split']:.1%}；"
        f"与全部重新归并一致 {grown['agreement']:.3f}。允许：F1 至多低 {TOLERANCE}，一致至少 {AGREEMENT}，{'达到' if near else '未达到'}"
    )


def judge_groups(groups: Sequence[Sequence[int]], event_of: Sequence[int]) -> Grouped:
    """Figures of groups of positions against the event of each position."""
    size = Counter(event for event in event_of if event >= 0)
    parts: defaultdict[int, list[int]] = defaultdict(list)
    same = together = 0
    precision = recall = 0.0
    for group in groups:
        held = Counter(event_of[position] for position in group if event_of[position] != NEUTRAL)
        inside = {event: n for event, n in held.items() if event >= 0}
        if not inside:
            continue
        whole, own = held.total(), sum(inside.values())
        together += _pairs(own) + own * (whole - own)
        for event, n in inside.items():
            parts[event].append(n)
            same += _pairs(n)
            precision += n * n / whole
            recall += n * n / size[event]
    orders_of_events = sum(size.values())
    wanted = sum(map(_pairs, size.values()))
    right, found = same / max(1, together), same / max(1, wanted)
    b3 = precision / max(1, orders_of_events), recall / max(1, orders_of_events)
    return Grouped(
        len(event_of), len(size), right, found, _f1(right, found), *b3, _f1(*b3), _split(parts, size)
    )  # fmt: skip


def _split(parts: Mapping[int, Sequence[int]], size: Mapping[int, int]) -> float:
    cut = sum(sum(n >= max(2, PART_SHARE * size[event]) for n in found) > 1 for event, found in parts.items())
    return cut / max(1, len(size))


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
