"""The composite index of units: five layers on 0–100, weighed by the policy office's public scheme; and what they have in common.

响应, 解决 and 情绪 are shares of the metric registry, drawn together by a beta-binomial; 满意 is the satisfaction index; 负担 is
100 / (1 + r), r being demands per head against the middle unit (gamma-Poisson), so that the middle unit has 50.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from indices.civic.base_data import BaseData
from indices.civic.metrics import definition, last_day, measure_by
from indices.civic.proportions import Shrunk, rates, shares
from indices.civic.satisfaction import MIN_RATINGS, VERSION
from indices.civic.weights import BAND
from models.clock import now
from models.figures import Composite, CompositeRow, Index, Layer, Source
from models.ports import Reader
from models.query import Query
from models.satisfaction import LAYERS, Scheme

By = Literal["district", "department", "topic"]
Floats = npt.NDArray[np.float64]
SHARES: Final = {"响应": "contact_rate", "解决": "resolution_rate", "情绪": "calm_share"}
LEAST_SHARE: Final = 0.6
"""A composite needs layers that carry so much of the scheme's weight."""
LEAST_UNITS: Final = 8  # for what the layers have in common
_Z95, _Z90 = 1.959964, 1.644854


def composite(reader: Reader, query: Query, index: Index, scheme: Scheme, base: BaseData | None = None) -> Composite:
    """The composite of every unit of an index by district, department or topic, of the same question."""
    by: By = index.by  # type: ignore[assignment]
    layers: dict[str, dict[str, Layer]] = {row.key: {} for row in index.rows}
    for row in index.rows:
        layers[row.key]["满意"] = Layer(
            name="满意",
            value=row.value,
            low=row.low,
            high=row.high,
            low90=row.low90,
            high90=row.high90,
            n=row.n,
            metric=VERSION,
        )
    for name, metric in SHARES.items():
        for unit, layer in _share_layer(reader, query, by, name, metric).items():
            layers.setdefault(unit, {})[name] = layer
    if by == "district" and base is not None:
        for unit, layer in _burden(reader, query, base).items():
            layers.setdefault(unit, {})["负担"] = layer
    rated = {row.key: {"n": row.n, "n_effective": row.n_effective, "coverage": row.coverage} for row in index.rows}
    rows = [row.model_copy(update=rated.get(row.key, {})) for row in weighed(layers, scheme)]
    source = Source(
        query=query, n=index.source.n, computed_at=now(), versions={**index.source.versions, "weights": scheme.version}
    )
    return Composite(
        by=by, rows=tuple(rows), weights=scheme.shares, scheme=scheme.version, title=scheme.title, source=source
    )


def weighed(layers: Mapping[str, Mapping[str, Layer]], scheme: Scheme) -> list[CompositeRow]:
    """Rows by value, the highest first; units without a value last."""
    rows = [_row(unit, found, scheme) for unit, found in layers.items()]
    latent = common(rows)
    rows = [row.model_copy(update={"latent": latent.get(row.key)}) for row in rows]
    return sorted(rows, key=lambda row: (row.value is None, -(row.value or 0.0), row.key))


def reweighed(made: Composite, scheme: Scheme) -> Composite:
    """The same layers by another scheme."""
    rated = {row.key: {"n": row.n, "n_effective": row.n_effective, "coverage": row.coverage} for row in made.rows}
    found = weighed({row.key: {layer.name: layer for layer in row.layers} for row in made.rows}, scheme)
    rows = [row.model_copy(update=rated[row.key]) for row in found]
    source = made.source.model_copy(update={"versions": {**made.source.versions, "weights": scheme.version}})
    return made.model_copy(
        update={
            "rows": tuple(rows),
            "weights": scheme.shares,
            "scheme": scheme.version,
            "title": scheme.title,
            "source": source,
        }
    )


def _share_layer(reader: Reader, query: Query, by: By, name: str, metric: str) -> dict[str, Layer]:
    found = {unit: one for unit, one in measure_by(reader, metric, query, by).items() if one.denominator}
    if not found:
        return {}
    hits, n = (
        np.array([getattr(one, part) for one in found.values()], dtype=np.float64)
        for part in ("numerator", "denominator")
    )
    version = definition(metric, last_day(query)).version
    return _layers(name, list(found), shares(hits, n), n, version)


