"""政策前后: the register of policies, and of one of them what the ratings say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import formats
from dashboards.charts import Chart, Series
from models.figures import PolicyEffect
from models.satisfaction import Policy


@dataclass(frozen=True, slots=True)
class PolicyRow:
    policy: Policy
    where: str


@dataclass(frozen=True, slots=True)
class PoliciesView:
    rows: tuple[PolicyRow, ...]
    chosen: PolicyRow | None
    effect: PolicyEffect | None
    problem: str
    charts: tuple[Chart, ...]
    districts: tuple[str, ...]
    topics: tuple[str, ...]
    may_add: bool


def policies_view(
    policies: Sequence[Policy], *, chosen: Policy | None = None, effect: PolicyEffect | None = None, problem: str = "",
    districts: Sequence[str] = (), topics: Sequence[str] = (), may_add: bool = False,
) -> PoliciesView:  # fmt: skip
    """`problem`: why there is no effect of the chosen policy, in words."""
    return PoliciesView(
        rows=tuple(map(_row, policies)), chosen=_row(chosen) if chosen else None, effect=effect, problem=problem,
        charts=(_curve(effect), _placebos(effect)) if effect else (), districts=tuple(districts), topics=tuple(topics), may_add=may_add,
    )  # fmt: skip


def _row(policy: Policy) -> PolicyRow:
    where = "、".join(policy.districts) or "全市"
    return PolicyRow(policy, f"{where}；{'、'.join(policy.topics) or '各类诉求'}")


def _curve(effect: PolicyEffect) -> Chart:
    series = [Series("实施区域", effect.reached), Series("预计（若未实施）", effect.expected, role="expected")]
    if effect.others:
        series.append(Series(effect.against, effect.others, role="plain"))
    return Chart(
        key="policy", title=f"{effect.title}：实施前后的每周评价", x=tuple(map(str, effect.weeks)),
        labels=tuple(formats.short_day(week) for week in effect.weeks), series=tuple(series), unit="", decimals=1, zero=False,
        mark=effect.place, x_title="周（起）", summary=effect.words,
    )  # fmt: skip


def _placebos(effect: PolicyEffect) -> Chart:
    weeks = tuple(one.week for one in effect.placebos)
    return Chart(
        key="placebo", title="安慰剂检验：若从这一周实施，会算出多少", x=tuple(map(str, weeks)),
        labels=tuple(formats.short_day(week) for week in weeks), series=(Series("假想效果", tuple(one.effect for one in effect.placebos)),),
        unit="分", decimals=1, zero=True, x_title="周（起）", summary=f"实际效果为 {formats.signed(effect.effect.value, 1)} 分。",
    )  # fmt: skip
