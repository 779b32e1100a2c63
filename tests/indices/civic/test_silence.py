"""One rule for all who ask whether a feed is broken: what counts as a rhythm, as late, as silent, as ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.posts import post_of
from indices.civic.silence import (
    ENDED_DAYS,
    HISTORY_DAYS,
    Rhythm,
    deliveries_of,
    loud_sources,
    rhythm,
    silent_sources,
)
from models.clock import city_day
from models.figures import LoudSource
from models.record import Record

LAST = date(2026, 3, 31)
START = datetime(2026, 1, 1, 2, tzinfo=UTC)


def feed(*gaps: int, quiet: int = 0, each: int = 3) -> dict[date, int]:
    """Days of delivery with these numbers of empty days between them, the newest `quiet` whole days before the end of LAST."""
    days = [LAST - timedelta(days=quiet)]
    for gap in reversed(gaps):
        days.append(days[-1] - timedelta(days=gap + 1))
    return dict.fromkeys(days, each)


def state(counts: Mapping[date, int], last: date = LAST) -> str:
    found = rhythm(counts, last)
    assert found is not None
    return found.state


DAILY = (0,) * 40
WEEKDAYS = (0, 0, 0, 0, 2) * 8


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (feed(*DAILY), "usual"),
        (feed(*DAILY, quiet=1), "late"),  # 3 would have come: none by chance in 5 of 100 cases
        (feed(*DAILY, quiet=2), "silent"),  # 6 would have come
        (feed(*DAILY, quiet=1, each=1), "usual"),
        (feed(*DAILY, quiet=3, each=1), "late"),
        (feed(*DAILY, quiet=5, each=1), "silent"),
        (feed(*DAILY, quiet=1, each=900), "late"),  # a single day is never called silence
        (feed(*DAILY, quiet=2, each=900), "silent"),
        (feed(*WEEKDAYS, quiet=2), "usual"),  # a weekend, as every week
        (feed(*WEEKDAYS, quiet=3), "silent"),
        (feed(*DAILY, 8, 0, 0, quiet=8), "usual"),  # it has paused so long before
        (feed(*DAILY, 8, 0, 0, quiet=9), "silent"),
        (feed(*[6] * 8, quiet=7, each=1), "usual"),  # one was to come: nothing to be sure of
        (feed(*[6] * 8, quiet=20, each=1), "late"),
        (feed(*[6] * 8, quiet=34, each=1), "silent"),
        (feed(*DAILY, quiet=ENDED_DAYS), "silent"),
        (feed(*DAILY, quiet=ENDED_DAYS + 1), "ended"),
        (feed(*DAILY, quiet=900), "ended"),
        (feed(*(0,) * 12, quiet=9), "no rhythm"),  # 13 days
        (feed(*(0,) * 13, quiet=9), "silent"),  # 14 days
        (feed(quiet=3, each=100_000), "no rhythm"),  # a file
    ],
)  # fmt: skip
def test_the_state_of_a_source(counts: dict[date, int], expected: str) -> None:
    assert state(counts) == expected


def test_what_was_long_before_does_not_count() -> None:
    old = {LAST - timedelta(days=quiet): 9_999 for quiet in (HISTORY_DAYS + 100, HISTORY_DAYS + 3)}
    assert rhythm(feed(*DAILY, quiet=2) | old, LAST) == rhythm(feed(*DAILY, quiet=2), LAST)


def test_a_day_that_is_not_over_counts_where_something_came() -> None:
    counts = feed(*DAILY, quiet=5)
    assert state(counts) == "silent"
    assert state(counts | {LAST + timedelta(days=1): 1}) == "usual"


def test_the_numbers_behind_it() -> None:
    assert rhythm(feed(*WEEKDAYS, quiet=4), LAST) == Rhythm(count=123, span_days=57, longest_days=2, quiet_days=4)
    found = rhythm(feed(*DAILY, quiet=4, each=2), LAST)
    assert found is not None
    assert found.missing == pytest.approx(8)
    assert rhythm({}, LAST) is None


days = st.dictionaries(st.integers(0, 200).map(lambda n: LAST - timedelta(days=n)), st.integers(1, 500), min_size=1)


@given(days, st.integers(0, 100))
def test_a_longer_silence_is_never_less_of_one(counts: dict[date, int], more: int) -> None:
    order = ["usual", "late", "silent", "ended"]
    now, later = state(counts), state(counts, LAST + timedelta(days=more))
    assert (now == "no rhythm") == (later == "no rhythm")
    assert now == "no rhythm" or order.index(now) <= order.index(later)


@given(days)
def test_who_holds_the_last_120_days_sees_what_all_see(counts: dict[date, int]) -> None:
    """The search for hotspots holds no more; the pages count over everything."""
    newest = {day: n for day, n in counts.items() if day > LAST - timedelta(days=120)}
    assert (state(counts) == "silent") == bool(newest and state(newest) == "silent")


def test_posts_and_counts_say_the_same(record: Callable[..., Record]) -> None:
    def posts(source: str, at: list[int]) -> list[Record]:
        return [record(hash_, START + timedelta(days=day, hours=hour), "路灯", "不亮", source=source)
                for hash_, (day, hour) in enumerate((d, h) for d in at for h in (1, 5, 9))]  # fmt: skip

    found = deliveries_of([
        post_of(one)
        for source, at in {
            "hotline": list(range(60)), "board": list(range(50)), "weekly": list(range(0, 60, 7)), "import": [30, 31],
            "weekends": [d for d in range(60) if d % 7 > 4], "arrears": list(range(45)),
        }.items()
        for one in posts(source, at)
    ])  # fmt: skip
    last = city_day(START + timedelta(days=59))
    assert found["import"] == {city_day(START + timedelta(days=day)): 3 for day in (30, 31)}
    assert silent_sources(found, last) == ("arrears", "board")
    assert silent_sources(found, last + timedelta(days=90)) == ()
    assert silent_sources({}, last) == ()


def test_a_source_is_loud_when_it_brings_thrice_its_busiest_day() -> None:
    last = date(2026, 3, 31)
    usual = {last - timedelta(days=back): 20 + back % 10 for back in range(1, 40)}
    assert loud_sources({"热线": usual | {last: 86}}, last) == ()
    assert loud_sources({"热线": usual | {last: 87}}, last) == (LoudSource(source="热线", count=87, most=29),)
    assert loud_sources({"热线": usual}, last) == ()
    few = {last - timedelta(days=back): 1 for back in range(1, 40)}
    assert loud_sources({"信箱": few | {last: 49}}, last) == ()  # ten letters are no flood
    young = {last - timedelta(days=back): 20 for back in range(1, 10)}
    assert loud_sources({"新来源": young | {last: 5_000}}, last) == ()  # nobody knows yet what is usual
    assert loud_sources({}, last) == ()
