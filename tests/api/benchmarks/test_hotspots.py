import numpy as np
import pytest

from api.benchmarks.detectors import BASELINES, at_budget, judge, raises
from api.benchmarks.hotspots import OURS, measure, parse_sizes
from crawlers.simulation.counts import Event
from models.errors import BadRequest

EVENT = Event(cell=0, first_day=10, last_day=12, size=6, day_counts=(2, 2, 2))


def series(**at: float) -> np.ndarray:
    found = np.zeros((2, 40))
    for place, value in at.items():
        cell, day = place.removeprefix("c").split("_")
        found[int(cell), int(day)] = value
    return found


def test_a_run_raises_once_again_when_it_doubles_and_anew_after_three_quiet_days() -> None:
    score = series(
        c0_5=4, c0_6=3, c0_7=5, c0_8=9, c0_9=2, c0_10=1, c0_11=1, c0_12=4, c0_13=0, c0_14=0, c0_15=0, c0_16=4
    )
    assert raises(score, 4.0, 0) == [(0, 5), (0, 8), (0, 16)]
    assert raises(score, 4.0, 6) == [(0, 8), (0, 16)]
    assert raises(series(c0_5=40, c0_6=41), 4.0, 0) == [(0, 5)]


def test_a_raise_is_true_within_the_event_and_one_day_after() -> None:
    judged = judge([(0, 9), (0, 13), (0, 14), (1, 11)], [EVENT])
    assert judged.delays == {0: 3}
    assert judged.false == 3
    assert judge([(0, 12), (0, 13)], [EVENT]).delays == {0: 2}


def test_the_threshold_keeps_the_budget() -> None:
    rng = np.random.default_rng(1)
    score = rng.exponential(1.0, (50, 120))
    score[0, 60:63] += 8
    event = Event(cell=0, first_day=60, last_day=62, size=6, day_counts=(2, 2, 2))
    for budget in (0.2, 1.0):
        threshold, judged = at_budget(score, [event], 20, budget)
        assert judged.false <= budget * 100
        assert judge(raises(score, threshold * 0.98, 20), [event]).false >= judged.false
        assert judged.delays == {0: 0}


def test_baselines_score_a_jump_and_do_not_look_ahead() -> None:
    counts = np.random.default_rng(2).poisson(1.0, (5, 120)).astype(float)
    jump = counts.copy()
    jump[0, 100] += 30
    for name, detector in BASELINES.items():
        before, after = detector(counts), detector(jump)
        assert np.array_equal(before[:, :100], after[:, :100]), name
        assert after[0, 100] > before[0, 100], name
        assert np.isfinite(after).all(), name


def test_ours_finds_more_than_the_usual_detectors_on_a_small_city() -> None:
    found = measure([3], (12, 25), events=60, cells=300, days=200, per_day=180.0)
    recall = {row["detector"]: row["recall"]["12"] for row in found["rows"] if row["false_a_day"] == 1.0}
    assert set(recall) == {OURS, *BASELINES}
    assert recall[OURS] >= max(recall.values())
    assert recall[OURS] >= 60
    assert found["events"] == 60


@pytest.mark.parametrize("sizes", ["", "a", "6,,12", "1", "0,6"])
def test_bad_sizes_are_refused(sizes: str) -> None:
    with pytest.raises(BadRequest):
        parse_sizes(sizes)
    assert parse_sizes("6,12") == (6, 12)
