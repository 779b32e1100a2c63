"""Policies and their before and after: what was decreed where and when, and whether the ratings tell it from chance."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, Double, Engine, Integer, Row, String, Table, Text, insert, select

from indices.civic.cells import Cells, cells
from indices.civic.policy_effect import LEAST_WEEKS, Effect, effect
from indices.database import metadata, reading, writing
from models.clock import day_start, now, week_start
from models.errors import BadRequest, NotFound
from models.figures import Placebo, PolicyEffect, Source, Span
from models.ports import Reader
from models.query import Query
from models.satisfaction import Policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WEEKS: Final = 104
"""Looked at around the start: two years, of which at most half lie after it."""
LEAST_RATINGS: Final = 5  # of a side in a week; a week with fewer has no value
_LONGEST: Final = {"title": 100, "text": 5_000}

policies = Table(
    "policies", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("title", String(100), nullable=False),
    Column("text", Text, nullable=False),
    Column("start", String(10), nullable=False),
    Column("districts", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip


class Policies:
    """The register; a policy stays as it was entered."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def add(self, policy: Policy, who: str) -> Policy:
        """The policy with its number. Raises BadRequest."""
        for name, most in _LONGEST.items():
            value = getattr(policy, name).strip()
            if len(value) > most or (name == "title" and not value):
                raise BadRequest(
                    name=name,
                    value=value[:40],
                    reason=f"应为 1 至 {most} 个字" if name == "title" else f"至多 {most} 个字",
                )
        values = {"title": policy.title.strip(), "text": policy.text.strip(), "start": str(policy.start), "who": who, "at": self._clock(),
                  "districts": json.dumps(policy.districts), "topics": json.dumps(policy.topics)}  # fmt: skip
        with writing(self._engine) as connection:
            key = connection.execute(insert(policies).values(values)).inserted_primary_key
        assert key is not None
        return policy.model_copy(
            update={"number": int(key[0]), "who": who, "title": values["title"], "text": values["text"]}
        )

    def all(self) -> list[Policy]:
        """The latest start first."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(policies).order_by(policies.c.start.desc(), policies.c.number.desc()))
            return [_policy(row) for row in rows]

    def get(self, number: int) -> Policy:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(policies).where(policies.c.number == number)).first()
        if row is None:
            raise NotFound(what=f"政策 {number}")
        return _policy(row)


def _policy(row: Row[Any]) -> Policy:
    return Policy(
        number=row.number, title=row.title, text=row.text, start=date.fromisoformat(row.start), who=row.who,
        districts=tuple(json.loads(row.districts)), topics=tuple(json.loads(row.topics)),
    )  # fmt: skip


def policy_effect(reader: Reader, policy: Policy, last: date) -> PolicyEffect:
    """What the ratings say of a policy with the data up to `last`.

    Compared with the districts that it did not reach, the same matters; a policy of the whole city on some topics with the other topics;
    one of the whole city and all matters with nothing, which the words then say.

    Raises:
        BadRequest: fewer than 12 weeks with ratings before or after.
    """
    begin = week_start(policy.start) - timedelta(weeks=WEEKS // 2 + LEAST_WEEKS)
    end = min(
        week_start(last), week_start(policy.start) + timedelta(weeks=WEEKS // 2)
    )  # a week that is not over is left out
    query = Query(since=day_start(begin), until=day_start(max(end, begin + timedelta(weeks=1))))
    field = "district" if policy.districts else "topic"
    if policy.districts and policy.topics:
        query = query.narrowed(topic=policy.topics)
    counted = cells(reader, query, [field, "week", "rating"])
    counted = counted.kept(counted.known("rating")) if len(counted.n) else counted
    chosen = policy.districts or policy.topics
    weeks = [begin + timedelta(weeks=k) for k in range((end - begin).days // 7)]
    values, n = week_table(counted, field, weeks)
    names = counted.names.get(field, ())
    reached = np.array([not chosen or name in chosen for name in names], dtype=bool)
    difference, noise, sides = weekly_difference(values, n, reached)
    place = sum(week < policy.start for week in weeks)  # the first whole week with the policy
    known = np.isfinite(difference)
    for part, words in ((known[:place], "之前"), (known[place:], "之后")):
        if part.sum() < LEAST_WEEKS:
            raise BadRequest(
                name="政策",
                value=f"{words}有 {int(part.sum())} 周评价",
                reason=f"实施前后各须至少 {LEAST_WEEKS} 周才能判断",
            )
    found = effect(difference, noise, place)
    against = _against(policy, bool((~reached).any()))
    return _figure(policy, found, weeks, sides, n, reached, place, against, query)


def week_table(counted: Cells, field: str, weeks: list[date]) -> tuple[Floats, Ints]:
    """(units, weeks) mean ratings on 0–100, NaN where there are none, and how many."""
    units = len(counted.names.get(field, ()))
    shape = (units, len(weeks))
    if not len(counted.n):
        return np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    number = {str(week): k for k, week in enumerate(weeks)}
    column = np.array([number.get(name, -1) for name in counted.names["week"]])[counted.codes["week"]]
    points = counted.points()
    here = column >= 0
    place = (counted.codes[field] * len(weeks) + column)[here]
    n = np.bincount(place, counted.n[here], units * len(weeks))
    total = np.bincount(place, (counted.n * points)[here], units * len(weeks))
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    return mean.reshape(shape), n.astype(np.int64).reshape(shape)


def weekly_difference(
    values: Floats, n: Ints, reached: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """(weeks,) mean of the units reached less that of the others, each unit measured from its own mean so that who has many ratings in which
    week does not matter; its variance; and the two sides. Without others, the units reached alone."""
    weight = np.where(np.isfinite(values), n, 0).astype(np.float64)
    plain = np.where(weight > 0, values, 0.0)
    own = (weight * plain).sum(axis=1) / np.maximum(weight.sum(axis=1), 1.0)
    within = np.where(weight > 0, plain - own[:, None], 0.0)
    spread = _rating_variance(values, n)
    sides = []
    for side in (reached, ~reached):
        total = weight[side].sum(axis=0)
        level = float((weight[side].sum(axis=1) @ own[side]) / max(weight[side].sum(), 1.0)) if side.any() else 0.0
        mean = np.where(
            total >= LEAST_RATINGS, (weight[side] * within[side]).sum(axis=0) / np.maximum(total, 1.0) + level, np.nan
        )
        sides.append((mean, spread / np.maximum(total, 1.0)))
    (one, noise), (other, other_noise) = sides
    if not (~reached).any():
        return one, noise, (one, other)
    return one - other, noise + other_noise, (one, other)


def _rating_variance(values: Floats, n: Ints) -> float:
    """Variance of one rating about its unit's mean, from the spread of weekly means: Var(mean of n) · n."""
    known = np.isfinite(values) & (n > 0)
    if not known.any():
        return 900.0
    weight = np.where(known, n, 0).astype(np.float64)
    plain = np.where(known, values, 0.0)
    own = (weight * plain).sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    parts = known.sum() - known.any(axis=1).sum()
    return max(25.0, float((weight * (plain - own) ** 2 * known).sum() / max(parts, 1)))


