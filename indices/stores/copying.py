"""Moving records from one store to another: by scan, in batches, resumable because revisions decide."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from models.errors import StoreUnavailable
from models.ports import Store
from models.query import Outcome, Query, Receipt
from models.record import Record

BATCH = 500
# A batch is tried for about half a minute: a restarting Elasticsearch is back by then, a broken one is worth a message.
PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 10.0)
REASONS_SHOWN = 5


class Scanned(Protocol):
    """What can be copied."""

    def scan(self, query: Query) -> Iterator[Record]: ...


@dataclass
class Copied:
    """What became of the records that were read."""

    read: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    """Id and reason of the first few."""

    @property
    def kept(self) -> int:
        """Records that the target holds now, in this or a later revision; its total is at least this."""
        return self.read - self.outcomes[Outcome.REJECTED]

    @property
    def books(self) -> dict[str, int]:
        return {"read": self.read} | {outcome.value: self.outcomes[outcome] for outcome in Outcome}


def copy(
    source: Scanned,
    target: Store,
    *,
    batch: int = BATCH,
    progress: Callable[[int], object] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Copied:
    """Every record of `source` into `target`. A record that the target holds in this or a later revision stays as it is there,
    so a copy that broke off is simply begun again.

    Raises StoreUnavailable where a store stays away; what was copied by then stays copied.
    """
    copied = Copied()
    records = source.scan(Query())
    while part := list(islice(records, batch)):
        receipt = _patiently(target, part, sleep)
        copied.read += len(part)
        copied.outcomes.update(receipt.outcomes)
        for record, reason in zip(part, receipt.reasons or ("",) * len(part), strict=True):
            if reason and len(copied.rejected) < REASONS_SHOWN:
                copied.rejected.append((record.id, reason))
        if progress:
            progress(copied.read)
    return copied


def _patiently(target: Store, part: Sequence[Record], sleep: Callable[[float], object]) -> Receipt:
    for pause in PAUSES_SECONDS:
        try:
            return target.upsert(part)
        except StoreUnavailable:
            sleep(pause)
    return target.upsert(part)
