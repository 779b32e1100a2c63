"""Whose turn it is, and that ten thousand sources all get theirs."""

from __future__ import annotations

import heapq
from random import Random

from crawlers.turns import Turn, due
from indices.collection.places import Place

NOW = 1_000_000.0
HOUR = 3_600.0


def test_the_wanted_come_first_then_who_waits_longest_for_its_own_rhythm() -> None:
    turns = [
        Turn("hourly", HOUR),
        Turn("daily", 24 * HOUR),
        Turn("new", HOUR),
        Turn("wanted", HOUR),
        Turn("fresh", HOUR),
    ]
    places = {"hourly": Place("hourly", began_at=NOW - 3 * HOUR, ended_at=NOW - HOUR), "daily": Place("daily", began_at=NOW - 48 * HOUR, ended_at=NOW - 47 * HOUR),
              "wanted": Place("wanted", began_at=NOW - 60, ended_at=NOW - 50, wanted_at=NOW - 10), "fresh": Place("fresh", began_at=NOW - 60, ended_at=NOW)}  # fmt: skip
    assert due(turns, places, NOW, 10) == ["wanted", "new", "hourly", "daily"]
    assert due(turns, places, NOW, 2) == ["wanted", "new"]


def test_paused_closed_and_unwelcome_sources_wait_unless_somebody_asks() -> None:
    turns = [Turn("paused", HOUR), Turn("closed", HOUR, open=False), Turn("unwelcome", HOUR)]
    places = {"paused": Place("paused", paused=True), "unwelcome": Place("unwelcome", not_before=NOW + 5)}
    assert due(turns, places, NOW, 10) == []
    places["paused"] = Place("paused", paused=True, wanted_at=NOW - 1)
    assert due(turns, places, NOW, 10) == ["paused"]


def test_a_run_that_died_is_taken_up_at_the_next_look() -> None:
    died = {"m": Place("m", began_at=NOW - 60, ended_at=NOW - 7_200)}
    assert due([Turn("m", 24 * HOUR)], died, NOW, 1) == ["m"]


def test_ten_thousand_sources_all_get_their_turn() -> None:
    """A day of looks every five minutes with room for fewer than are due: nobody waits twice as long as the load makes everybody wait."""
    draw = Random(1)
    turns = [Turn(f"s{n:05}", draw.choice((2, 6, 24)) * HOUR) for n in range(10_000)]
    rhythm = {turn.source: turn.every_seconds for turn in turns}
    places: dict[str, Place] = {}
    longest: dict[str, float] = {}
    ending: list[tuple[float, str]] = []
    for look in range(2 * 288):
        now = NOW + 300.0 * look
        while ending and ending[0][0] <= now:
            at, name = heapq.heappop(ending)
            places[name] = Place(name, began_at=places[name].began_at, ended_at=at)
        busy = {name for _, name in ending}
        for name in due((turn for turn in turns if turn.source not in busy), places, now, 200 - len(ending)):
            before = places.get(name)
            if before is not None and before.began_at is not None:
                longest[name] = max(longest.get(name, 0.0), (now - before.began_at) / rhythm[name])
            places[name] = Place(name, began_at=now, ended_at=None)
            heapq.heappush(ending, (now + draw.uniform(60, 600), name))
    assert len(places) == 10_000, "none starves"
    waits = sorted(longest.values())
    assert waits[-1] <= 2 * waits[len(waits) // 2] + 1
