"""The composite: a weighted mean that anybody can repeat, its band, and what its layers have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from indices.civic.base_data import BaseData, BaseFigure
from indices.civic.composite import LEAST_SHARE, band, composite, weighed
from indices.civic.satisfaction import satisfaction
from indices.civic.weights import BAND, shipped
from indices.stores.memory import MemoryStore
from models.figures import CompositeRow, Layer
from models.query import Query
from models.record import Annotation, Record
from models.satisfaction import LAYERS, Scheme

FIVE = shipped()[0]
THREE = Scheme(version="三率", title="", owner="", weights={"响应": 30, "解决": 35, "满意": 35})


def layer(name: str, value: float | None, half: float = 2.0) -> Layer:
    ends = (
        {}
        if value is None
        else {"low": value - half, "high": value + half, "low90": value - half, "high90": value + half}
    )
    return Layer(name=name, n=100, value=value, **ends)


def unit(**values: float | None) -> dict[str, Layer]:
    return {name: layer(name, value) for name, value in values.items()}


def only(found: list[CompositeRow]) -> CompositeRow:
    [row] = found
    return row


def test_a_weighted_mean_done_by_hand() -> None:
    row = only(weighed({"河东区": unit(响应=90, 解决=70, 满意=60)}, THREE))
    assert row.value == pytest.approx(0.30 * 90 + 0.35 * 70 + 0.35 * 60)  # 72.5
    assert row.high - row.low == pytest.approx(4 * (0.3**2 + 2 * 0.35**2) ** 0.5, abs=0.02)  # type: ignore[operator]
    assert row.low < row.low90 < row.value < row.high90 < row.high  # type: ignore[operator]
    assert [one.name for one in row.layers] == ["响应", "解决", "满意"]


def test_a_missing_layer_is_named_and_the_others_share_its_weight() -> None:
    row = only(weighed({"甲": unit(响应=None, 解决=70, 满意=60)}, THREE))
    assert (row.value, row.missing) == (65.0, ("响应",))
    few = only(weighed({"甲": unit(响应=80, 解决=None)}, THREE))
    assert (few.value, few.status) == (None, "样本不足")
    assert few.missing == ("解决", "满意")
    assert LEAST_SHARE > 0.3


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 100)), min_size=1, max_size=5))
def test_the_band_is_that_of_all_corners(pairs: list[tuple[float, float]]) -> None:
    """A weighted mean is extreme where every weight is at an end: all of these are tried."""
    weights = {name: w for name, (w, _) in zip(LAYERS, pairs, strict=False)}
    values = {name: v for name, (_, v) in zip(LAYERS, pairs, strict=False)}
    corners = []
    for signs in product((1 - BAND, 1 + BAND), repeat=len(weights)):
        moved = {name: weights[name] * sign for name, sign in zip(weights, signs, strict=True)}
        corners.append(sum(moved[name] * values[name] for name in moved) / sum(moved.values()))
    assert band(weights, values) == pytest.approx((min(corners), max(corners)), abs=1e-9)


def test_what_layers_have_in_common_follows_the_truth_and_not_the_noisy_layer() -> None:
    random = np.random.default_rng(3)
    truth = random.normal(70, 8, 60)
    units = {
        f"单位{i:02}": {
            "响应": layer("响应", float(t + random.normal(0, 2)), 4), "解决": layer("解决", float(t + random.normal(0, 2)), 4),
            "满意": layer("满意", float(t + random.normal(0, 2)), 4), "情绪": layer("情绪", float(random.normal(60, 8)), 15),
            "负担": layer("负担", float(t + random.normal(0, 3)), 6),
        }
        for i, t in enumerate(truth)
    }  # fmt: skip
    rows = {row.key: row for row in weighed(units, FIVE)}
    latent = np.array([rows[f"单位{i:02}"].latent for i in range(60)], dtype=float)
    plain = np.array([rows[f"单位{i:02}"].value for i in range(60)], dtype=float)
    assert np.corrcoef(latent, truth)[0, 1] > np.corrcoef(plain, truth)[0, 1]
    assert latent.mean() == pytest.approx(plain.mean(), abs=0.1)
    few = weighed(dict(list(units.items())[:5]), FIVE)
    assert {row.latent for row in few} == {None}


def test_five_layers_from_records(database: Engine) -> None:
    random, records = np.random.default_rng(4), []
    for i, district in enumerate(("河东区", "河西区", "河北区")):
        for k in range(200):
            good = random.random() < 0.9 - 0.2 * i
            note = Annotation(model="m", positive=0.9 if good else 0.1)
            records.append(
                Record(id=f"{i}-{k}", revision=1, intake="1", source="t", text="x", district=district, annotation=note, contacted=good,
                       created_at=datetime(2026, 3, 2, tzinfo=UTC), resolved="解决" if good else "未解决", rating=5 if good else 1)
            )  # fmt: skip
    store, base = MemoryStore(), BaseData(database)
    store.upsert(records)
    people = {"河东区": 400_000, "河西区": 200_000}
    base.keep([BaseFigure(code=f"99010{i}", name=n, indicator="population", year=2025, value=v, source="年鉴")
               for i, (n, v) in enumerate(people.items())], "t")  # fmt: skip
    index = satisfaction(store, Query(), "district")
    found = {row.key: row for row in composite(store, Query(), index, FIVE, base).rows}
    assert list(found) == ["河东区", "河西区", "河北区"]
    layers = {one.name: one for one in found["河东区"].layers}
    assert set(layers) == set(LAYERS)
    assert layers["负担"].value > 50 > {one.name: one for one in found["河西区"].layers}["负担"].value  # type: ignore[operator]
    assert layers["响应"].value == pytest.approx(90, abs=5)
    assert layers["解决"].metric == "resolution_rate@2026-01-01"
    assert found["河北区"].missing == ("负担",), "no population, no burden"
    assert found["河北区"].value is not None


def test_who_answered_stands_beside_the_composite_by_whatever_scheme() -> None:
    from indices.civic.composite import reweighed

    store = MemoryStore()
    at = datetime(2026, 3, 2, tzinfo=UTC)
    store.upsert([
        Record(id=f"{unit}{k}", revision=1, intake="1", source="t", text="x", district=unit, created_at=at, contacted=True, resolved="解决",
               rating=4 + k % 2 if k % 3 else None)
        for unit in ("河东区", "河西区") for k in range(120)
    ])  # fmt: skip
    made = composite(store, Query(), satisfaction(store, Query(), "district"), FIVE)
    for found in (made, reweighed(made, THREE)):
        assert {(row.n, row.n_effective, row.coverage) for row in found.rows} == {(80, 80.0, 66.7)}
    assert reweighed(made, THREE).source.versions["weights"] == "三率"
    assert reweighed(made, FIVE).rows == made.rows
