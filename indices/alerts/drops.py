"""Falls of satisfaction: a unit whose level fell by more than three points in four weeks, so surely that it is told, is an alert of its own.

One unit is told at most once in four weeks, the time that a fall is measured over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from indices.civic.alerts import KEPT, Alert, record_apart
from indices.civic.level import DROP_POINTS, DROP_WEEKS
from indices.civic.levels import Rules, rules_on
from models.clock import city_day, now
from models.figures import IndexCell
from models.identity import digest
from models.labels import Level
from models.satisfaction import DROP_ALERT, Weekly

DROP: Final = "satisfaction"
_FIRST_MONDAY: Final = date(1970, 1, 5)


def record_drops(
    engine: Engine, found: Weekly, by: str, *, at: datetime | None = None, rules: tuple[Rules, ...] | None = None
) -> list[Alert]:
    """Raise the falls that are new. `by`: what the units are, 区县 or 承办单位."""
    moment = at or now()
    fallen = [_alert(unit, found, by, moment, rules) for unit in found.dropped]
    return record_apart(engine, fallen, moment)


def _alert(unit: str, found: Weekly, by: str, moment: datetime, rules: tuple[Rules, ...] | None) -> Alert:
    weeks = sorted((cell for cell in found.cells if cell.unit == unit), key=lambda cell: cell.week)
    last = date.fromisoformat(weeks[-1].week)
    span = (last - _FIRST_MONDAY).days // 7 // DROP_WEEKS
    incident = digest("satisfaction-drop", by, unit, str(span))
    minutes = rules_on(city_day(moment), rules).acknowledge_minutes(Level.YELLOW)
    recent = weeks[-DROP_WEEKS:]
    return Alert(
        id=digest("alert", incident, Level.YELLOW), incident=incident, kind=DROP, level=Level.YELLOW, title=f"{by}“{unit}”满意度下降",
        rule=f"截至 {last} 一周，{_values(weeks)}；近 {DROP_WEEKS} 周下降超过 {DROP_POINTS:g} 分的概率 {found.drop[unit]:.0%}（超过 {DROP_ALERT:.0%} 即预警）",
        people=0, count=sum(cell.n for cell in recent), raised_at=moment,
        acknowledge_by=None if minutes is None else moment + timedelta(minutes=minutes), state="raised", figure=KEPT,
    )  # fmt: skip


def _values(weeks: Sequence[IndexCell]) -> str:
    now_, then = weeks[-1].value, weeks[-1 - DROP_WEEKS].value if len(weeks) > DROP_WEEKS else None
    return f"水平 {then:.1f} → {now_:.1f}" if now_ is not None and then is not None else "水平下降"
