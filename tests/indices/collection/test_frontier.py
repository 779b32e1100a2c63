"""The frontier's rules, on both engines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

import indices.collection.tables  # noqa: F401 - declares its tables
from indices.collection.frontier import DAY, FAILURES, Frontier, Page, Visit, Wanted, revisit_seconds
from indices.collection.places import Places

NOW = 1_772_000_000.0


@pytest.fixture
def frontier(database: Engine) -> Frontier:
    made = Frontier(database, "m", revisit_days=30, stop_after=2)
    made.start([Wanted("http://a.example/list", "list")], 1, NOW)
    return made


def the_list(frontier: Frontier, now: float = NOW) -> Page:
    [page] = [page for page in frontier.due(100, now) if page.role == "list"]
    return page


def details(*numbers: int, mark: str = "") -> list[Wanted]:
    return [Wanted(f"http://a.example/{n}", "detail", mark=mark) for n in numbers]


def urls(frontier: Frontier, now: float) -> list[str]:
    return [page.url.rpartition("/")[2] for page in frontier.due(100, now)]


def test_what_a_list_found_is_due_in_its_order_and_the_list_is_not(frontier: Frontier) -> None:
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(3, 2, 1))], 1, NOW)
    assert urls(frontier, NOW + 1) == ["3", "2", "1"]
    assert next(page.url for page in frontier.due(9, NOW + 1, {frontier.due(1, NOW + 1)[0].key})).endswith("/2")
    assert frontier.counts() == {"known": 4, "wanted": 3, "read": 1}


def test_a_known_page_is_wanted_again_only_when_the_list_shows_a_change(frontier: Frontier) -> None:
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(1, 2, mark="办理中"))], 1, NOW)
    frontier.keep([Visit(page, NOW, 200, settled=True) for page in frontier.due(9, NOW + 1)], 1, NOW)
    assert urls(frontier, NOW + 90 * DAY) == []
    frontier.start([Wanted("http://a.example/list", "list")], 2, NOW)
    found = [*details(1, mark="办理中"), *details(2, mark="已回复")]
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=found)], 2, NOW)
    assert urls(frontier, NOW + 1) == ["2"]


def test_sessions_and_order_in_an_address_make_no_other_page(frontier: Frontier) -> None:
    forms = (
        "http://a.example/1?a=1&b=2",
        "http://A.example:80/1?b=2&a=1#top",
        "http://a.example/1;jsessionid=9?a=1&b=2&utm_source=x",
    )
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=[Wanted(form, "detail") for form in forms])], 1, NOW)
    assert len(frontier.due(9, NOW + 1)) == 1


def test_list_pages_without_news_end_a_round(frontier: Frontier) -> None:
    def following(depth: int) -> list[Wanted]:
        return [Wanted(f"http://a.example/list?p={depth}", "list", depth)]

    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(1), following=following(1))], 1, NOW)
    for depth in (2, 3, 4):
        pages = [page for page in frontier.due(9, NOW + 1) if page.role == "list"]
        if not pages:
            break
        frontier.keep([Visit(pages[0], NOW, 200, found=details(1), following=following(depth))], 1, NOW)
    assert depth == 4, "two pages without anything new, and no third"


def test_a_letter_is_visited_until_it_is_answered_or_too_old(frontier: Frontier) -> None:
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(1))], 1, NOW)
    now, visits = NOW + 1, 0
    while pages := frontier.due(9, now + 20 * DAY):
        now = max(now, NOW + visits * DAY)
        frontier.keep([Visit(pages[0], now, 200, digest="same")], 1, now)
        visits += 1
        now += 10 * DAY
        assert visits < 50
    assert 2 <= visits <= 20


def test_a_page_that_fails_is_tried_ever_later_and_never_forgotten_at_once(frontier: Frontier) -> None:
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(1))], 1, NOW)
    now, waits = NOW + 1, []
    for _ in range(FAILURES):
        [page] = frontier.due(9, now)
        frontier.keep([Visit(page, now, 500, error="HTTP 500")], 1, now)
        step = 1.0
        while not frontier.due(9, now + step):
            step *= 1.1
        waits.append(step)
        now += step
    assert waits == sorted(waits)
    assert 60 <= waits[0] < 70
    assert waits[-1] >= 7 * DAY
    [page] = frontier.due(9, now)
    frontier.keep([Visit(page, now, 200, settled=True)], 1, now)
    assert frontier.due(9, now + 90 * DAY) == []


def test_not_modified_keeps_what_makes_the_next_request_conditional(frontier: Frontier) -> None:
    frontier.keep([Visit(the_list(frontier), NOW, 200, found=details(1))], 1, NOW)
    [page] = frontier.due(9, NOW + 1)
    frontier.keep([Visit(page, NOW, 200, etag='"a"', modified="Mon", digest="d")], 1, NOW)
    [page] = frontier.due(9, NOW + 2 * DAY)
    frontier.keep([Visit(page, NOW + 2 * DAY, 304)], 1, NOW + 2 * DAY)
    [page] = frontier.due(9, NOW + 29 * DAY)
    assert (page.etag, page.modified, page.digest, page.visits, page.changes) == ('"a"', "Mon", "d", 2, 0)


def test_sources_do_not_see_each_other(database: Engine, frontier: Frontier) -> None:
    other = Frontier(database, "n")
    assert other.due(9, NOW) == []
    other.start([Wanted("http://a.example/list", "list")], 1, NOW)
    assert len(frontier.due(9, NOW)) == 1


@given(n=st.integers(1, 40), changes=st.integers(0, 40), days=st.floats(0.01, 400))
def test_what_changes_oftener_is_visited_oftener(n: int, changes: int, days: float) -> None:
    changes = min(changes, n - 1)
    wait = revisit_seconds(n, changes, days * DAY)
    assert DAY <= wait <= 14 * DAY
    assert wait >= revisit_seconds(n, changes + 1, days * DAY) if changes < n - 1 else True


def test_places_tell_a_run_that_died_from_one_that_ended(database: Engine) -> None:
    places = Places(database)
    assert places.get("m").asked_for() is False
    places.want("m")
    assert places.get("m").asked_for()
    places.begin("m")
    assert places.get("m").unfinished
    assert not places.get("m").asked_for()
    places.move("m", {"cursor": "2026-03-01", "n": 7})
    places.end("m", "读完", error="", not_before=5.0)
    place = places.get("m")
    assert (place.unfinished, place.reason, place.position, place.not_before) == (
        False,
        "读完",
        {"cursor": "2026-03-01", "n": 7},
        5.0,
    )
    places.begin("m")
    assert places.get("m").unfinished, "also where the clock did not move"
    places.pause("m")
    assert places.all()["m"].paused
    assert (places.turn("m"), places.turn("m")) == (1, 2)
