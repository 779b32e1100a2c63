"""Points on two scales: inside the frame, where their numbers put them, named where they matter."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.scatter import HEIGHT, WIDTH, Scale, calibration, funnel, quadrants
from models.figures import CalibrationBin, Driver, Drivers, Index, IndexRow, Span, TextPrediction


def span(value: float, half: float = 1.0) -> Span:
    return Span(value=value, low=value - half, high=value + half, low90=value - half, high90=value + half)


def made(city: ModuleType, *rows: tuple[str, int, float]) -> Index:
    index: Index = city.index("department")
    found = tuple(
        IndexRow(key=key, value=raw, low=raw - 1, high=raw + 1, n=n, n_effective=n, status="ok", raw=raw)
        for key, n, raw in rows
    )
    return index.model_copy(update={"rows": found, "overall": index.overall.model_copy(update={"raw": 75.0})})


def test_a_funnel_names_only_who_is_outside_of_the_limits(city: ModuleType) -> None:
    found = funnel(made(city, ("少", 30, 62.0), ("多", 3_000, 71.0), ("中", 300, 76.0), ("好", 2_000, 80.0)), {})
    assert found
    assert {point.name: point.tone for point in found.points} == {
        "少": "plain",
        "多": "low",
        "中": "plain",
        "好": "high",
    }
    assert [point.name for point in found.points if point.named] == ["多", "好"]
    assert found.rows[1] == ("多", "3,000", "71.0", "低于控制线")
    xs = {point.name: point.x for point in found.points}
    assert xs["少"] < xs["中"] < xs["好"] < xs["多"]
    assert "2 个在 99.8% 控制线以外" in found.summary


def test_two_units_are_no_funnel(city: ModuleType) -> None:
    assert funnel(made(city, ("甲", 50, 70.0), ("乙", 60, 80.0)), {}) is None


@pytest.mark.parametrize("rows", [[("甲", 40, 75.0)] * 3, [("甲", 1, 0.0), ("乙", 1, 100.0), ("丙", 10_000_000, 75.0)]])
def test_points_stay_in_the_frame(city: ModuleType, rows: list[tuple[str, int, float]]) -> None:
    found = funnel(made(city, *rows), {})
    assert found
    assert all(0 <= point.x <= WIDTH and 0 <= point.y <= HEIGHT for point in found.points)
    assert "nan" not in "".join(path for path, _ in found.paths)


def test_quadrants_carry_intervals_and_words() -> None:
    found = quadrants(
        Drivers(
            points=(Driver(name="问题解决", field="resolved", importance=span(30), performance=span(60), quadrant="重点改进"),
                    Driver(name="按时答复", field="timely", importance=span(8), performance=span(90), quadrant="不必加码")),
            importance_cut=19, performance_cut=75, n=400,
        )
    )  # fmt: skip
    assert found
    first, second = found.points
    assert first.x < second.x
    assert first.y < second.y, "more important is higher, and y grows downwards"
    assert first.low is not None
    assert first.high is not None
    assert first.low > first.y > first.high
    assert "问题解决重点改进" in found.summary
    assert quadrants(Drivers(points=(), importance_cut=0, performance_cut=0, n=0)) is None


def test_on_the_line_expected_and_observed_are_the_same() -> None:
    bins = tuple(CalibrationBin(expected=v, observed=v, low=v - 2, high=v + 2, n=100) for v in (52.0, 68.0, 81.0))
    found = calibration(
        TextPrediction(enough=True, months=("2026-01", "2026-02"), n=300, bins=bins, explained=0.2, error=0.0)
    )
    assert found
    for point in found.points:
        assert (point.x - 48) / (WIDTH - 64) == pytest.approx((HEIGHT - 40 - point.y) / (HEIGHT - 52), abs=0.01)
    assert calibration(TextPrediction(enough=False, months=(), n=0, bins=())) is None


@given(st.floats(1, 1e6), st.floats(1, 1e6), st.floats(1, 1e6), st.booleans())
def test_a_scale_keeps_order_and_ends(a: float, b: float, value: float, logarithmic: bool) -> None:
    low, high = sorted((a, b))
    scale = Scale(low, high, 0.0, 100.0, logarithmic)
    assert 0 <= scale(value) <= 100
    if high > low * 1.01:
        assert (scale(low), scale(high)) == (0.0, 100.0)
