"""Orders counted by what is known of them: what every figure of the index is computed from, whatever the number of orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.ports import Reader
from models.query import Bucket, Query

Ints = npt.NDArray[np.int64]
LEVELS: Final = 5
IDS_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Cells:
    """m combinations of values and how many orders have each.

    Attributes:
        names: field → its values in order of their text; "" stands where an order has none.
        codes: field → (m,) places in `names`.
        n: (m,) orders, all positive.
    """

    names: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Ints]
    n: Ints

    @property
    def orders(self) -> int:
        return int(self.n.sum())

    def kept(self, mask: npt.NDArray[np.bool_]) -> Cells:
        """Those of the cells that the mask (m,) names; the names of the fields stay."""
        return Cells(self.names, {field: codes[mask] for field, codes in self.codes.items()}, self.n[mask])

    def has(self, field: str, *values: str) -> npt.NDArray[np.bool_]:
        """(m,) whether the field has one of the values."""
        places = [place for place, name in enumerate(self.names[field]) if name in values]
        return np.isin(self.codes[field], places)

    def known(self, field: str) -> npt.NDArray[np.bool_]:
        """(m,) whether the field has a value."""
        return ~self.has(field, "")

    def merged(self, *fields: str) -> Cells:
        """Counted by these fields only."""
        sizes = [len(self.names[field]) for field in fields]
        place = np.ravel_multi_index(tuple(self.codes[field] for field in fields), sizes) if len(self.n) else self.n
        found, back = np.unique(place, return_inverse=True)
        n = np.bincount(back, self.n, len(found)).astype(np.int64)
        codes = np.unravel_index(found, sizes) if len(found) else tuple(found for _ in fields)
        names = {field: self.names[field] for field in fields}
        return Cells(names, {f: c.astype(np.int64) for f, c in zip(fields, codes, strict=True)}, n)

    def sums(self, field: str, weights: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
        """(values of the field,) orders, or orders times weights (m,)."""
        times = self.n.astype(np.float64) if weights is None else self.n * weights
        return np.bincount(self.codes[field], times, len(self.names[field])).astype(np.float64)

    def points(self) -> npt.NDArray[np.float64]:
        """(m,) the rating of each cell on 0–100, NaN where it has none."""
        by_name = [25.0 * (int(name) - 1) if name else np.nan for name in self.names["rating"]]
        return np.array(by_name, dtype=np.float64)[self.codes["rating"]]

    def ratings(self) -> tuple[Cells, Ints]:
        """The cells by all fields but `rating`, and (m, 5) how many of their orders have each, the lowest first."""
        rest = self.merged(*(field for field in self.names if field != "rating"))
        sizes = [len(rest.names[field]) for field in rest.names]
        own = np.ravel_multi_index(tuple(rest.codes.values()), sizes) if len(rest.n) else rest.n
        table = np.zeros((len(rest.n), LEVELS), dtype=np.int64)
        if not len(rest.n):
            return rest, table
        place = np.searchsorted(own, np.ravel_multi_index(tuple(self.codes[field] for field in rest.names), sizes))
        for code, name in enumerate(self.names["rating"]):
            if name:
                here = self.codes["rating"] == code
                np.add.at(table[:, int(name) - 1], place[here], self.n[here])
        return rest, table


def cells(reader: Reader, query: Query, fields: Sequence[str], *, exclude: Sequence[str] = ()) -> Cells:
    """The question's orders by one to twelve exact fields, without the records of the ids `exclude`."""
    table = reader.tabulate(query, fields)
    if not exclude:
        return cells_of(table, fields)
    left: Counter[tuple[str, ...]] = Counter({bucket.keys: bucket.count for bucket in table})
    for begin in range(0, len(exclude), IDS_AT_ONCE):
        for bucket in reader.tabulate(query.narrowed(id=tuple(exclude[begin : begin + IDS_AT_ONCE])), fields):
            left[bucket.keys] -= bucket.count
    return cells_of([Bucket(keys=keys, count=n) for keys, n in left.items() if n > 0], fields)


def cells_of(buckets: Sequence[Bucket], fields: Sequence[str]) -> Cells:
    """Buckets with one key for each of the fields."""
    names, codes = {}, {}
    for place, field in enumerate(fields):
        keys = [bucket.keys[place] for bucket in buckets]
        names[field] = tuple(sorted(set(keys)))
        number = {name: code for code, name in enumerate(names[field])}
        codes[field] = np.array([number[key] for key in keys], dtype=np.int64)
    return Cells(names, codes, np.array([bucket.count for bucket in buckets], dtype=np.int64))