def _against(policy: Policy, others: bool) -> str:
    if not others:
        return ""
    return "未实施的区县" if policy.districts else "其他分类"


def _figure(
    policy: Policy, found: Effect, weeks: list[date], sides: tuple[Floats, Floats], n: Ints,
    reached: npt.NDArray[np.bool_], place: int, against: str, query: Query,
) -> PolicyEffect:  # fmt: skip
    def column(values: Floats) -> tuple[float | None, ...]:
        return tuple(round(float(value), 2) if np.isfinite(value) else None for value in values)

    other = sides[1] if against else np.zeros(len(weeks))
    span = Span(**{name: round(getattr(found, name), 2) for name in ("value", "low", "high", "low90", "high90")})
    placebos = tuple(
        Placebo(week=weeks[week], effect=round(one, 2)) for week, (one, _) in sorted(found.placebos.items())
    )
    return PolicyEffect(
        title=policy.title, start=policy.start, effect=span, told=found.told, against=against, placebos=placebos,
        placebo_share=round(found.placebo_share, 3), weeks=tuple(weeks), reached=column(sides[0]),
        others=column(sides[1]) if against else (), expected=column(found.expected + other), place=place,
        n_before=int(n[reached][:, :place].sum()), n_after=int(n[reached][:, place:].sum()), words=words(span, found, against),
        source=Source(query=query, n=int(n.sum()), computed_at=now(), versions={"policy": "its-walk-1"}),
    )  # fmt: skip


def words(span: Span, found: Effect, against: str) -> str:
    """What was found, in one or two sentences."""
    interval = f"95% 区间 {span.low:+.1f} ~ {span.high:+.1f}"
    base = f"与{against}相比，" if against else "没有可比的区县或分类，只与自身以前相比，同期的其他变化无法排除；"
    checks = f"把实施前的 {len(found.placebos)} 个日期当作实施日重算，变化不小于此的占 {found.placebo_share:.0%}"
    if found.told:
        turn = "上升" if span.value > 0 else "下降"
        return f"{base}实施后满意度{turn} {abs(span.value):.1f} 分（{interval}）。{checks}。"
    return f"{base}实施后变化 {span.value:+.1f} 分（{interval}），与偶然波动分不开。{checks}。"
