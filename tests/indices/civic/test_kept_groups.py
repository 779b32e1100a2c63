"""The table of groups on both databases: remembered, extended, made anew where the past changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from indices.civic.grouping import group_posts
from indices.civic.kept_groups import KEPT_DAYS, LATE_DAYS, KeptGroups, grouped
from indices.civic.posts import Post, post_of
from indices.database import reading
from models.record import Record

MakeRecords = Callable[..., list[Record]]


@pytest.fixture
def posts(background: MakeRecords, event: MakeRecords) -> list[Post]:
    return sorted(map(post_of, background(1, 200) + event(count=20)), key=lambda post: (post.at, post.id))


def rows(database: Engine) -> dict[str, str]:
    with reading(database) as connection:
        return {row.record: row.grouping for row in connection.execute(select(grouped))}


def until(posts: list[Post], days: int) -> list[Post]:
    """Without the last `days` days."""
    return [post for post in posts if post.day <= posts[-1].day - timedelta(days=days)]


def test_the_first_look_groups_everything_and_the_next_reads_it(
    database: Engine, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = KeptGroups(database).groups(posts)
    assert first == group_posts(posts)
    assert set(rows(database)) == {post.id for post in posts}
    monkeypatch.setattr("indices.civic.regroup.Growth", None)
    assert KeptGroups(database).groups(posts) == first
    assert KeptGroups(database).groups([]) == []


def test_a_new_day_leaves_the_groups_before_as_they_were(database: Engine, posts: list[Post]) -> None:
    kept = KeptGroups(database)
    kept.groups(until(posts, 3))
    before = rows(database)
    kept.groups(posts)
    after = rows(database)
    changed = {name for name in before if before[name] != after[name]}
    assert {before[name] for name in changed}.isdisjoint(after.values())  # merged, the whole of them
    assert len(after) == len(posts)


def test_a_shorter_stretch_is_answered_from_the_same_groups(database: Engine, posts: list[Post]) -> None:
    kept = KeptGroups(database)
    whole = kept.groups(posts)
    half = posts[len(posts) // 2 :]
    shift = len(posts) - len(half)
    expected = [[position - shift for position in group if position >= shift] for group in whole]
    assert kept.groups(half) == sorted((group for group in expected if group), key=lambda group: group[0])


def test_an_older_past_that_comes_in_is_grouped_with_all(database: Engine, posts: list[Post]) -> None:
    kept, half = KeptGroups(database), len(posts) // 2
    assert posts[half].day - posts[0].day > timedelta(days=LATE_DAYS)
    kept.groups(posts[half:])
    assert kept.groups(posts) == group_posts(posts)
    assert set(rows(database)) == {post.id for post in posts}


def test_a_past_that_ended_is_grouped_by_itself_and_not_kept(database: Engine, posts: list[Post]) -> None:
    kept, past = KeptGroups(database), until(posts, LATE_DAYS + 5)
    newest = [post for post in posts if post.day == posts[-1].day]
    kept.groups(newest)
    assert kept.groups(past) == group_posts(past)
    assert set(rows(database)) == {post.id for post in newest}


def test_members_older_than_the_stretch_follow_their_group(database: Engine, event: MakeRecords) -> None:
    posts = sorted(map(post_of, event(count=24)), key=lambda post: (post.at, post.id))
    kept = KeptGroups(database)
    kept.groups(posts[:16])
    late = posts[8].id
    with database.begin() as connection:
        for post in posts[8:16]:
            connection.execute(grouped.update().where(grouped.c.record == post.id).values(grouping=late))
    kept.groups(posts[4:])
    assert len(set(rows(database).values())) == 1


def test_what_no_figure_looks_at_any_more_is_let_go(database: Engine, event: MakeRecords) -> None:
    record = event(count=1)[0]
    much_later = record.model_copy(
        update={"id": f"{77:032x}", "created_at": record.created_at + timedelta(days=KEPT_DAYS + 1)}
    )
    kept = KeptGroups(database)
    kept.groups([post_of(record)])
    kept.groups([post_of(much_later)])
    assert set(rows(database)) == {much_later.id}
