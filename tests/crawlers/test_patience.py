"""R6: who collects waits for room in the inbox."""

from __future__ import annotations

import pytest

from crawlers import patience
from models.errors import InboxFull
from models.item import Item, Payload

ITEMS = [Item(source="s", payload=Payload(text="x"))]


def test_full_means_wait_and_then_all_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waits.append)
    answers = iter(
        [InboxFull(waiting=9, limit=9, retry_after_seconds=4), InboxFull(waiting=9, limit=9, retry_after_seconds=60)]
    )

    def accept(items: list[Item]) -> int:
        for full in answers:
            raise full
        return len(items)

    assert patience.patiently(accept, ITEMS) == 1
    assert waits == [4.0, patience.LONGEST_STEP_SECONDS]


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience.time, "sleep", lambda _: None)

    def accept(_: list[Item]) -> int:
        raise InboxFull(waiting=9, limit=9, retry_after_seconds=1)

    with pytest.raises(InboxFull):
        patience.patiently(accept, ITEMS, longest_seconds=0.01)
