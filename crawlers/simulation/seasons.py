"""The rhythm of a city: months, weekdays, holidays, weather and city-wide shocks, as multipliers of an order rate.

The generator of texts (`orders`) and the fast count simulator (`counts`) share this machinery. The multipliers are
chosen, not fitted: they follow what hotlines publish (heating in winter, school places in August, flooding in the plum
rains, wages before the Spring Festival) and are only meant to give detectors something seasonal to divide out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EVEN_MONTHS: Final = (1.0,) * 12


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the rate of an issue moves.

    Attributes:
        months: multipliers January … December; scaled to a mean of 1 where they are used.
        weekend: multiplier on free Saturdays and Sundays.
        holiday: multiplier on public holidays.
        rain, heat, cold: log-multiplier per unit of wetness, heat and cold (see `Weather`).
    """

    months: tuple[float, ...] = EVEN_MONTHS
    weekend: float = 0.75
    holiday: float = 0.6
    rain: float = 0.0
    heat: float = 0.0
    cold: float = 0.0


RHYTHMS: Final[dict[str, Rhythm]] = {
    "even": Rhythm(),
    "office": Rhythm((1.1, 0.8, 1.1, 1.0, 1.0, 1.1, 1.1, 1.0, 1.0, 0.9, 1.0, 1.0), weekend=0.35, holiday=0.15),
    "noise": Rhythm((0.6, 0.6, 0.9, 1.1, 1.3, 1.4, 1.3, 1.3, 1.1, 1.0, 0.8, 0.6), weekend=1.25, holiday=1.1, rain=-0.25),
    "exam": Rhythm((0.6, 0.6, 0.8, 1.0, 1.6, 3.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.6), weekend=1.2, holiday=1.0),
    "flood": Rhythm((0.2, 0.3, 0.5, 0.9, 1.4, 2.8, 2.9, 1.5, 0.8, 0.4, 0.2, 0.1), weekend=1.0, holiday=1.0, rain=0.9),
    "heating": Rhythm((3.2, 2.2, 0.9, 0.1, 0.02, 0.02, 0.02, 0.05, 0.2, 0.7, 3.0, 3.4), weekend=1.1, holiday=1.1, cold=0.45),
    "water": Rhythm((1.0, 0.8, 0.8, 0.8, 1.0, 1.2, 1.5, 1.5, 1.0, 0.8, 0.8, 0.8), weekend=1.1, holiday=1.0, heat=0.3, cold=0.35),
    "power": Rhythm((1.1, 0.9, 0.7, 0.7, 0.8, 1.2, 1.9, 1.9, 1.0, 0.7, 0.7, 1.0), weekend=1.1, holiday=1.0, heat=0.5, rain=0.2),
    "school": Rhythm((0.6, 1.1, 0.9, 0.9, 1.1, 1.5, 1.6, 3.4, 1.8, 0.6, 0.5, 0.5), weekend=0.6, holiday=0.3),
    "traffic": Rhythm((1.1, 1.0, 1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 1.2, 1.1, 1.0, 1.0), weekend=0.7, holiday=0.6, rain=0.3, cold=0.1),
    "festival": Rhythm((1.3, 1.5, 0.7, 1.0, 1.3, 0.8, 1.0, 1.1, 0.9, 1.8, 0.6, 0.7), weekend=1.4, holiday=2.2),
    "wages": Rhythm((2.6, 1.4, 0.7, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 1.1, 1.9), weekend=0.7, holiday=0.6),
    "odour": Rhythm((0.5, 0.5, 0.8, 1.0, 1.3, 1.5, 1.6, 1.6, 1.2, 0.9, 0.6, 0.5), weekend=1.0, holiday=0.9, heat=0.3),
    "farm": Rhythm((0.6, 0.7, 1.3, 1.5, 1.3, 1.1, 1.0, 0.9, 1.2, 1.2, 0.8, 0.6), weekend=0.8, holiday=0.5, rain=0.15),
    "winter": Rhythm((1.7, 1.4, 1.0, 0.8, 0.7, 0.7, 0.7, 0.7, 0.8, 1.0, 1.3, 1.6), weekend=0.8, holiday=0.7, cold=0.2),
}  # fmt: skip


class DayKind(NamedTuple):
    """What kind of day it is; a make-up Saturday is a working day."""

    working: bool
    holiday: bool


