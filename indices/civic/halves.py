"""The two halves of a group that are least alike, for the split pass: 2-means by mean similarity, from the least alike pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST: Final = 2
"""One member by itself may merely not say where it is."""
MOST: Final = 3_000
"""Members of which all pairs are compared; a larger group is left whole."""
_ROUNDS: Final = 10


def halves(rows: csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Positions of the members of either half, that of the first member first.

    Args:
        rows: (n, f) of the members (`indices.civic.vectors`).

    Returns:
        None where a half would have fewer than `LEAST` members, or there are more than `MOST`.
    """
    n = rows.shape[0]
    if not 2 * LEAST <= n <= MOST:
        return None
    alike = (rows @ rows.T).toarray()
    own = alike.diagonal().copy()
    one, other = np.unravel_index(int(np.argmin(alike + 2 * np.eye(n))), alike.shape)
    second = alike[:, other] > alike[:, one]
    second[one], second[other] = False, True
    for _ in range(_ROUNDS):
        if min(second.sum(), (~second).sum()) < LEAST:
            return None
        to_first = (alike[:, ~second].sum(axis=1) - own * ~second) / ((~second).sum() - ~second)
        to_second = (alike[:, second].sum(axis=1) - own * second) / (second.sum() - second)
        moved = to_second > to_first
        if (moved == second).all():
            break
        second = moved
    if second[0]:
        second = ~second
    if min(second.sum(), (~second).sum()) < LEAST:
        return None
    return np.flatnonzero(~second), np.flatnonzero(second)
