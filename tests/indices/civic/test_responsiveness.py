"""Shares answered in time and median waits, by hand and against what they must be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.responsiveness import LEAST, Responsiveness, responsiveness
from models.errors import BadRequest
from models.record import Record

MONDAY = datetime(2026, 3, 2, 2, tzinfo=UTC)
END = date(2026, 6, 30)


def order(number: int, wait: int | None, *, begin: datetime = MONDAY, **fields: Any) -> Record:
    """One of a Monday, answered `wait` days later."""
    replied = None if wait is None else begin + timedelta(days=wait)
    base: dict[str, Any] = {
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "信箱", "channel": "信箱", "title": "t", "text": "x", "created_at": begin,
        "replied_at": replied,
    }  # fmt: skip
    return Record.model_validate(base | fields)


def only(rows: list[Responsiveness]) -> Responsiveness:
    [row, whole] = rows
    assert (row.orders, row.share, row.median) == (whole.orders, whole.share, whole.median)
    assert whole.key == "总体"
    return row


def test_by_hand() -> None:
    # 20 answered on the next Monday (5 working days), 10 after three weeks and a day (16), 10 never
    waits = [7] * 20 + [22] * 10 + [None] * 10
    row = only(responsiveness([order(i, wait) for i, wait in enumerate(waits)], "year", END))
    assert (row.key, row.orders, row.answered, row.due) == ("2026", 40, 30, 40)
    assert row.share == pytest.approx(50.0)
    assert (row.low, row.high) == pytest.approx((35.2, 64.8), abs=0.05)  # Wilson, 20 of 40
    assert row.median == 5
    assert row.median_low == 5
    later = only(responsiveness([order(i, wait) for i, wait in enumerate(waits)], "year", END, limit=16))
    assert later.share == pytest.approx(75.0)


def test_what_is_not_due_yet_counts_in_the_median_alone() -> None:
    fresh = MONDAY + timedelta(days=84)
    end = (fresh + timedelta(days=3)).date()
    waits = [order(i, 7) for i in range(40)] + [order(100 + i, 1 if i < 20 else None, begin=fresh) for i in range(40)]
    row = only(responsiveness(waits, "year", end))
    assert (row.orders, row.answered, row.due, row.share) == (80, 60, 40, 100.0)
    assert row.median == 5


def test_an_answer_after_the_end_of_the_data_is_none_yet() -> None:
    row = only(responsiveness([order(i, 30) for i in range(40)], "month", date(2026, 3, 31)))
    assert (row.answered, row.share, row.median) == (0, 0.0, None)


def test_an_order_that_was_closed_is_answered_and_one_dated_before_it_came_waited_not_at_all() -> None:
    closed = [order(i, None, closed_at=MONDAY + timedelta(days=1)) for i in range(LEAST)]
    assert only(responsiveness(closed, "year", END)).median == 1
    before = [order(i, -9) for i in range(LEAST)]
    assert only(responsiveness(before, "year", END)).median == 0


def test_too_few_have_no_figure() -> None:
    row = only(responsiveness([order(i, 7) for i in range(LEAST - 1)], "year", END))
    assert (row.share, row.low, row.median, row.orders) == (None, None, None, LEAST - 1)


def test_by_units_the_largest_first_and_years_in_order() -> None:
    records = [order(i, 7, district="甲区" if i < 40 else "乙区", department=None) for i in range(120)]
    assert [row.key for row in responsiveness(records, "district", END)] == ["乙区", "甲区", "总体"]
    assert [row.key for row in responsiveness(records, "department", END)] == ["未注明", "总体"]
    old = [order(200 + i, 7, begin=MONDAY - timedelta(days=800)) for i in range(3)]
    assert [row.key for row in responsiveness(records + old, "year", END)] == ["2023", "2026", "总体"]
    assert responsiveness([], "year", END) == []


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(BadRequest, match="至少 1 个工作日"):
        responsiveness([], "year", END, limit=0)


@given(st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=LEAST, max_size=60))
def test_the_median_lies_within_its_interval_and_among_the_waits(waits: list[int | None]) -> None:
    row = responsiveness([order(i, wait) for i, wait in enumerate(waits)], "year", END)[-1]
    if row.median is None:
        assert sum(wait is not None for wait in waits) < len(waits) / 2 + 1
        return
    assert row.median_low is not None
    assert row.median_low <= row.median
    assert row.median_high is None or row.median <= row.median_high
