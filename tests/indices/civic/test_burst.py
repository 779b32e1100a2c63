from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.civic import burst
from indices.civic.baseline import FLOOR, GUARD_DAYS, day_kind, day_kinds, expect
from indices.civic.burst import SLOW, analyse, rolling, score

START = date(2025, 3, 3)
CELLS, DAYS, ISSUES = 400, 200, 8


def quiet_city(seed: int, *, shape: float = 10.0, shock: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Negative-binomial counts with weekdays and, on demand, a week in which one issue triples over the whole city."""
    rng = np.random.default_rng(seed)
    issue = np.arange(CELLS) % ISSUES
    rate = rng.lognormal(-1.0, 0.8, CELLS)[:, None] * np.where(day_kinds(START, DAYS) > 0, 0.7, 1.0)[None, :]
    if shock:
        rate[issue == 3, 150:157] *= 3.0
    return rng.poisson(rate * rng.gamma(shape, 1 / shape, rate.shape)), issue


@pytest.fixture(scope="module")
def city() -> tuple[np.ndarray, np.ndarray]:
    return quiet_city(1)


def test_false_rate_is_near_nominal_and_not_above_it_when_nothing_happens(city: tuple[np.ndarray, np.ndarray]) -> None:
    scores = score(*city, START)[:, 60:]
    for level in (0.05, 0.01, 0.001):
        rate = (scores >= -np.log10(level)).mean()
        assert level / 6 < rate < level * 1.3, f"{level}: {rate}"


def test_a_city_wide_shock_is_nobodys_event() -> None:
    plain, shocked = score(*quiet_city(2), START), score(*quiet_city(2, shock=True), START)
    affected = (slice(None), slice(151, 157))
    assert (shocked[affected] >= 3).mean() < (plain[affected] >= 3).mean() + 0.004


@pytest.mark.parametrize(("size", "least"), [(12, 0.65), (25, 0.85)])
def test_injected_events_are_found(city: tuple[np.ndarray, np.ndarray], size: int, least: float) -> None:
    people, issue = city[0].copy(), city[1]
    rng = np.random.default_rng(7)
    cells = rng.choice(CELLS, 60, replace=False)
    for cell in cells:
        people[cell, 120:126] += rng.multinomial(size, np.full(6, 1 / 6))
    found = score(people, issue, START)[cells, 120:127].max(axis=1) >= 2.7
    assert found.mean() >= least


def test_a_slow_burn_is_found_by_the_slow_channel_alone(city: tuple[np.ndarray, np.ndarray]) -> None:
    people, issue = city[0].copy(), city[1]
    cells = np.flatnonzero((people[:, :130].mean(axis=1) > 0.3) & (people[:, :130].mean(axis=1) < 1.0))[:30]
    usual = people[cells, :130].mean(axis=1)[:, None]
    people[cells, 130:] += np.random.default_rng(3).poisson(np.broadcast_to(1.5 * usual, (len(cells), DAYS - 130)))
    result, before = analyse(people, issue, START), analyse(city[0], issue, START)
    slow = (result.window_days[cells, 130:] == SLOW) & (result.score[cells, 130:] > 2)
    assert slow.any(axis=1).mean() > 0.2
    assert ((before.window_days == SLOW) & (before.score > 2)).mean() < 0.002


def test_after_an_event_in_a_quiet_place_the_score_comes_down_so_that_the_next_one_is_seen_as_new() -> None:
    random = np.random.default_rng(5)
    people = random.poisson(0.03, (200, 300))
    people[0, 200:205] += 10
    people[0, 216:300] = 0
    scores = score(people, np.zeros(200, dtype=np.int64), date(2026, 1, 1))
    assert scores[0, 202:205].min() > 10
    assert scores[0, 225:].max() < 1.0


def test_nothing_looks_ahead(city: tuple[np.ndarray, np.ndarray]) -> None:
    people, issue = city
    changed = people.copy()
    changed[:, 150:] += 5
    before, after = analyse(people, issue, START), analyse(changed, issue, START)
    assert np.array_equal(before.score[:, :150], after.score[:, :150])
    assert np.array_equal(before.expected[:, :150], after.expected[:, :150])


def test_an_event_is_not_part_of_its_own_expectation(city: tuple[np.ndarray, np.ndarray]) -> None:
    people, issue = city[0].copy(), city[1]
    people[5, 150 : 150 + GUARD_DAYS] += 10
    usual, seen = burst.expected(*city, START)[5], burst.expected(people, issue, START)[5]
    # Only the level of the whole issue moves, by what one of its fifty cells can add.
    assert np.all(seen[150 : 150 + GUARD_DAYS] < 1.6 * usual[150 : 150 + GUARD_DAYS])


def test_expectation_follows_the_true_rate(city: tuple[np.ndarray, np.ndarray]) -> None:
    mean = expect(*city, START).mean[:, 100:]
    assert mean.sum() == pytest.approx(city[0][:, 100:].sum(), rel=0.05)
    assert np.corrcoef(mean.mean(axis=1), city[0][:, 100:].mean(axis=1))[0, 1] > 0.95


def test_an_empty_city_and_a_first_day() -> None:
    assert score(np.zeros((3, 10), dtype=int), [0, 0, 1], START).max() == 0.0
    first = analyse([[4], [0], [3], [5]], [0, 0, 0, 0], START)
    assert first.score.shape == (4, 1)
    assert np.isfinite(first.score).all()
    assert first.score.max() < 2  # without any past nothing can be called unusual
    assert score(np.zeros((0, 5), dtype=int), [], START).shape == (0, 5)


def test_a_larger_whole_divides_among_more_cells() -> None:
    people = np.ones((2, 60), dtype=int)
    few = burst.analyse(people, [0, 0], START).expected[0, 0]
    many = burst.analyse(people, [0, 0], START, cells_of_issue=[100]).expected[0, 0]
    assert many < few / 10


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.integers(0, 39), st.integers(1, 30))
def test_more_people_on_the_last_day_are_never_less_unusual(series: list[int], position: int, more: int) -> None:
    rest = [1] * len(series)
    louder = [*series[:-1], series[-1] + more]
    quiet, loud = score([series, rest], [0, 0], START), score([louder, rest], [0, 0], START)
    assert loud[0, -1] >= quiet[0, -1] - 1e-9
    assert (quiet >= 0).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 25))
def test_rolling_sums(series: list[int], days: int) -> None:
    expected = [sum(series[max(0, i - days + 1) : i + 1]) for i in range(len(series))]
    assert rolling(np.array([series], dtype=float), days)[0].tolist() == expected


def test_kinds_of_days_follow_the_calendar_and_then_the_week() -> None:
    assert [day_kind(date(2025, 10, d)) for d in (1, 9, 11)] == [2, 0, 0]  # holiday, work, a Saturday that is worked
    assert [day_kind(date(2190, 1, d)) for d in (1, 2)] == [0, 1]
    assert day_kinds(START, 3).tolist() == [0, 0, 0]
    assert FLOOR > 0
