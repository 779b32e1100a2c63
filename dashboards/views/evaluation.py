"""考核与申诉: units in tiers without the orders that nobody answers for, and the appeals against single orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from dashboards import formats
from dashboards.views.counts import label_of
from indices.civic.appeals import GROUNDS, Appeal
from models.figures import Evaluation, IndexRow

Unit = Literal["street", "department", "community"]
NAMES: Final[Mapping[Unit, str]] = {"street": "街道", "department": "承办单位", "community": "社区（网格）"}
TIERS: Final = ("上档", "中档", "下档", "")


@dataclass(frozen=True, slots=True)
class TierGroup:
    name: str
    rows: tuple[tuple[str, IndexRow], ...]


@dataclass(frozen=True, slots=True)
class AppealRow:
    appeal: Appeal
    filed: str
    decided: str
    may_decide: bool


@dataclass(frozen=True, slots=True)
class EvaluationView:
    by: Unit
    by_name: str
    choices: tuple[tuple[Unit, str], ...]
    groups: tuple[TierGroup, ...]
    left_out: tuple[tuple[str, int], ...]
    appeals: tuple[AppealRow, ...]
    grounds: tuple[str, ...]
    empty: str
    files: bool


def evaluation_view(
    found: Evaluation, appeals: Sequence[Appeal], *, by: Unit, who: str, decides: bool, files: bool
) -> EvaluationView:
    """`who`: the viewer, who never decides their own appeal; `decides`, `files`: whether their role may."""
    groups = []
    for tier in TIERS:
        rows = [(label_of(by, row.key), row) for row in found.index.rows if row.tier == tier]
        if rows:
            groups.append(
                TierGroup(tier or "不分档（样本不足或区间过宽）", tuple(sorted(rows, key=lambda pair: pair[0])))
            )
    return EvaluationView(
        by=by, by_name=NAMES[by], choices=tuple(NAMES.items()), groups=tuple(groups), left_out=tuple(found.left_out.items()),
        appeals=tuple(_row(one, who, decides) for one in appeals), grounds=GROUNDS,
        files=files, empty="" if found.index.rows else "所选范围内没有带评价的工单，不能分档。",
    )  # fmt: skip


def _row(one: Appeal, who: str, decides: bool) -> AppealRow:
    def moment(at: float | None) -> str:
        return formats.moment(datetime.fromtimestamp(at, UTC)) if at else ""

    return AppealRow(one, moment(one.at), moment(one.decided_at), decides and one.state == "待审" and one.who != who)
