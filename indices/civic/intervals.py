"""The interval of one share (Wilson 1927); without numpy, because the start of the server reads it."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

_DIGITS: Final = 2


def wilson(hits: int, n: int, *, mass: float = 0.95) -> tuple[float, float]:
    """Ends of the interval of a share, per cent (Wilson 1927). n > 0."""
    share, z = hits / n, NormalDist().inv_cdf((1 + mass) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return round(100 * max(0.0, middle - half), _DIGITS), round(100 * min(1.0, middle + half), _DIGITS)
