"""The register of incidents: the list, and one incident with its timeline and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboards import formats
from dashboards.charts import Chart, Series
from dashboards.views.instructions import InstructionRow
from indices.incidents.account import Account, Fold, words_of
from indices.incidents.changes import STEPS
from indices.incidents.register import MACHINE, STATE_NAMES, Incident
from models.labels import CHANNEL_NAMES
from models.record import Record

STEP_NAMES: Final = {
    "confirm": "确认是热点", "handle": "开始处置", "close": "办结", "reopen": "重新打开", "reject": "不是热点",
}  # fmt: skip
"""In the order of the buttons; the first is the one meant."""
MEMBERS_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class IncidentRow:
    incident: Incident
    count: int
    state: str
    age: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A filter by state; `state` "" is all."""

    state: str
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class IncidentsView:
    rows: tuple[IncidentRow, ...]
    tabs: tuple[Tab, ...]
    empty: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    at: datetime
    kind: str
    words: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Shared:
    """A name and how many records have it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class IncidentView:
    """`steps`: what may be done in this state; empty where the viewer may change nothing."""

    account: Account
    state: str
    steps: tuple[tuple[str, str], ...]
    may_change: bool
    undo: str
    chart: Chart
    timeline: tuple[TimelineRow, ...]
    channels: tuple[Shared, ...]
    districts: tuple[Shared, ...]
    departments: tuple[Shared, ...]
    members: tuple[Record, ...]
    more_members: int
    folds: tuple[Fold, ...]
    came_from: str
    season: str = ""
    instructions: tuple[InstructionRow, ...] = ()
    about: str = ""


def incidents_view(rows: Sequence[tuple[Incident, int]], *, state: str, now: datetime) -> IncidentsView:
    """The list; `state` is the filter, "" for none."""
    tabs = [Tab("", "全部", not state), *(Tab(key, name, key == state) for key, name in STATE_NAMES.items())]
    whose = (
        f"没有“{STATE_NAMES[state]}”的事件。" if state else "台账里还没有事件：热点每小时登记一次，达到阈值的才进台账。"
    )
    found = [IncidentRow(one, count, STATE_NAMES[one.state], formats.elapsed(now - one.last)) for one, count in rows]
    return IncidentsView(tuple(found), tuple(tabs), whose)


def incident_view(
    account: Account, *, asked: str, may_change: bool, instructions: Sequence[InstructionRow] | None = None
) -> IncidentView:
    """One incident.

    `asked`: the number in the address, which may lead here from an incident that was merged. `instructions`: leaders' notes on it,
    None where the viewer may not see them.
    """
    state = account.incident.state
    last = next(
        (one for one in reversed(account.log) if one.who != MACHINE and not one.undone and one.kind != "undo"), None
    )
    shown = sorted(account.records, key=lambda record: record.created_at, reverse=True)
    may_change = may_change and not account.hidden
    return IncidentView(
        account=account, state=STATE_NAMES[state],
        steps=tuple(step for step in STEP_NAMES.items() if state in STEPS[step[0]][1]) if may_change else (),
        may_change=may_change, undo=words_of(last) if last and may_change else "", chart=_chart(account),
        timeline=tuple(TimelineRow(one.at, one.kind, one.words, one.record_id) for one in account.timeline),
        channels=_shared(account.channels, CHANNEL_NAMES), districts=_shared(account.districts, {}),
        departments=_shared(account.departments, {}), members=tuple(shown[:MEMBERS_SHOWN]),
        more_members=max(0, len(shown) - MEMBERS_SHOWN), folds=account.folds if may_change else (),
        came_from=asked if asked != account.incident.number else "",
        season=_season_words(account), instructions=tuple(instructions or ()), about="" if instructions is None else f"incident:{account.incident.number}",
    )  # fmt: skip


def _chart(account: Account) -> Chart:
    """Orders a day, those that complain bitterly and those that press."""
    days = account.days
    peak = max(range(len(days)), key=lambda at: (days[at].count, -at))
    return Chart(
        key="incident", title="每日件数、其中负面与紧急", x=tuple(day.day.isoformat() for day in days),
        labels=tuple(formats.short_day(day.day) for day in days),
        series=(
            Series("件数", tuple(float(day.count) for day in days), "observed"),
            Series("负面", tuple(float(day.negative) for day in days), "expected"),
            Series("紧急", tuple(float(day.urgent) for day in days), "expected"),
            *_last_year(account),
        ),
        mark=peak, summary=f"{formats.span(days[0].day, days[-1].day)}共 {len(account.records)} 件，最多一天 {days[peak].count} 件。",
    )  # fmt: skip


def _season_words(account: Account) -> str:
    """What the year before says: seasonal, or nothing of the kind."""
    season = account.season
    if season is None:
        return ""
    name = season.subtopic.rpartition("/")[2]
    told = f"去年同期“{name}” {formats.number(season.last_year)} 件，全年平均同样长的日子 {formats.number(season.usual, 1)} 件"
    return f"季节性：{told}，年年此时多。" if season.returns else f"{told}，不见季节性。"


def _last_year(account: Account) -> tuple[Series, ...]:
    """The same class in the same weeks of the year before, where it comes back every year."""
    season = account.season
    if season is None or not season.returns:
        return ()
    then = dict(season.days)
    return (
        Series(
            f"去年同期{season.subtopic.rpartition('/')[2]}",
            tuple(float(then.get(day.day, 0)) for day in account.days),
            "expected",
            "area",
        ),
    )


def _shared(pairs: Sequence[tuple[str, int]], names: dict[str, str]) -> tuple[Shared, ...]:
    return tuple(Shared(names.get(name, name), count) for name, count in pairs)
