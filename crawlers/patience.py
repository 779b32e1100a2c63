"""Waiting for room in the inbox (promise R6): who collects can wait, and nothing more is asked of a source meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from models.errors import InboxFull
from models.item import Item

LONGEST_SECONDS: Final = 600.0
LONGEST_STEP_SECONDS: Final = 10.0

Accept = Callable[[list[Item]], int]


def patiently(accept: Accept, items: list[Item], *, longest_seconds: float = LONGEST_SECONDS) -> int:
    """Offer items until there is room. Raises InboxFull after `longest_seconds`; what was offered is then not taken, and offered again later."""
    until = time.monotonic() + longest_seconds
    while True:
        try:
            return accept(items)
        except InboxFull as full:
            if time.monotonic() > until:
                raise
            time.sleep(min(float(full.fields.get("retry_after_seconds", 1)), LONGEST_STEP_SECONDS))
