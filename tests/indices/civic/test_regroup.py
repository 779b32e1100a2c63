"""Groups from one day to the next: what was grouped keeps its name, what is new joins, what belongs together is merged."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.civic.grouping import MEMORY_DAYS, group_posts
from indices.civic.posts import Post, post_of
from indices.civic.regroup import ALONE_DAYS, positions_of, regroup
from indices.civic.ties import Group
from models.record import Record

MakeRecords = Callable[..., list[Record]]


def posts_of(records: list[Record]) -> list[Post]:
    return sorted(map(post_of, records), key=lambda post: (post.at, post.id))


def day_by_day(posts: list[Post]) -> dict[str, str]:
    known: dict[str, str] = {}
    for day in sorted({post.day for post in posts}):
        window = [post for post in posts if post.day <= day]
        known = dict(zip((post.id for post in window), regroup(window, known).names, strict=True))
    return known


def test_all_at_once_is_grouping_anew(background: MakeRecords, event: MakeRecords) -> None:
    posts = posts_of(background(2, 150) + event(count=15))
    assert positions_of(regroup(posts, {}).names) == group_posts(posts)
    assert regroup([], {}) == ([], {})


def test_an_event_that_comes_day_by_day_is_one_group_with_one_name(background: MakeRecords, event: MakeRecords) -> None:
    happened = event(count=40)
    known = day_by_day(posts_of(background(1, 300) + happened))
    names = [known[record.id] for record in happened]
    name = max(set(names), key=names.count)
    assert names.count(name) >= 36
    assert {record for record, other in known.items() if other == name} <= {record.id for record in happened}


def test_names_are_ids_of_members(background: MakeRecords, event: MakeRecords) -> None:
    known = day_by_day(posts_of(background(3, 120) + event(count=12)))
    assert all(known[name] == name for name in known.values())


def test_what_is_known_is_not_looked_at_again(
    background: MakeRecords, event: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = posts_of(background(2, 60) + event(count=10))
    known = dict(zip((post.id for post in posts), regroup(posts, {}).names, strict=True))
    monkeypatch.setattr("indices.civic.regroup.Growth", None)
    again = regroup(posts, known)
    assert again.names == list(known.values()) and not again.merged  # noqa: PT018


def test_a_late_post_joins_the_event_it_belongs_to(event: MakeRecords) -> None:
    happened = event(count=20)
    late = happened[7]
    posts = posts_of([record for record in happened if record is not late])
    known = dict(zip((post.id for post in posts), regroup(posts, {}).names, strict=True))
    whole = posts_of(happened)
    names = dict(zip((post.id for post in whole), regroup(whole, known).names, strict=True))
    assert names[late.id] == max(set(known.values()), key=list(known.values()).count)


def test_two_groups_that_turn_out_to_be_one_are_merged_into_the_older(event: MakeRecords) -> None:
    posts = posts_of(event(count=24))
    early, late = posts[:8], posts[8:16]
    known = {post.id: early[0].id for post in early} | {post.id: late[0].id for post in late}
    found = regroup(posts, known)
    assert found.merged == {late[0].id: early[0].id}
    assert found.names[:16] == [early[0].id] * 16


@pytest.mark.parametrize(("count", "days"), [(1, ALONE_DAYS), (3, MEMORY_DAYS)])
def test_what_was_quiet_for_too_long_is_not_joined(event: MakeRecords, count: int, days: int) -> None:
    happened = event(count=30)
    start, same = happened[0].created_at, happened[1]
    for gap, joined in ((days - 5, True), (days + 5, False)):
        old = [same.model_copy(update={"id": f"{900 + i:032x}", "created_at": start}) for i in range(count)]
        new = same.model_copy(update={"id": f"{950:032x}", "created_at": start + timedelta(days=gap)})
        posts = posts_of([*old, new])
        found = regroup(posts, {record.id: old[0].id for record in old})
        assert (found.names[-1] == old[0].id) is joined


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_however_it_is_cut_every_post_is_in_one_group_and_stays_with_its_own(
    background: MakeRecords, event: MakeRecords, rng: random.Random
) -> None:
    posts = posts_of(background(1, 60) + event(count=12))
    known: dict[str, str] = {}
    seen: list[Post] = []
    while len(seen) < len(posts):
        seen = posts[: len(seen) + rng.randint(1, 30)]
        found = regroup(seen, known)
        after = dict(zip((post.id for post in seen), found.names, strict=True))
        for one, name in known.items():
            assert after[one] == found.merged.get(name, name)
        known = after
    assert sorted(known) == sorted(post.id for post in posts)


def test_a_group_of_two_is_what_its_members_are_together(background: MakeRecords, event: MakeRecords) -> None:
    posts = posts_of(background(2, 40) + event(count=10))
    for cut in (1, 10, 30):
        joined, whole = Group.of(posts[:cut]), Group.of(posts)
        joined.join(Group.of(posts[cut:]))
        for name in ("first", "last", "street", "topic", "subtopic", "bound", "members"):
            assert getattr(joined, name) == getattr(whole, name)
        assert set(joined.objects) >= set(whole.objects)
