from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from crawlers.simulation.counts import ISSUES, QUIET_DAYS, SIZES, Counts, simulate_counts, spread
from models.errors import BadRequest


@pytest.fixture(scope="module")
def year() -> Counts:
    return simulate_counts(seed=3)


def test_shapes_and_volume(year: Counts) -> None:
    assert year.people.shape == year.orders.shape == (3_000, 365)
    assert year.issue_of_cell.max() == ISSUES - 1
    assert year.area_of_cell.max() == 49
    extra = sum(event.size for event in year.events)
    assert (year.orders.sum() - extra) / 365 == pytest.approx(1_727, rel=0.05)


def test_repeat_callers_make_more_orders_than_people(year: Counts) -> None:
    assert (year.orders >= year.people).all()
    assert 1.08 < year.orders.sum() / year.people.sum() < 1.25
    assert (year.orders - year.people).max() >= 3


def test_events_are_in_the_counts_and_apart(year: Counts) -> None:
    quiet = simulate_counts(seed=3, events=0)
    added = year.people - quiet.people
    expected = np.zeros_like(added)
    for event in year.events:
        expected[event.cell, event.first_day : event.last_day + 1] += event.day_counts
    assert (added == expected).all()
    assert (year.orders - quiet.orders == expected).all()
    assert {event.size for event in year.events} == set(SIZES)
    by_cell: dict[int, list[tuple[int, int]]] = {}
    for event in year.events:
        by_cell.setdefault(event.cell, []).append((event.first_day, event.last_day))
    for spans in by_cell.values():
        ordered = sorted(spans)
        assert all(late[0] - early[1] > 10 for early, late in pairwise(ordered))


def test_events_keep_their_form(year: Counts) -> None:
    assert len(year.events) == 600
    for event in year.events:
        length = event.last_day - event.first_day + 1
        assert 3 <= length <= 10
        assert event.first_day >= QUIET_DAYS
        assert event.last_day < 365
        assert len(event.day_counts) == length
        assert sum(event.day_counts) == event.size
        assert event.day_counts[0] > 0
        assert event.day_counts[-1] > 0


def test_over_dispersed_with_seasons_and_shocks(year: Counts) -> None:
    busy = year.expected > 3
    residual = (year.people - year.expected)[busy]
    assert residual.var() > 1.2 * year.expected[busy].mean()
    by_issue = np.stack([year.expected[year.issue_of_cell == issue].sum(axis=0) for issue in range(ISSUES)])
    swing = by_issue.max(axis=1) / np.median(by_issue, axis=1)
    assert (swing > 2).sum() > ISSUES / 3
    together = np.corrcoef([year.expected[issue] for issue in (0, ISSUES, 2 * ISSUES)])
    assert together.min() > 0.99, "one issue moves alike in every area: what a city-wide factor can divide out"


def test_same_seed_same_arrays() -> None:
    first, again, other = (simulate_counts(seed=s, cells=120, days=200, per_day=80, events=9) for s in (5, 5, 6))
    assert (first.orders == again.orders).all()
    assert first.events == again.events
    assert not (first.orders == other.orders).all()


def test_start_moves_the_season() -> None:
    summer = simulate_counts(seed=1, cells=120, days=100, per_day=80, events=4, start=date(2026, 5, 1))
    winter = simulate_counts(seed=1, cells=120, days=100, per_day=80, events=4, start=date(2025, 11, 1))
    assert not np.allclose(summer.expected, winter.expected)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("days", {"days": 95}),
        ("cells", {"cells": 0}),
        ("per_day", {"per_day": -1}),
        ("events", {"cells": 1, "events": 90}),
    ],
)
def test_impossible_wishes_are_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as caught:
        simulate_counts(**arguments)
    assert caught.value.fields["name"] == name


@pytest.mark.parametrize(("size", "length"), [(6, 3), (6, 10), (50, 3), (50, 10), (2, 5)])
def test_spread_keeps_the_total_and_both_ends(size: int, length: int) -> None:
    counts = spread(np.random.default_rng(0), size, length)
    assert sum(counts) == size
    assert len(counts) == length
    assert counts[0] >= 1
    assert counts[-1] >= 1
