"""Why an index changed and what it depends on, where both are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.civic.cells import Cells, cells_of
from indices.civic.drivers import drivers, index_change, quadrant
from models.errors import BadRequest
from models.figures import Span
from models.query import Bucket

Table = dict[tuple[str, ...], int]


def made(table: Table, *fields: str) -> Cells:
    return cells_of([Bucket(keys=keys, count=n) for keys, n in table.items()], fields)


def topics(**parts: tuple[int, int]) -> Cells:
    """topic=(orders with 5, orders with 1)"""
    table = {(name, rating): n for name, pair in parts.items() for rating, n in zip(("5", "1"), pair, strict=True) if n}
    return made(table, "topic", "rating")


def test_a_change_of_mix_alone_and_of_service_alone() -> None:
    before = topics(物业=(100, 100), 教育=(180, 20))
    mix = index_change(before, topics(物业=(200, 200), 教育=(90, 10)), "topic")
    assert mix.rate.value == 0
    assert mix.change.value == mix.mix.value == pytest.approx((0.8 * 50 + 0.2 * 90) - (0.5 * 50 + 0.5 * 90))
    service = index_change(before, topics(物业=(60, 140), 教育=(180, 20)), "topic")
    assert service.mix.value == 0
    assert service.rate.value == pytest.approx(-10)
    assert [(part.name, part.rate.value) for part in service.parts] == [("物业", -10.0), ("教育", 0.0)]
    assert service.change.high < 0, "400 ratings are enough to tell ten points"


COUNTS = st.fixed_dictionaries(
    {name: st.tuples(st.integers(20, 90), st.integers(20, 90)) for name in ("甲", "乙", "丙")}
)


@settings(max_examples=15, deadline=None)
@given(COUNTS, COUNTS)
def test_parts_add_up_to_the_change_exactly(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> None:
    found = index_change(topics(**before), topics(**after), "topic")
    assert sum(part.rate.value + part.mix.value for part in found.parts) == pytest.approx(found.change.value, abs=0.05)
    assert found.rate.value + found.mix.value == pytest.approx(found.change.value, abs=0.021)
    assert found.after.value - found.before.value == pytest.approx(found.change.value, abs=0.021)
    for span in (found.change, found.rate, found.mix, *(part.rate for part in found.parts)):
        assert span.low <= span.low90 <= span.high90 <= span.high


def test_the_interval_of_no_change_holds_nothing_in_nineteen_of_twenty() -> None:
    inside, random = 0, np.random.default_rng(5)
    for _ in range(40):
        good = random.binomial(300, 0.7, (2, 2))
        periods = [topics(甲=(int(g[0]), 300 - int(g[0])), 乙=(int(g[1]), 300 - int(g[1]))) for g in good]
        change = index_change(*periods, "topic").change
        inside += change.low <= 0 <= change.high
    assert 34 <= inside <= 40


def test_too_few_ratings_are_named() -> None:
    with pytest.raises(BadRequest, match=r"前一段.*7 件评价"):
        index_change(topics(甲=(4, 3)), topics(甲=(40, 30)), "topic")


def simulate(seed: int, n: int, gain: float) -> Cells:
    """Orders of which 80 % are in time and 50 % solved; a solved one gains three times `gain` points, one in time `gain`."""
    random = np.random.default_rng(seed)
    table: Table = {}
    for _ in range(n):
        timely, solved = random.random() < 0.8, random.random() < 0.5
        expected = 30 + gain * timely + 3 * gain * solved
        rating = str(1 + int(random.binomial(4, min(expected / 100, 1))))
        keys = ("yes" if timely else "no", "解决" if solved else "未解决", rating)
        table[keys] = table.get(keys, 0) + 1
    return made(table, "timely", "resolved", "rating")


def test_drivers_are_found_with_their_size_and_place() -> None:
    found = drivers(simulate(1, 4_000, 10))
    by_name = {one.name: one for one in found.points}
    assert [one.name for one in found.points] == ["问题解决", "按时答复"]
    for name, gain, share, place in (("问题解决", 30, 50, "重点改进"), ("按时答复", 10, 80, "不必加码")):
        one = by_name[name]
        assert one.importance.low <= gain <= one.importance.high
        assert one.performance.low <= share <= one.performance.high
        assert one.quadrant == place
    assert (found.importance_cut, found.performance_cut) == (pytest.approx(20, abs=2), pytest.approx(65, abs=2))


def test_a_point_whose_intervals_cross_both_cuts_is_not_placed() -> None:
    wide, high = Span(value=5, low=1, high=9, low90=2, high90=8), Span(value=8, low=7, high=9, low90=7, high90=9)
    assert quadrant(wide, wide, 4, 6) == "不能判定"
    assert quadrant(wide, high, 4, 6) == "保持优势"
    assert quadrant(high, wide, 4, 6) == "重点改进"
    assert quadrant(wide, high, 6, 6) == "不必加码"
    assert quadrant(wide, Span(value=1, low=0, high=2, low90=0, high90=2), 6, 6) == "次要改进"


def test_nothing_to_tell_is_an_answer() -> None:
    assert drivers(made({("yes", "5"): 100}, "timely", "rating")).points == ()
    assert drivers(made({("yes", "5"): 10, ("no", "1"): 10}, "timely", "rating")).points == ()
