from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp import calibrate


def drawn(n: int, k: int, heat: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits and truths drawn from their softmax at temperature `heat`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (n, k))
    probabilities = calibrate.softmax(logits / heat)
    truth = (probabilities.cumsum(axis=1) < random.random((n, 1))).sum(axis=1).clip(0, k - 1)
    return logits, truth


def test_softmax_survives_extremes_and_impossible_labels() -> None:
    rows = calibrate.softmax(np.array([[1e6, 0.0], [-np.inf, 3.0], [0.0, 0.0]]))
    assert rows.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]


@pytest.mark.parametrize("heat", [0.3, 1.0, 4.0])
def test_temperature_is_found_again(heat: float) -> None:
    logits, truth = drawn(20_000, 5, heat)
    assert calibrate.temperature(logits, truth) == pytest.approx(heat, rel=0.06)


def test_temperature_follows_the_weights() -> None:
    hot, cold = drawn(4_000, 4, 4.0, 1), drawn(4_000, 4, 0.5, 2)
    logits, truth = np.concatenate([hot[0], cold[0]]), np.concatenate([hot[1], cold[1]])
    mostly_hot = calibrate.temperature(logits, truth, np.repeat([1.0, 0.001], 4_000))
    assert mostly_hot == pytest.approx(4.0, rel=0.1)
    assert calibrate.temperature(logits, truth, np.repeat([0.001, 1.0], 4_000)) < 0.7


def test_scores_without_a_shift_are_scaled_logits() -> None:
    assert calibrate.scores(np.array([[1.0, -2.0]]), 0.5).tolist() == [[2.0, -4.0]]


def test_scores_with_a_shift_are_log_sigmoids() -> None:
    found = calibrate.scores(np.array([[0.3, -np.inf, 50.0, -800.0]]), 0.5, 0.2)[0]
    assert found[0] == pytest.approx(np.log(1 / (1 + np.exp(-1.0))))
    assert found[1] == -np.inf
    assert found[2] == pytest.approx(0.0, abs=1e-12)
    assert found[3] == pytest.approx(-1599.6)


def test_two_labels_that_speak_up_are_less_sure_than_one() -> None:
    pair = calibrate.softmax(calibrate.scores(np.array([[3.0, 1.0], [1.0, -1.0]]), 0.5, 0.0))
    assert pair[0, 0] < pair[1, 0]


def test_temperature_and_shift_are_found_again() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(-0.5, 0.6, (20_000, 5))
    probabilities = calibrate.softmax(calibrate.scores(logits, 0.25, 0.3))
    truth = (probabilities.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1).clip(0, 4)
    assert calibrate.temperature_and_shift(logits, truth) == pytest.approx((0.25, 0.3), abs=0.05)


def test_calibration_lowers_log_loss_and_error() -> None:
    logits, truth = drawn(5_000, 6, 5.0)
    heat = calibrate.temperature(logits, truth)
    assert calibrate.log_loss(logits / heat, truth) < calibrate.log_loss(logits, truth)
    before = calibrate.calibration_error(calibrate.softmax(logits), truth)
    assert calibrate.calibration_error(calibrate.softmax(logits / heat), truth) < 0.03 < before


def test_calibration_error_of_certainty_that_is_half_right_is_a_half() -> None:
    probabilities = np.tile([1.0, 0.0], (10, 1))
    assert calibrate.calibration_error(probabilities, np.array([0, 1] * 5)) == pytest.approx(0.5)
    assert calibrate.calibration_error(probabilities, np.zeros(10, dtype=int)) == 0.0


@pytest.mark.parametrize(
    ("right", "n", "bound"), [(59, 59, 0.95049), (10, 10, 0.74113), (0, 5, 0.0), (50, 100, 0.41365)]
)
def test_lower_bound_is_clopper_pearson(right: int, n: int, bound: float) -> None:
    """59 of 59 is the least that shows 95 % at level 95 %: 0.05 ** (1 / 59)."""
    assert calibrate.lower_bound(right, n, 0.95) == pytest.approx(bound, abs=1e-4)


def test_upper_bound_mirrors_the_lower_one() -> None:
    assert calibrate.upper_bound(3, 10, 0.9) == pytest.approx(1 - calibrate.lower_bound(7, 10, 0.9))
    assert calibrate.upper_bound(10, 10, 0.9) == 1.0


def test_threshold_takes_the_lowest_confidence_that_keeps_the_promise() -> None:
    confidence = np.linspace(1.0, 0.01, 100)
    right = np.arange(100) < 80
    limit = calibrate.threshold(confidence, right)
    kept = confidence >= limit
    assert calibrate.lower_bound(int(right[kept].sum()), int(kept.sum()), 0.9) >= 0.95
    more = confidence >= confidence[kept.sum()]
    assert calibrate.lower_bound(int(right[more].sum()), int(more.sum()), 0.9) < 0.95


