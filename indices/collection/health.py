"""How a source fares on a day, from its days before: in order, late, quiet, odd, or broken; and why, in words.

"The city is calm" and "the feed is broken" look alike in one source's numbers. They are told apart by what is expected of this very day
(weekday, holiday, level of the last weeks), by chance (a small source has empty days), and by the other sources: what falls everywhere at once
is the city. The rules, numbered as in the code:

1. Expected: the median of the last 28 days, each divided by the factor of its kind of day (weekday, or day off by the Chinese calendar). Where
   the last 7 days lie all on one side of it by more than a quarter, the level has changed and is theirs.
2. Chance: a negative binomial around it, as wide as these days themselves scatter.
3. 中断: nothing came, and that is less likely than 1 in 1,000, over as many days as nothing came.
4. 异常: fewer than half came and that is less likely than 1 in 100; or a share of repeats, of empty fields or of refused items that the source
   never had. What is low in step with the other sources is not odd.
5. 迟缓: what came was more than three times, and more than a day, older than usual; or the run failed and the day before was in order.
6. 安静: little or nothing came, and 3 and 4 do not hold: the city is calm, or the source is small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from typing import Final, Literal

from indices.civic.workdays import is_workday
from indices.collection.days import FIELDS, Day

State = Literal["正常", "迟缓", "安静", "异常", "中断", "未满"]

WINDOW_DAYS: Final = 28
SEASON_DAYS: Final = 56
SHIFT_DAYS: Final = 7
SHIFT: Final = 0.25
LEAST_DAYS: Final = 14
"""Days that a source must have delivered over before anything is expected of it."""
CHANCE: Final = 1e-3
CHANCE_LOW: Final = 1e-2
"""Of a day with less than `LOW` of what was expected: rarer days than this are odd. Ten times as often as for a silence, since days with next to
nothing in a source that is in order are rare by themselves (`minsheng bench health`)."""
LOW: Final = 0.5
REPEATS: Final = 0.25
"""By so much the share of repeats or of refused items has to exceed the usual one."""
LEAST_ITEMS: Final = 20
"""A share of fewer says little."""
WIDEST, NARROWEST = 1.0, 0.01
"""Bounds of the relative variance beyond Poisson."""
BESIDE: Final = 3
"""Other sources that there must be before "everywhere" means something."""
TITLES: Final = {"title": "标题", "text": "内容", "created_at": "时间", "district": "区县", "street": "街道", "stated_topic": "分类", "department": "承办单位",
                 "status": "状态", "reply": "答复", "rating": "评价", "speaker": "诉求人", "url": "网址"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a day should bring. `variance`: relative, beyond Poisson; `shifted`: the level is that of the last 7 days alone."""

    mean: float
    variance: float
    shifted: bool = False

    def at_most(self, count: int, share: float = 1.0) -> float:
        """Probability of `count` or fewer, where `share` of the expected comes."""
        from scipy.special import betainc  # a tenth of the time that scipy.stats takes to load

        if count < 0:
            return 0.0
        mean = max(self.mean * share, 1e-9)
        size = 1 / self.variance
        return float(betainc(size, count + 1, size / (size + mean)))

    def quantile(self, share: float) -> int:
        """The smallest count that is not exceeded with this probability."""
        low, high = 0, 1
        while self.at_most(high) < share:
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at_most(middle) >= share else (middle + 1, high)
        return low


@dataclass(frozen=True, slots=True)
class Health:
    """State of a source on a day. `reason` is a sentence; `expected` and `received` are items without repeats."""

    state: State
    reason: str
    expected: float = 0.0
    received: int = 0
    quality: Mapping[str, float | None] = field(default_factory=dict)


def expect(days: Mapping[date, Day], day: date) -> Expectation | None:
    """Rules 1 and 2; None of a source that is too young."""
    first = min((one for one in days if one < day), default=None)
    if first is None or (day - first).days < LEAST_DAYS:
        return None
    history = [day - timedelta(days=n) for n in range(SEASON_DAYS, 0, -1) if day - timedelta(days=n) >= first]
    counts = {one: days[one].fresh if one in days else 0 for one in history}
    factors = _factors(counts)
    level = {one: counts[one] / factors[_kind(one)] for one in history[-WINDOW_DAYS:]}
    usual = median(level.values())
    recent = [level[one] for one in history[-SHIFT_DAYS:]]
    shifted = usual > 0 and len(history) >= LEAST_DAYS and (
        max(recent) < (1 - SHIFT) * usual or min(recent) > (1 + SHIFT) * usual
    )  # fmt: skip
    shifted = shifted and max(recent) > 0
    centre = median(recent) if shifted else usual
    part = recent if shifted else list(level.values())
    return Expectation(centre * factors[_kind(day)], _variance(part, centre), shifted)


