"""预警规则: the versions, what a new one would have raised, and the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from indices.alerts.rules import Raised, Saved, levels_of
from indices.civic.levels import Rules
from models.labels import Level

CHANGES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: str
    effective: str
    who: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class TrialRow:
    """`counts`: red, orange, yellow, blue."""

    version: str
    counts: tuple[int, ...]
    per_day: float


@dataclass(frozen=True, slots=True)
class TrialChange:
    """An alert that only one of the two would have raised."""

    added: bool
    day: str
    level: Level
    title: str
    people: int


@dataclass(frozen=True, slots=True)
class Trial:
    days: int
    rows: tuple[TrialRow, ...]
    changes: tuple[TrialChange, ...]


@dataclass(frozen=True, slots=True)
class RulesView:
    versions: tuple[VersionRow, ...]
    text: str
    trial: Trial | None = None
    problem: str = ""
    used: str = ""


def rules_view(known: Sequence[Rules], saved: Sequence[Saved], now: Rules, text: str, *, trial: Trial | None = None, problem: str = "",
               used: str = "") -> RulesView:  # fmt: skip
    """`text`: what stands in the form; `problem`: why it was not put in force; `used`: the version that was."""
    who = {one.version: one.who for one in saved}
    rows = [
        VersionRow(one.version, str(one.effective), who.get(one.version, "随软件提供"), one.version == now.version)
        for one in known
    ]
    return RulesView(tuple(rows), text, trial, problem, used)


def trial_of(old: tuple[str, Sequence[Raised]], new: tuple[str, Sequence[Raised]], days: int) -> Trial:
    """Both side by side, and what differs, in order of days."""
    rows = tuple(TrialRow(name, tuple(levels_of(found).values()), len(found) / days) for name, found in (old, new))
    before, after = ({(one.title, one.level): one for one in found} for _, found in (old, new))
    changes = [_change(one, added=True) for key, one in after.items() if key not in before]
    changes += [_change(one, added=False) for key, one in before.items() if key not in after]
    return Trial(days, rows, tuple(sorted(changes, key=lambda one: (one.day, one.title)))[:CHANGES_SHOWN])


def _change(one: Raised, *, added: bool) -> TrialChange:
    return TrialChange(added, str(one.day), one.level, one.title, one.people)


def next_text(text: str, day: date) -> str:
    """The rules that ship as the beginning of a new version: another name, and from today on."""
    named = text.replace('version = "default-1"', f'version = "city-{day:%Y%m%d}"')
    return named.replace("effective = 2000-01-01", f"effective = {day}")