@lru_cache(maxsize=4096)
def day_kind(day: date) -> DayKind:
    """Working day and public holiday by the Chinese calendar; years that it does not know yet count by weekday."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import chinese_calendar

    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return DayKind(working=day.weekday() < 5, holiday=False)
    return DayKind(working=not off, holiday=bool(off and name))


@dataclass(frozen=True, slots=True)
class Weather:
    """One invented year-round climate, a value per day.

    Attributes:
        rain_mm: rain of the day, 0 on dry days.
        high_c, low_c: warmest and coldest hour.
    """

    rain_mm: Floats
    high_c: Floats
    low_c: Floats

    @property
    def wet(self) -> Floats:
        """0 dry, 1 at 50 mm (the national mark of a rainstorm), at most 2.5."""
        return np.clip(self.rain_mm / 50.0, 0.0, 2.5)

    @property
    def hot(self) -> Floats:
        """0 up to 33 degrees, 1 at 38, at most 1.5."""
        return np.clip((self.high_c - 33.0) / 5.0, 0.0, 1.5)

    @property
    def cold(self) -> Floats:
        """0 down to 2 degrees, 1 at -4, at most 2."""
        return np.clip((2.0 - self.low_c) / 6.0, 0.0, 2.0)


_RAIN_CHANCE: Final = (0.16, 0.2, 0.27, 0.32, 0.35, 0.45, 0.42, 0.32, 0.25, 0.22, 0.18, 0.13)
_RAIN_MEAN_MM: Final = (4.0, 5.0, 8.0, 11.0, 14.0, 23.0, 24.0, 17.0, 11.0, 8.0, 6.0, 4.0)


def make_weather(rng: np.random.Generator, start: date, days: int) -> Weather:
    """Daily rain and temperatures of a place with plum rains, hot summers and frosty winters."""
    dates = [start + timedelta(days=i) for i in range(days)]
    month = np.array([d.month - 1 for d in dates])
    day_of_year = np.array([d.timetuple().tm_yday for d in dates])
    warmth = 17.0 - 13.0 * np.cos(2 * np.pi * (day_of_year - 20) / 365.25)
    drift = _autoregressive(rng, 1, days, 0.75, 3.4)[0]
    rain = np.zeros(days)
    wet_before = False
    for i in range(days):
        chance = _RAIN_CHANCE[month[i]] * (1.55 if wet_before else 0.8)
        wet_before = bool(rng.random() < chance)
        if wet_before:
            rain[i] = rng.gamma(0.75, _RAIN_MEAN_MM[month[i]] / 0.75)
    mean = warmth + drift - np.where(rain > 5, 2.5, 0.0)
    return Weather(rain_mm=rain.round(1), high_c=(mean + 5.0).round(1), low_c=(mean - 4.5).round(1))


def rhythm_factors(start: date, days: int, weather: Weather) -> dict[str, Floats]:
    """Rate multipliers (days,) of every rhythm: month × weekend or holiday × weather."""
    dates = [start + timedelta(days=i) for i in range(days)]
    kinds = [day_kind(d) for d in dates]
    month_at = np.array([d.month - 1 + (d.day - 15.5) / 30.5 for d in dates])
    free = np.array([not k.working for k in kinds])
    holiday = np.array([k.holiday for k in kinds])
    factors = {}
    for name, rhythm in RHYTHMS.items():
        level = np.array(rhythm.months) / np.mean(rhythm.months)
        season = np.interp(month_at, np.arange(-1, 13), np.concatenate([level[-1:], level, level[:1]]))
        rest = np.where(holiday, rhythm.holiday, np.where(free, rhythm.weekend, 1.0))
        sky = np.exp(rhythm.rain * weather.wet + rhythm.heat * weather.hot + rhythm.cold * weather.cold)
        factors[name] = season * rest * sky
    return factors


@dataclass(frozen=True, slots=True)
class Shock:
    """A rise of one issue over the whole city (a new rule, a news story), in day numbers; not an event of a place."""

    issue: int
    first_day: int
    days: int
    height: float


@dataclass(frozen=True, slots=True)
class Shocks:
    """Multipliers (issues, days) ≥ 1 and the shocks that made them."""

    factors: Floats
    shocks: list[Shock] = field(default_factory=list)


def make_shocks(rng: np.random.Generator, issues: int, days: int, per_issue_year: float = 2.0) -> Shocks:
    """City-wide shocks: heights 1.4–4, sudden, fading over two to six days."""
    factors = np.ones((issues, days))
    shocks = []
    for issue in range(issues):
        for _ in range(int(rng.poisson(per_issue_year * days / 365.0))):
            first, length = int(rng.integers(0, days)), int(rng.integers(2, 7))
            height = float(np.clip(1.0 + rng.gamma(2.0, 0.6), 1.4, 4.0))
            last = min(days, first + length)
            fading = 1.0 + (height - 1.0) * np.linspace(1.0, 0.35, length)[: last - first]
            factors[issue, first:last] = np.maximum(factors[issue, first:last], fading)
            shocks.append(Shock(issue, first, last - first, round(height, 3)))
    return Shocks(factors, shocks)


def make_moods(rng: np.random.Generator, issues: int, days: int, sd: float = 0.12) -> Floats:
    """Slow city-wide wandering of every issue, (issues, days), log-normal around 1 with day-to-day correlation 0.8."""
    return np.asarray(np.exp(_autoregressive(rng, issues, days, 0.8, sd) - sd * sd / 2))


def _autoregressive(rng: np.random.Generator, rows: int, days: int, memory: float, sd: float) -> Floats:
    steps = rng.normal(0.0, sd * np.sqrt(1 - memory * memory), size=(rows, days))
    steps[:, 0] = rng.normal(0.0, sd, size=rows)
    for day in range(1, days):
        steps[:, day] += memory * steps[:, day - 1]
    return steps
