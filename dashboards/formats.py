"""Numbers, dates and changes as the pages print them: units always, n beside a change, a dash where nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from models.clock import CITY_TIME

DASH: Final = "—"
WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
# Below this many a percentage says more than is known (domain.md §3, default).
ENOUGH: Final = 30


def number(value: float | None, decimals: int = 0) -> str:
    """`1842` → `1,842`; None → a dash."""
    return DASH if value is None else f"{value:,.{decimals}f}"


def percent(part: float, whole: float) -> str:
    """Share with one decimal; a dash where the whole is nothing."""
    return DASH if not whole else f"{100 * part / whole:.1f}%"


def signed(value: float, decimals: int = 0) -> str:
    """`+12`, `−3` (a real minus sign), `0`."""
    text = f"{abs(value):,.{decimals}f}"
    if not float(text.replace(",", "")):
        return text
    return ("+" if value > 0 else "−") + text


def metric_value(value: float, unit: str) -> str:
    """`93.42%`, `1,842 件`: counts have no decimals, everything else two."""
    text = number(value, 0 if unit == "件" else 2)
    return f"{text}%" if unit == "%" else f"{text} {unit}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """`76.2（74.8–77.5）`."""
    if value is None:
        return DASH
    return f"{value:.1f}" if low is None or high is None else f"{value:.1f}（{low:.1f}–{high:.1f}）"


def day(value: date, *, year: bool = False) -> str:
    """`11月24日 周二`, or with the year before it."""
    text = f"{value.month}月{value.day}日 {WEEKDAYS[value.weekday()]}"
    return f"{value.year}年{text}" if year else text


def short_day(value: date) -> str:
    return f"{value.month}/{value.day}"


def span(first: date, last: date) -> str:
    """`2026年11月1日–24日`, repeating only what changes."""
    if first == last:
        return f"{first.year}年{first.month}月{first.day}日"
    tail = f"{last.day}日"
    if (first.year, first.month) != (last.year, last.month):
        tail = f"{last.month}月{tail}"
    if first.year != last.year:
        tail = f"{last.year}年{tail}"
    return f"{first.year}年{first.month}月{first.day}日–{tail}"


def moment(value: datetime | None) -> str:
    """`11月24日 09:05` in the city's time."""
    if value is None:
        return DASH
    local = value.astimezone(CITY_TIME)
    return f"{local.month}月{local.day}日 {local:%H:%M}"


def full_moment(value: datetime | None) -> str:
    """`2026-11-24 09:05` in the city's time."""
    return DASH if value is None else f"{value.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"


def ago(value: datetime | None, now: datetime) -> str:
    """How long before `now`, in one unit: `3 小时前`."""
    return DASH if value is None else f"{elapsed(now - value)}前"


def elapsed(delta: timedelta) -> str:
    """A length of time in one unit, rounded down: `40 分钟`, `3 小时`, `12 天`."""
    seconds = max(0, int(delta.total_seconds()))
    if seconds < 60:
        return f"{seconds} 秒"
    if seconds < 3600:
        return f"{seconds // 60} 分钟"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} 小时"
    return f"{seconds // 86_400} 天"


@dataclass(frozen=True, slots=True)
class Change:
    """A count against what it is compared with. `share` is withheld where the comparison is too small to divide by."""

    value: float
    against: float
    basis: str

    @property
    def difference(self) -> float:
        return self.value - self.against

    @property
    def share(self) -> float | None:
        return self.difference / self.against if self.against >= ENOUGH else None

    @property
    def direction(self) -> str:
        return "up" if round(self.difference) > 0 else "down" if round(self.difference) < 0 else "same"

    def __str__(self) -> str:
        """`较上周同日 +12（+8.0%）`; without the percentage where the comparison is below 30."""
        if self.direction == "same":
            return f"与{self.basis.removeprefix('较')}持平"
        share = self.share
        tail = "" if share is None else f"（{signed(100 * share, 1)}%）"
        return f"{self.basis} {signed(self.difference)}{tail}"
