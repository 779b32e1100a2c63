import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.mix import split
from models.errors import BadRequest

PERIOD = st.dictionaries(st.sampled_from("甲乙丙丁戊"), st.tuples(st.floats(0.01, 1e4), st.floats(0, 100)), min_size=1)


@given(PERIOD, PERIOD)
def test_rate_and_mix_add_up_to_the_change(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]
) -> None:
    found = split(before, after)
    assert found.rate + found.mix == pytest.approx(found.after - found.before, abs=1e-9)
    assert sum(part.total for part in found.parts) == pytest.approx(found.after - found.before, abs=1e-9)
    back = split(after, before)
    assert (back.rate, back.mix) == pytest.approx((-found.rate, -found.mix), abs=1e-9)


def test_by_hand() -> None:
    found = split({"甲": (50, 80), "乙": (50, 40)}, {"甲": (75, 80), "乙": (25, 60)})
    # 60 → 75: 乙 rises by 20 at a mean share of 0.375; 甲 gains 0.25 of the whole and lies 80 − 67.5 above its middle
    assert (found.before, found.after) == (60, 75)
    assert found.rate == pytest.approx(7.5)
    assert found.mix == pytest.approx(0.25 * (80 - 67.5) - 0.25 * (50 - 67.5))
    assert [part.name for part in found.parts] == ["乙", "甲"]


def test_only_shares_or_only_scores() -> None:
    assert split({"甲": (1, 90), "乙": (3, 10)}, {"甲": (3, 90), "乙": (1, 10)}).rate == 0
    assert split({"甲": (1, 90), "乙": (3, 10)}, {"甲": (2, 95), "乙": (6, 20)}).mix == pytest.approx(0)


def test_a_new_part_only_mixes() -> None:
    found = split({"甲": (10, 50)}, {"甲": (10, 50), "乙": (10, 90)})
    assert found.rate == 0
    assert found.after == 70


@pytest.mark.parametrize("wrong", [{}, {"甲": (0.0, 50.0)}, {"甲": (-1.0, 50.0), "乙": (3.0, 4.0)}])
def test_impossible_weights_are_refused(wrong: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(BadRequest, match="权重须不为负"):
        split({"甲": (1, 50)}, wrong)