def _kind(day: date) -> int:
    """Monday to Sunday; a holiday is a Sunday, a make-up working day a Friday."""
    weekday = day.weekday()
    if is_workday(day):
        return min(weekday, 4)
    return max(weekday, 5) if weekday >= 5 else 6


def _factors(counts: Mapping[date, int]) -> dict[int, float]:
    """How much each kind of day has beside the mean, drawn towards 1 as if one more such day had been average."""
    whole = [n for n in counts.values() if n]
    mean = sum(whole) / len(whole) if whole else 1.0
    found = {}
    for kind in range(7):
        part = [n for day, n in counts.items() if _kind(day) == kind and n]
        found[kind] = max((median(part) * len(part) + mean) / (len(part) + 1) / mean, 0.05) if part else 1.0
    return found


def _variance(values: Sequence[float], centre: float) -> float:
    """Relative variance beyond Poisson, from the middle of the deviations, which a few bad days do not move."""
    if centre <= 0:
        return WIDEST
    spread = 1.4826 * median(abs(value - centre) for value in values) / centre
    return min(max(spread**2 - 1 / centre, NARROWEST), WIDEST)


def judge(days: Mapping[date, Day], day: date, *, beside: float | None = None, failing: str = "") -> Health:
    """The state at the end of `day`.

    Args:
        days: the source's, that day and those before.
        beside: what the other sources had that day, as a share of what was expected of them; None: there are too few.
        failing: why its last run failed.
    """
    today, expected = days.get(day, Day()), expect(days, day)
    quality = qualities(days, day)
    if expected is None:
        return Health("未满", f"接入不满 {LEAST_DAYS} 天，还没有平时可比", received=today.fresh, quality=quality)
    state, reason = _silent(days, day, expected, failing) or _odd(days, day, today, expected, beside) or _late(days, day, today, failing) or (
        _quiet(today, expected, beside)
    )  # fmt: skip
    return Health(state, reason, expected.mean, today.fresh, quality)


def _silent(days: Mapping[date, Day], day: date, expected: Expectation, failing: str) -> tuple[State, str] | None:
    """Rule 3."""
    empty, chance, missing = 0, 1.0, 0.0
    while empty < WINDOW_DAYS and not days.get(day - timedelta(days=empty), Day()).items:
        one = expected if not empty else expect(days, day - timedelta(days=empty))
        if one is None:
            break
        empty, chance, missing = empty + 1, chance * one.at_most(0), missing + one.mean
    if not empty or chance >= CHANCE:
        return None
    why = f"；上次运行失败：{failing}" if failing else ""
    return "中断", f"连续 {empty} 天没有一件，按平时应有约 {missing:,.0f} 件{why}"


def _odd(
    days: Mapping[date, Day], day: date, today: Day, expected: Expectation, beside: float | None
) -> tuple[State, str] | None:
    """Rule 4."""
    low = today.fresh < LOW * expected.mean
    if low and expected.at_most(today.fresh) < CHANCE_LOW:
        share = min(1.0, beside) if beside is not None else 1.0
        if today.fresh < LOW * share * expected.mean and expected.at_most(today.fresh, share) < CHANCE_LOW:
            return (
                "异常",
                f"收到 {today.fresh:,} 件，只有应有约 {expected.mean:,.0f} 件的 {today.fresh / expected.mean:.0%}",
            )
    before = [
        days[one]
        for n in range(1, WINDOW_DAYS + 1)
        if (one := day - timedelta(days=n)) in days and days[one].items >= 1
    ]
    for name, words in (("duplicate", "重复收到"), ("quarantined", "进了隔离")):
        usual, now = _usual(before, name), getattr(today, name) / today.items if today.items else 0.0
        if today.items >= LEAST_ITEMS and now > usual + REPEATS and _beyond(getattr(today, name), today.items, usual):
            return "异常", f"{today.items:,} 件里 {now:.0%} {words}，平时 {usual:.0%}"
    gone = [(name, share, now) for name in FIELDS if (share := _share(before, name)) >= 0.1
            and today.items >= min(LEAST_ITEMS, 5 / share) and (now := today.fields.get(name, 0) / today.items) < 0.5 * share
            and _below(today.fields.get(name, 0), today.items, share)]  # fmt: skip
    if gone:
        words = "、".join(f"{TITLES[name]}只有 {now:.0%} 填写（平时 {share:.0%}）" for name, share, now in gone)
        return "异常", f"字段缺失：{words}"
    if today.problems > max(5, 3 * _mean(before, "problems")) and today.problems > 0.3 * max(1, today.requests):
        return "异常", f"{today.problems:,} 页读不出应有的内容，站点可能改版"
    return None


