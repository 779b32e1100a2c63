"""Jumps: found where they are, not found where there are none, also where the level drifts."""

from __future__ import annotations

import numpy as np
import pytest

from indices.civic.change_points import jumps


def test_a_jump_is_found_at_its_week_with_its_size() -> None:
    random = np.random.default_rng(1)
    values = np.concatenate([np.full(30, 70.0), np.full(22, 64.0)]) + random.normal(0, 1.5, 52)
    [found] = jumps(values, np.full(52, 2.25))
    assert abs(found.at - 30) <= 1
    assert found.low <= -6 <= found.high


def test_two_jumps_and_weeks_without_a_value() -> None:
    random = np.random.default_rng(2)
    values = np.repeat([70.0, 62.0, 69.0], 20) + random.normal(0, 1, 60)
    values[[5, 19, 20, 41]] = np.nan
    found = jumps(values, np.ones(60))
    assert [round(jump.at, -1) for jump in found] == [20, 40]
    assert [np.sign(jump.change) for jump in found] == [-1, 1]


@pytest.mark.parametrize("drift", [0.0, 0.4])
def test_few_even_series_are_said_to_jump(drift: float) -> None:
    said = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        truth = 70 + np.cumsum(random.normal(0, drift, 52))
        said += bool(jumps(truth + random.normal(0, 2, 52), np.full(52, 4.0)))
    assert said <= (10 if drift == 0 else 40)


def test_a_short_series_does_not_jump() -> None:
    assert jumps(np.array([70.0, 70, 20, 20, 20]), np.ones(5)) == []
