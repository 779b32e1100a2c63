"""Whose turn it is: sources that are due, the one that has waited longest for its rhythm first, so that none starves however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indices.collection.places import Place


@dataclass(frozen=True, slots=True)
class Turn:
    """What the choice needs of a source. `open`: whether this is an hour in which it may be asked."""

    source: str
    every_seconds: float
    open: bool = True


def due(turns: Iterable[Turn], places: Mapping[str, Place], now: float, room: int) -> list[str]:
    """At most `room` names, in order: those somebody asked for, then by how many of its own rhythms a source waits beyond its time.

    A source that never ran has waited for ever; of several such the order is that of their names.
    """
    chosen: list[tuple[int, float, str]] = []
    for turn in turns:
        place = places.get(turn.source, Place(turn.source))
        wanted = place.asked_for()
        if (place.paused or not turn.open or place.not_before > now) and not wanted:
            continue
        if place.began_at is None:
            waited = float("inf")
        else:
            waited = (now - place.began_at) / turn.every_seconds
            waited = (
                max(waited, 1.0) if place.unfinished else waited
            )  # it died; one that is at work holds the source's lock
        if wanted or waited >= 1.0:
            chosen.append((0 if wanted else 1, -waited, turn.source))
    return [name for _, _, name in sorted(chosen)[:room]]