def _late(days: Mapping[date, Day], day: date, today: Day, failing: str) -> tuple[State, str] | None:
    """Rule 5."""
    if failing:
        return "迟缓", f"上次运行失败：{failing}"
    delays = [days[one].delay_hours / days[one].items for n in range(1, WINDOW_DAYS + 1)
              if (one := day - timedelta(days=n)) in days and days[one].items]  # fmt: skip
    if not today.items or len(delays) < LEAST_DAYS // 2:
        return None
    usual, now = median(delays), today.delay_hours / today.items
    if now > 3 * usual and now > usual + 24:
        return "迟缓", f"从发生到收到平均 {now:,.0f} 小时，平时 {usual:,.0f} 小时"
    return None


def _quiet(today: Day, expected: Expectation, beside: float | None) -> tuple[State, str]:
    """Rule 6, and the rest."""
    said = f"收到 {today.fresh:,} 件，应有约 {expected.mean:,.0f} 件"
    if today.fresh < LOW * expected.mean and (expected.mean >= 1 or not today.fresh):
        if beside is not None and beside < 0.8:
            return "安静", f"{said}；其他来源也只有平时的 {beside:.0%}，是全市都少"
        return "安静", f"{said}，在偶然的范围内"
    return "正常", said + ("；近一周换了水平，已按新的水平比" if expected.shifted else "")


def _usual(before: Sequence[Day], name: str) -> float:
    shares = [getattr(one, name) / one.items for one in before]
    return float(median(shares)) if shares else 0.0


def _mean(before: Sequence[Day], name: str) -> float:
    return sum(getattr(one, name) for one in before) / len(before) if before else 0.0


def _share(before: Sequence[Day], name: str) -> float:
    """Of a field: the median over days with enough items; over all together where there are none such."""
    shares = [one.fields.get(name, 0) / one.items for one in before if one.items >= LEAST_ITEMS]
    if shares:
        return float(median(shares))
    items = sum(one.items for one in before)
    return sum(one.fields.get(name, 0) for one in before) / items if items >= LEAST_ITEMS else 0.0


def _below(count: int, n: int, share: float) -> bool:
    """Whether so few have it by chance less than once in 1,000 × as many fields as are looked at."""
    return _at_most(count, n, min(share, 0.999)) < CHANCE / len(FIELDS)


def _beyond(count: int, n: int, share: float) -> bool:
    return 1 - _at_most(count - 1, n, max(share, 0.01)) < CHANCE


def _at_most(count: int, n: int, share: float) -> float:
    """Binomial probability of `count` or fewer of n."""
    from scipy.special import betainc

    if count < 0:
        return 0.0
    return 1.0 if count >= n else float(betainc(n - count, count + 1, 1 - share))


def qualities(days: Mapping[date, Day], day: date) -> dict[str, float | None]:
    """The six dimensions of domain.md §6 over the last 28 days, each a share of 0 to 1; None where nothing came.

    完整: of the fields that the source fills in more than half the time, the share filled in. 准确: not refused in reading. 一致: times in
    order. 及时: here within a day. 唯一: no repeat. 规范: with an identity and a time of its own.
    """
    part = [days[one] for n in range(WINDOW_DAYS) if (one := day - timedelta(days=n)) in days]
    items = sum(one.items for one in part)
    if not items:
        return dict.fromkeys(DIMENSIONS)

    def share(name: str) -> float:
        return float(sum(getattr(one, name) for one in part) / items)

    filled = [s for name in FIELDS if (s := sum(one.fields.get(name, 0) for one in part) / items) > 0.5]
    return {"完整": sum(filled) / len(filled) if filled else 0.0, "准确": 1 - share("quarantined"), "一致": share("consistent"),
            "及时": share("timely"), "唯一": 1 - share("duplicate"), "规范": share("proper")}  # fmt: skip


DIMENSIONS: Final = ("完整", "准确", "一致", "及时", "唯一", "规范")


def judge_all(
    days: Mapping[str, Mapping[date, Day]], day: date, failing: Mapping[str, str] | None = None
) -> dict[str, Health]:
    """Every source on a day, each beside the others."""
    ratios: dict[str, float] = {}
    for name, own in days.items():
        expected = expect(own, day)
        if expected is not None and expected.mean >= 5:
            ratios[name] = own.get(day, Day()).fresh / expected.mean
    found = {}
    for name, own in days.items():
        others = [ratio for other, ratio in ratios.items() if other != name and math.isfinite(ratio)]
        beside = median(others) if len(others) >= BESIDE else None
        found[name] = judge(own, day, beside=beside, failing=(failing or {}).get(name, ""))
    return found
