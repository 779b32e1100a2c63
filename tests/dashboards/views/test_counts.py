from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboards.views import counts
from models.query import Query

DAY = date(2026, 11, 23)


def test_window_takes_whole_city_days(city: ModuleType, kept: Any) -> None:
    one = kept.search(counts.window(DAY, DAY).model_copy(update={"size": 100}))
    assert one.total > 0
    assert {hit.record.keywords_of()["day"] for hit in one.hits} == {DAY.isoformat()}


def test_by_day_counts_empty_days_too(kept: Any) -> None:
    since = DAY - timedelta(days=70)
    daily = counts.by_day(kept, counts.window(since, DAY), since, DAY)
    assert len(daily) == 71
    assert daily[since] == 0
    assert sum(daily.values()) == kept.search(Query(size=0)).total


def test_by_day_respects_the_district(kept: Any) -> None:
    whole = counts.by_day(kept, counts.window(DAY, DAY), DAY, DAY)[DAY]
    parts = [
        counts.by_day(kept, counts.window(DAY, DAY, d), DAY, DAY)[DAY]
        for d in ("东桥区", "南浦区", "北苑区", "云台区", "清溪县", "白石县")
    ]
    assert sum(parts) == whole
    assert max(parts) < whole


def test_shares_are_of_all_values_not_of_those_shown(kept: Any) -> None:
    shown = counts.shares(kept, counts.window(DAY, DAY), "channel", top=2)
    assert len(shown) == 2
    assert shown[0].count + shown[1].count < shown[0].whole
    assert shown[0].name == "热线电话"
    assert shown[0].width == round(100 * shown[0].count / shown[0].whole, 2)


def test_expectation_is_the_mean_of_the_same_weekday() -> None:
    daily = {DAY - timedelta(weeks=k): 10 * k for k in range(1, 5)}
    assert counts.expectation(daily, DAY) == 25.0
    assert counts.expectation({DAY - timedelta(weeks=1): 10}, DAY) is None


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)), st.integers(0, 900), st.sampled_from(("day", "week", "month")))
def test_buckets_cover_every_day_once(first: date, length: int, field: str) -> None:
    last = first + timedelta(days=length)
    buckets = counts.bucket_days(field, first, last)
    assert buckets[0][1] == first
    assert buckets[-1][2] == last
    assert all(a[2] + timedelta(days=1) == b[1] for a, b in pairwise(buckets))
    assert len({key for key, _, _ in buckets}) == len(buckets)


def test_bucket_keys_are_the_stores_own(kept: Any) -> None:
    for field in ("day", "week", "month"):
        keys = {bucket.keys[0] for bucket in kept.aggregate(Query(), [field])}
        assert keys <= {key for key, _, _ in counts.bucket_days(field, DAY - timedelta(days=61), DAY)}


def test_a_span_gets_a_readable_number_of_bars() -> None:
    assert [counts.bucket_of(days) for days in (1, 92, 93, 731, 732)] == ["day", "day", "week", "week", "month"]
    assert counts.month_end(date(2026, 12, 5)) == date(2026, 12, 31)
    assert counts.month_end(date(2028, 2, 1)) == date(2028, 2, 29)


def test_repeats_count_people_and_never_name_them(city: ModuleType) -> None:
    issue = city.ISSUES[0]
    random = city.Random(1)
    kept = city.store(
        [city.record(i, city.day_start(DAY), issue, random, speaker="p1" if i < 4 else f"q{i}") for i in range(9)]
    )
    speakers, records, topics = counts.repeated(kept, counts.window(DAY, DAY), 3)
    assert (speakers, records, dict(topics)) == (1, 4, {"环境保护": 4})


def test_values_are_named_in_the_readers_words() -> None:
    assert counts.label_of("department", "城管") == "城市管理和综合执法"
    assert counts.label_of("rating", "5") == "非常满意"
    assert counts.label_of("urgency", "3") == "特急"
    assert counts.label_of("district", "东桥区") == "东桥区"
    assert counts.label_of("channel", "没见过的") == "没见过的"


def test_the_newest_day_is_that_of_the_newest_record(city: ModuleType, kept: Any) -> None:
    assert counts.newest_day(kept) == DAY
    assert counts.newest_day(city.store([])) is None
    assert counts.values(kept, Query(), "district", 2) == ["东桥区", "南浦区"]
