"""订阅: queries that somebody wants to hear of, and the newest records for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from indices.subscriptions import Subscription
from models.record import Record


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    one: Subscription
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionsView:
    rows: tuple[SubscriptionRow, ...]


def subscriptions_view(
    own: Sequence[tuple[Subscription, Sequence[tuple[str, datetime]]]], get: Callable[[str], Record | None]
) -> SubscriptionsView:
    """`get`: the viewer's own door: what he may not see any more is not shown."""
    return SubscriptionsView(tuple(
        SubscriptionRow(one, tuple(record for record_id, _ in found if (record := get(record_id)))) for one, found in own
    ))  # fmt: skip