def test_threshold_is_never_where_nothing_can_be_promised() -> None:
    assert calibrate.threshold(np.array([]), np.array([], dtype=bool)) == calibrate.NEVER
    assert calibrate.threshold(np.array([0.9, 0.8]), np.array([True, True])) == calibrate.NEVER
    assert calibrate.threshold(np.linspace(0, 1, 500), np.zeros(500, dtype=bool)) == calibrate.NEVER


def test_rows_of_equal_confidence_are_answered_together_or_not_at_all() -> None:
    confidence = np.repeat([0.9, 0.6], [200, 200])
    right = np.concatenate([np.ones(200, dtype=bool), np.tile([True, False], 100)])
    assert calibrate.threshold(confidence, right) == pytest.approx(0.9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), wanted=st.sampled_from([0.8, 0.9, 0.95]))
def test_answered_rows_keep_the_promise(seed: int, wanted: float) -> None:
    logits, truth = drawn(1_500, 5, 1.0, seed)
    probabilities = calibrate.softmax(logits)
    limits = calibrate.thresholds(probabilities, truth, wanted=wanted)
    found = calibrate.coverage(probabilities, truth, limits)
    assert found.coverage == 0 or found.accuracy >= wanted
    assert found.n == 1_500


def test_a_class_that_breaks_the_promise_is_held_back_alone() -> None:
    """Class 1 is wrong every fourth time at full confidence; class 0 never. 60 answers against 2,000."""
    answer = np.repeat([0, 1], [2_000, 60])
    truth = answer.copy()
    truth[2_000::4] = 0
    probabilities = np.full((2_060, 2), 0.02)
    probabilities[np.arange(2_060), answer] = 0.98
    limits = calibrate.thresholds(probabilities, truth)
    assert limits[0] == pytest.approx(0.98)
    assert limits[1] == calibrate.NEVER
    found = calibrate.coverage(probabilities, truth, limits)
    assert (found.coverage, found.accuracy) == (pytest.approx(2_000 / 2_060), 1.0)


def test_a_class_that_is_a_little_worse_than_its_head_goes_on_answering() -> None:
    """Class 1 is right in 92 of 100: below the 95 % of the head, above what a class is held back for."""
    answer = np.repeat([0, 1], [2_000, 600])
    truth = answer.copy()
    truth[2_000 : 2_000 + 48] = 0
    probabilities = np.full((2_600, 2), 0.02)
    probabilities[np.arange(2_600), answer] = 0.98
    assert calibrate.thresholds(probabilities, truth).tolist() == pytest.approx([0.98, 0.98])
    truth[2_000 : 2_000 + 100] = 0  # 83 of 100
    assert calibrate.thresholds(probabilities, truth)[1] == calibrate.NEVER


def test_coverage_of_nothing_answered_has_no_accuracy() -> None:
    found = calibrate.coverage(np.array([[0.6, 0.4]]), np.array([0]), np.array([0.9, 0.9]))
    assert found.coverage == 0.0
    assert np.isnan(found.accuracy)


def test_cutpoints_undo_a_shift_of_the_levels() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 4, 2_000)
    expected = truth * 0.9 + 0.6 + random.normal(0, 0.05, 2_000)
    cuts = calibrate.cutpoints(expected, truth, 4)
    assert (np.diff(cuts) >= 0).all()
    assert calibrate.quadratic_kappa(np.searchsorted(cuts, expected), truth, 4) > 0.98
    plain = np.rint(expected).astype(int).clip(0, 3)
    assert calibrate.quadratic_kappa(plain, truth, 4) < 0.85


def test_cutpoints_give_each_level_as_often_as_it_is_true() -> None:
    random = np.random.default_rng(4)
    truth = random.choice(4, 5_000, p=[0.6, 0.3, 0.08, 0.02])
    expected = 3 * random.random(5_000) ** 0.2 * (0.7 + 0.1 * truth)
    answer = np.searchsorted(calibrate.cutpoints(expected, truth, 4), expected)
    assert np.abs(np.bincount(answer, minlength=4) - np.bincount(truth, minlength=4)).max() <= 1


def test_a_level_is_not_given_far_below_it() -> None:
    truth = np.repeat([0, 1, 2, 3], 25)
    expected = np.linspace(0.9, 1.1, 100)
    assert calibrate.cutpoints(expected, truth, 4) == pytest.approx([0.95, 1.2, 2.2], abs=0.01)
    assert calibrate.cutpoints(np.array([]), np.array([], dtype=int), 4).tolist() == pytest.approx([0.2, 1.2, 2.2])


def test_quadratic_kappa_counts_distance() -> None:
    truth = np.array([0, 1, 2, 3] * 25)
    assert calibrate.quadratic_kappa(truth, truth, 4) == 1.0
    assert calibrate.quadratic_kappa(np.zeros(100, dtype=int), truth, 4) == 0.0
    near, far = np.minimum(truth + 1, 3), np.where(truth == 0, 3, truth)
    assert 0 < calibrate.quadratic_kappa(far, truth, 4) < calibrate.quadratic_kappa(near, truth, 4) < 1
