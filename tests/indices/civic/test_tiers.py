"""Tiers by probability: sure ones only, by the comparison that the mix does not enter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indices.civic.tiers import LEAST_UNITS, SURE, tiers
from models.figures import IndexRow


def row(key: str, alike: float, deviation: float = 0.5, status: str = "ok") -> IndexRow:
    return IndexRow(
        key=key, value=50.0, low=49, high=51, n=99, n_effective=99, status=status, alike=alike, deviation=deviation
    )  # type: ignore[arg-type]


def test_the_surely_worst_and_best_fifth_are_told_and_the_rest_is_the_middle() -> None:
    found = {one.key: one for one in tiers([row(f"单位{i}", 60 + 3 * i) for i in range(10)])}
    assert [one.key for one in found.values() if one.tier == "下档"] == ["单位0", "单位1"]
    assert [one.key for one in found.values() if one.tier == "上档"] == ["单位8", "单位9"]
    assert all(one.tier for one in found.values())


def test_units_that_cannot_be_told_apart_are_all_in_the_middle() -> None:
    found = tiers([row(f"单位{i}", 70 + 0.1 * i, deviation=3) for i in range(10)])
    assert {one.tier for one in found} == {"中档"}
    assert all(0.1 < (one.p_lowest or 0) < 0.35 for one in found)


def test_who_is_not_ranked_has_no_tier_and_few_units_have_none() -> None:
    rows = [row(f"单位{i}", 60 + 3 * i) for i in range(6)]
    found = tiers([*rows, row("新", 10, status="not_ranked")])
    assert (found[-1].tier, found[-1].p_lowest) == ("", None)
    assert {one.tier for one in tiers(rows[: LEAST_UNITS - 1])} == {""}


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.01, 10)), min_size=5, max_size=30))
def test_probabilities_add_up_to_the_size_of_the_tier(units: list[tuple[float, float]]) -> None:
    found = tiers([row(f"单位{i}", value, deviation) for i, (value, deviation) in enumerate(units)])
    size = max(1, round(0.2 * len(units)))
    assert abs(sum(one.p_lowest or 0 for one in found) - size) < 0.05 * len(units)
    assert sum(one.tier == "下档" for one in found) * SURE <= size + 0.5
    assert found == tiers([row(f"单位{i}", value, deviation) for i, (value, deviation) in enumerate(units)])
