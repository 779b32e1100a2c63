from collections import Counter
from datetime import date
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crawlers.simulation.misplacing import MISSING_SHARE, MISSPELT_SHARE, misplace, misspell
from crawlers.simulation.orders import simulate

CITY = simulate(seed=4, days=40, per_day=30.0, end=date(2026, 3, 31), events=2)


def test_shares_and_what_stays() -> None:
    before, after = list(CITY.items()), list(misplace(CITY.items(), 7))
    kinds: Counter[str] = Counter()
    for old, new in zip(before, after, strict=True):
        assert (old.native_id, old.payload.street, old.payload.district, old.payload.created_at) == (
            new.native_id, new.payload.street, new.payload.district, new.payload.created_at,
        )  # fmt: skip
        if not old.payload.place or old.payload.place == old.payload.street:
            continue
        kind = "same" if new.payload.place == old.payload.place else "wrong" if new.payload.place else "missing"
        kinds[kind] += 1
        if kind != "same":
            assert old.payload.place not in new.payload.title + new.payload.text
        if kind == "missing":
            assert new.payload.community is None
    total = kinds.total()
    assert abs(kinds["missing"] / total - MISSING_SHARE) < 0.04
    assert abs(kinds["wrong"] / total - MISSPELT_SHARE) < 0.04


def test_the_same_seed_the_same_orders() -> None:
    assert list(misplace(CITY.items(), 7)) == list(misplace(CITY.items(), 7))
    assert list(misplace(CITY.items(), 7)) != list(misplace(CITY.items(), 8))
    assert list(misplace(CITY.items(), 7, missing=0, misspelt=0)) == list(CITY.items())


@given(st.text(alphabet="云溪栖霞望江锦绣花园", min_size=2, max_size=8), st.integers(0, 99))
def test_a_misspelt_name_is_another_with_the_same_end(name: str, seed: int) -> None:
    wrong = misspell(name, Random(seed))
    assert wrong != name or len(set(name)) < len(name)  # one of two equal neighbours left out leaves another name still
    assert wrong[-1] == name[-1]
    assert len(name) - len(wrong) in (0, 1)