def _burden(reader: Reader, query: Query, base: BaseData) -> dict[str, Layer]:
    found = {
        u: one
        for u, one in measure_by(reader, "received_per_10k", query, "district", base=base).items()
        if one.denominator
    }
    if not found:
        return {}
    counts, people = (
        np.array([getattr(one, part) for one in found.values()], dtype=np.float64)
        for part in ("numerator", "denominator")
    )
    law = rates(counts, people)
    middle = float(np.median(law.value))

    def score(rate: Floats) -> Floats:
        return 100.0 / (1.0 + rate / middle)

    # More demands are a lower score: the ends change places.
    turned = Shrunk(
        score(law.value), score(law.high), score(law.low), score(law.high90), score(law.low90), law.deviation
    )
    return _layers("负担", list(found), turned, counts, definition("received_per_10k", last_day(query)).version)


def _layers(name: str, units: Sequence[str], law: Shrunk, n: Floats, version: str) -> dict[str, Layer]:
    found = {}
    for i, unit in enumerate(units):
        ends = {end: round(float(getattr(law, end)[i]), 2) for end in ("value", "low", "high", "low90", "high90")}
        found[unit] = Layer(name=name, n=int(n[i]), metric=version, **(ends if n[i] >= MIN_RATINGS else {}))
    return found


def _row(unit: str, found: Mapping[str, Layer], scheme: Scheme) -> CompositeRow:
    weights = scheme.shares
    known = {name: layer for name, layer in found.items() if layer.value is not None and name in weights}
    ordered = tuple(found[name] for name in LAYERS if name in found)
    missing = tuple(name for name in weights if name not in known)
    held = sum(weights[name] for name in known)
    if held < LEAST_SHARE:
        return CompositeRow(key=unit, layers=ordered, missing=missing, status="样本不足")
    own = {name: weights[name] / held for name in known}
    value = sum(share * (known[name].value or 0.0) for name, share in own.items())
    # Layers are estimated from different answers of partly the same people: independent errors are an approximation.
    spread = sum((own[name] * _deviation(layer)) ** 2 for name, layer in known.items()) ** 0.5
    low, high = band(own, {name: layer.value or 0.0 for name, layer in known.items()})
    return CompositeRow(
        key=unit, value=round(value, 2), low=_clip(value - _Z95 * spread), high=_clip(value + _Z95 * spread),
        low90=_clip(value - _Z90 * spread), high90=_clip(value + _Z90 * spread), band_low=round(low, 2), band_high=round(high, 2),
        layers=ordered, missing=missing, status="ok",
    )  # fmt: skip


def _deviation(layer: Layer) -> float:
    return ((layer.high or 0.0) - (layer.low or 0.0)) / (2 * _Z95)


def _clip(value: float) -> float:
    return round(min(max(value, 0.0), 100.0), 2)


def band(weights: Mapping[str, float], values: Mapping[str, float]) -> tuple[float, float]:
    """Lowest and highest weighted mean if every weight may be `BAND` smaller or larger.

    The extremes put the large weights on one end of the values in order and the small ones on the other; which cut is best is tried.
    """
    order = sorted(weights, key=lambda name: values[name])
    means = []
    for cut in range(len(order) + 1):
        for first, last in ((1 + BAND, 1 - BAND), (1 - BAND, 1 + BAND)):
            moved = {name: weights[name] * (first if place < cut else last) for place, name in enumerate(order)}
            means.append(sum(moved[name] * values[name] for name in order) / sum(moved.values()))
    return min(means), max(means)


def common(rows: Sequence[CompositeRow]) -> dict[str, float]:
    """What the layers have in common: the score of each unit on their first factor, brought to the composite's mean and spread.

    The noise of each layer is taken out of the correlations, so that a layer that only rattles has no say. Units with every layer; none
    where there are fewer than eight of them or fewer than two layers.
    """
    whole = [row for row in rows if row.value is not None]
    names = [
        n
        for n in LAYERS
        if whole and all(any(one.name == n and one.value is not None for one in row.layers) for row in whole)
    ]
    if len(whole) < LEAST_UNITS or len(names) < 2:
        return {}
    by_name = [{one.name: one for one in row.layers} for row in whole]
    values = np.array([[layers[name].value or 0.0 for name in names] for layers in by_name])
    noise = np.array([[_deviation(layers[name]) ** 2 for name in names] for layers in by_name]).mean(axis=0)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    if (spread < 1e-9).any():
        return {}
    signal = np.cov(centred.T / spread[:, None], ddof=0)
    signal[np.diag_indices(len(names))] = np.maximum(1.0 - noise / spread**2, 0.05)
    loading = np.linalg.eigh(signal)[1][:, -1]
    score = (centred / spread) @ (loading * np.sign(loading.sum()))
    totals = np.array([row.value or 0.0 for row in whole])
    scaled = totals.mean() + score / max(float(score.std()), 1e-9) * totals.std()
    return {row.key: _clip(float(one)) for row, one in zip(whole, scaled, strict=True)}
