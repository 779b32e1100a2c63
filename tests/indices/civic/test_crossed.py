"""The crossed ordered logit: what made the data is found, statsmodels says the same, nothing depends on order or names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from indices.civic import crossed
from indices.civic.crossed import fit_crossed

CUTS = np.array([-3.0, -2.3, -1.4, 0.2])
Ints = npt.NDArray[np.int64]


def simulate(seed: int, n: int, *effects: npt.NDArray[np.float64]) -> tuple[Ints, list[Ints]]:
    """(n, 5) one rating each, and for each factor the level of each."""
    random = np.random.default_rng(seed)
    codes = [random.integers(0, len(effect), n) for effect in effects]
    content = np.sum([effect[code] for effect, code in zip(effects, codes, strict=True)], axis=0)
    rating = (random.random((n, 1)) > expit(CUTS - content[:, None])).sum(axis=1)
    return np.eye(5, dtype=np.int64)[rating], codes


def test_effects_and_spreads_that_made_the_data_are_found() -> None:
    random = np.random.default_rng(5)
    areas, offices, nothing = random.normal(0, 0.7, 300), random.normal(0, 0.5, 40), np.zeros(6)
    counts, codes = simulate(1, 30_000, areas, offices, nothing)
    found = fit_crossed(counts, codes, [300, 40, 6])
    assert found.taus[0] == pytest.approx(areas.std(), abs=0.08)
    assert found.taus[1] == pytest.approx(offices.std(), abs=0.1)
    assert found.taus[2] < 0.12, "a factor that tells nothing has no say"
    for effect, estimate, deviation in zip((areas, offices), found.effects, found.deviations, strict=False):
        off = (effect - effect.mean()) - (estimate - estimate.mean())
        assert np.abs(off / deviation).mean() < 1.2, "the standard deviations tell how far off"
        assert np.corrcoef(effect, estimate)[0, 1] > 0.9
    assert (np.diff(found.thresholds) > 0).all()


def test_without_shrinkage_it_is_the_ordered_model_of_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    """With τ held at 1000 effects are as good as fixed: coefficients and differences of thresholds are those of OrderedModel."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    monkeypatch.setattr(crossed, "LEAST_TAU", 1_000.0)
    monkeypatch.setattr(crossed, "MOST_TAU", 1_000.0)
    counts, codes = simulate(2, 3_000, np.array([0.0, 0.6, -0.5]), np.array([0.0, 0.9]))
    found = fit_crossed(counts, codes, [3, 2])
    design = np.column_stack([codes[0] == 1, codes[0] == 2, codes[1] == 1]).astype(float)
    theirs = OrderedModel(counts.argmax(axis=1), design, distr="logit").fit(method="bfgs", disp=False, gtol=1e-8)
    ours = [
        found.effects[0][1] - found.effects[0][0],
        found.effects[0][2] - found.effects[0][0],
        found.effects[1][1] - found.effects[1][0],
    ]
    assert ours == pytest.approx(theirs.params[:3], abs=2e-3)
    cuts = theirs.model.transform_threshold_params(theirs.params)[1:-1]
    own = found.thresholds - found.effects[0][0] - found.effects[1][0]
    assert own == pytest.approx(cuts, abs=0.01)  # ours has half a rating more of every level


def test_order_of_factors_and_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(7)
    counts, codes = simulate(3, 2_000, random.normal(0, 0.6, 30), random.normal(0, 0.4, 12))
    one = fit_crossed(counts, codes, [30, 12])
    turned = random.permutation(len(counts))
    other = fit_crossed(counts[turned], [codes[1][turned], codes[0][turned]], [12, 30])
    assert one.effects[0] == pytest.approx(other.effects[1], abs=1e-3)
    assert one.taus == pytest.approx(other.taus[::-1], rel=0.01)


def test_cells_of_many_ratings_tell_what_the_ratings_one_by_one_do() -> None:
    counts, codes = simulate(4, 1_500, np.array([0.5, -0.5, 0.0]))
    table = np.zeros((3, 5), dtype=np.int64)
    np.add.at(table, codes[0], counts)
    whole = fit_crossed(table, [np.arange(3)], [3])
    assert fit_crossed(counts, codes, [3]).effects[0] == pytest.approx(whole.effects[0], abs=0.01)


def test_cells_without_a_rating_change_nothing() -> None:
    counts, codes = simulate(4, 500, np.array([0.5, -0.5, 0.0]))
    more = np.vstack([counts, np.zeros((50, 5), dtype=np.int64)])
    wider = [np.concatenate([codes[0], np.full(50, 3)])]
    one, other = fit_crossed(counts, codes, [3]), fit_crossed(more, wider, [4])
    assert other.effects[0][:3] == pytest.approx(one.effects[0], abs=0.1)
    assert abs(other.effects[0][3]) < 1e-9, "of a level that nobody rated nothing is known"
    assert other.deviations[0][3] == pytest.approx(other.taus[0], rel=0.05)


@pytest.mark.parametrize("rows", [[[0, 0, 0, 0, 7]], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]], [[0, 0, 50, 0, 0]] * 3])
def test_degenerate_tables_have_finite_answers(rows: list[list[int]]) -> None:
    table = np.array(rows)
    found = fit_crossed(table, [np.arange(len(table)), np.zeros(len(table), dtype=np.int64)], [len(table), 1])
    assert np.isfinite(found.thresholds).all()
    assert all(np.isfinite(effect).all() for effect in (*found.effects, *found.deviations))
