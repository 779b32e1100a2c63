from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import Band, Chart, Series, interval_bars, spark

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=60)


def chart(**changes: object) -> Chart:
    values = {"key": "k", "title": "每日件数", "x": ("2026-11-01", "2026-11-02"), "labels": ("11/1", "11/2"),
              "series": (Series("受理", (3.0, None)), Series("期望", (2.5, 1.0), "expected", "area"))}  # fmt: skip
    return Chart(**{**values, **changes})  # type: ignore[arg-type]


def test_data_is_plain_json() -> None:
    data = json.loads(json.dumps(chart(band=Band("区间", (1.0, None), (4.0, None))).data))
    assert data["series"][0] == {"name": "受理", "values": [3.0, None], "role": "observed", "shape": "line"}
    assert data["band"] == {"name": "区间", "low": [1.0, None], "high": [4.0, None]}


def test_table_twin_says_what_the_chart_shows() -> None:
    made = chart(band=Band("95% 区间", (1.0, None), (4.0, None)), decimals=1)
    assert made.head == ["日期", "受理（件）", "期望（件）", "95% 区间 下限", "95% 区间 上限"]
    assert made.rows == [["11/1", "3.0", "2.5", "1.0", "4.0"], ["11/2", "—", "1.0", "—", "—"]]


def test_a_gap_is_not_a_zero() -> None:
    assert chart(series=(Series("指数", (None, None)),)).empty
    assert not chart(series=(Series("件数", (0.0, 0.0)),)).empty


@given(counts)
def test_spark_stays_in_its_box(values: list[int]) -> None:
    made = spark(values, values, width=100, height=40)
    assert made
    numbers = [float(n) for n in re.findall(r"[\d.]+", made.observed + made.expected + made.area)]
    assert all(0 <= x <= 100 for x in numbers[::2])
    assert all(0 <= y <= 40 for y in numbers[1::2])
    assert made.peak == max(1, *values)


def test_spark_needs_two_points_and_equal_lengths() -> None:
    assert spark([3]) is None
    made = spark([1, 2, 3], [1, 2])
    assert made
    assert made.expected == made.area == ""


def test_interval_bars_share_one_scale() -> None:
    bars, start, end = interval_bars([(71.0, 68.0, 74.0), (None, None, None), (66.0, 57.0, 75.5)])
    assert (start, end) == (50.0, 80.0)
    assert bars[1] is None
    assert bars[0]
    assert (bars[0].low, bars[0].value, bars[0].high) == (60.0, 70.0, 80.0)
    assert interval_bars([(None, None, None)]) == ([None], 0.0, 100.0)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), min_size=1, max_size=20))
def test_interval_bars_lie_inside(values: list[tuple[float, float]]) -> None:
    rows = [(v, max(0.0, v - half), min(100.0, v + half)) for v, half in values]
    for bar in interval_bars(rows)[0]:
        assert bar
        assert 0 <= bar.low <= bar.value <= bar.high <= 100
