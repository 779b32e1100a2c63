import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.civic.heat import WEIGHTS, Components, heat_parts, normal_rank

VALUES = st.floats(0, 50, allow_nan=False)
COMPONENTS = st.builds(Components, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES)


def components(value: float, **changed: float) -> Components:
    return Components(**{name: changed.get(name, value) for name in WEIGHTS})


def test_weights_are_those_that_are_published_and_sum_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert list(WEIGHTS) == list(Components.__dataclass_fields__)
    assert (WEIGHTS["burst"], WEIGHTS["people"], WEIGHTS["growth"]) == (0.30, 0.20, 0.15)


@settings(deadline=None)
@given(COMPONENTS, st.lists(COMPONENTS, max_size=8))
def test_every_part_keeps_within_its_weight(target: Components, reference: list[Components]) -> None:
    parts = heat_parts(target, reference)
    assert set(parts) == set(WEIGHTS)
    assert all(0 <= parts[name] <= 100 * WEIGHTS[name] + 1e-9 for name in WEIGHTS)
    assert 0 <= sum(parts.values()) <= 100 + 1e-6


@settings(deadline=None)
@given(st.lists(VALUES, max_size=12), VALUES, VALUES)
def test_a_higher_value_never_ranks_lower(reference: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert normal_rank(low, reference) <= normal_rank(high, reference)


def test_the_middle_is_the_middle_and_extremes_need_company() -> None:
    assert normal_rank(5, []) == 0.5
    assert normal_rank(5, [5, 5, 5]) == 0.5
    assert normal_rank(2, [1, 2, 3]) == 0.5
    first_of = [normal_rank(10_000, list(np.arange(n))) for n in (3, 30, 300)]
    assert 0.5 < first_of[0] < first_of[1] < first_of[2] <= 1.0


def test_only_the_component_that_differs_moves() -> None:
    reference = [components(float(value)) for value in range(9)]
    plain, hot = heat_parts(components(4.0), reference), heat_parts(components(4.0, burst=9.0), reference)
    assert hot["burst"] > plain["burst"]
    assert {name: hot[name] for name in WEIGHTS if name != "burst"} == {
        name: plain[name] for name in WEIGHTS if name != "burst"
    }
