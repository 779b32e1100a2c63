"""Why a mean changed: because its parts did, or because their shares did. The two add up to the change, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Part:
    """What a part added to the change, in points: `rate` by its own score, `mix` by its share of the whole."""

    name: str
    rate: float
    mix: float

    @property
    def total(self) -> float:
        return self.rate + self.mix


@dataclass(frozen=True, slots=True)
class Split:
    """`before` and `after` are means; `rate` + `mix` = `after` − `before`. The parts, the largest contribution first."""

    before: float
    after: float
    rate: float
    mix: float
    parts: tuple[Part, ...]


def split(before: Mapping[str, tuple[float, float]], after: Mapping[str, tuple[float, float]]) -> Split:
    """Σ w̄ Δs + Σ Δw (s̄ − S̄), with bars for the mean of both periods.

    Args:
        before, after: part → (weight, score); weights need not add up to one. A part that is in one period only has the score of that
            one in both, so all it does is mix.

    Raises:
        BadRequest: a period without weight, or a negative weight.
    """
    shares = [_shares(period) for period in (before, after)]
    names = sorted({*before, *after})
    scores = [[period.get(name, other.get(name, (0.0, 0.0)))[1] for name in names]
              for period, other in ((before, after), (after, before))]  # fmt: skip
    weights = [[share.get(name, 0.0) for name in names] for share in shares]
    means = [sum(w * s for w, s in zip(*pair, strict=True)) for pair in zip(weights, scores, strict=True)]
    middle = sum(means) / 2
    parts = [
        Part(name, (w0 + w1) / 2 * (s1 - s0), (w1 - w0) * ((s0 + s1) / 2 - middle))
        for name, w0, w1, s0, s1 in zip(names, *weights, *scores, strict=True)
    ]
    ordered = tuple(sorted(parts, key=lambda part: (-abs(part.total), part.name)))
    return Split(means[0], means[1], sum(part.rate for part in parts), sum(part.mix for part in parts), ordered)


def _shares(period: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    total = sum(weight for weight, _ in period.values())
    if not total > 0 or any(weight < 0 for weight, _ in period.values()):
        raise BadRequest(name="weights", value=str(total), reason="每个时段的权重须不为负，合计须大于 0")
    return {name: weight / total for name, (weight, _) in period.items()}
