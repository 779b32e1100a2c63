from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from crawlers.simulation.seasons import (
    RHYTHMS,
    Weather,
    day_kind,
    make_moods,
    make_shocks,
    make_weather,
    rhythm_factors,
)

START, DAYS = date(2026, 1, 1), 365


@pytest.fixture(scope="module")
def weather() -> Weather:
    return make_weather(np.random.default_rng(1), START, DAYS)


@pytest.fixture(scope="module")
def factors(weather: Weather) -> dict[str, np.ndarray]:
    return rhythm_factors(START, DAYS, weather)


def _mean(factor: np.ndarray, *months: int) -> float:
    picked = [i for i in range(DAYS) if (START + timedelta(days=i)).month in months]
    return float(factor[picked].mean())


def test_seasons_are_where_a_city_has_them(factors: dict[str, np.ndarray]) -> None:
    assert _mean(factors["heating"], 12, 1) > 20 * _mean(factors["heating"], 6, 7)
    assert _mean(factors["flood"], 6, 7) > 5 * _mean(factors["flood"], 12, 1)
    assert _mean(factors["school"], 8) > 3 * _mean(factors["school"], 11, 12)
    assert _mean(factors["wages"], 1, 12) > 2 * _mean(factors["wages"], 4, 5)
    assert all((factor > 0).all() and len(factor) == DAYS for factor in factors.values())
    assert set(factors) == set(RHYTHMS)


def test_holidays_and_make_up_days() -> None:
    assert day_kind(date(2026, 10, 1)) == (False, True)
    assert day_kind(date(2026, 2, 14)) == (True, False), "a Saturday that is worked to make up for the Spring Festival"
    assert day_kind(date(2026, 11, 21)) == (False, False)
    assert day_kind(date(2026, 11, 23)) == (True, False)


def test_years_beyond_the_calendar_count_by_weekday() -> None:
    assert day_kind(date(2031, 10, 1)) == (True, False)
    assert day_kind(date(2031, 10, 4)) == (False, False)


def test_offices_rest_on_holidays(factors: dict[str, np.ndarray]) -> None:
    national_day = factors["office"][(date(2026, 10, 2) - START).days]
    working_day = factors["office"][(date(2026, 10, 14) - START).days]
    assert national_day < 0.3 * working_day
    assert (
        factors["festival"][(date(2026, 10, 2) - START).days] > factors["festival"][(date(2026, 10, 14) - START).days]
    )


def test_weather_has_a_climate(weather: Weather) -> None:
    assert _mean(weather.high_c, 7) > 27
    assert _mean(weather.low_c, 1) < 4
    assert _mean(weather.rain_mm, 6, 7) > 2 * _mean(weather.rain_mm, 12, 1)
    assert (weather.low_c < weather.high_c).all()
    assert ((weather.rain_mm == 0).mean()) > 0.4
    assert weather.wet.max() <= 2.5
    assert weather.hot.min() >= 0
    assert weather.cold.max() > 0


def test_rain_drives_flooding(weather: Weather, factors: dict[str, np.ndarray]) -> None:
    summer = [i for i in range(DAYS) if (START + timedelta(days=i)).month in (6, 7)]
    rain = weather.rain_mm[summer]
    flood = factors["flood"][summer]
    assert flood[rain > np.quantile(rain, 0.9)].mean() > 1.3 * flood[rain == 0].mean()


def test_shocks_only_raise_and_are_listed() -> None:
    shocks = make_shocks(np.random.default_rng(4), 40, DAYS)
    assert (shocks.factors >= 1).all()
    raised = np.ones_like(shocks.factors, dtype=bool)
    for shock in shocks.shocks:
        raised[shock.issue, shock.first_day : shock.first_day + shock.days] = False
        assert 1.4 <= shock.height <= 4
    assert (shocks.factors[raised] == 1).all()
    assert 40 < len(shocks.shocks) < 130


def test_moods_average_one_and_remember() -> None:
    moods = make_moods(np.random.default_rng(2), 200, DAYS)
    assert moods.mean() == pytest.approx(1, abs=0.02)
    steps = np.log(moods)
    assert np.corrcoef(steps[:, :-1].ravel(), steps[:, 1:].ravel())[0, 1] == pytest.approx(0.8, abs=0.05)
