import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indices.civic.grouping import MEMORY_DAYS, group_posts
from indices.civic.halves import halves
from indices.civic.people import daily_people, persons
from indices.civic.posts import Post, object_name, post_of
from indices.civic.vectors import TOP_GRAMS, Vectors
from models.record import Entity, Record

MakeRecords = Callable[..., list[Record]]


def posts_of(records: list[Record]) -> list[Post]:
    return sorted(map(post_of, records), key=lambda post: (post.at, post.id))


def groups_of(records: list[Record]) -> set[frozenset[str]]:
    posts = posts_of(records)
    return {frozenset(posts[index].id for index in group) for group in group_posts(posts)}


def ids(records: list[Record]) -> set[str]:
    return {record.id for record in records}


@pytest.mark.parametrize("annotated", [True, False])
def test_one_large_event_stays_one_among_other_complaints(
    background: MakeRecords, event: MakeRecords, annotated: bool
) -> None:
    happened = event(count=40, annotated=annotated)
    groups = groups_of(background(1, 300, annotated=annotated) + happened)
    holding = [group for group in groups if group & ids(happened)]
    largest = max(holding, key=len)
    assert len(largest & ids(happened)) >= 38
    assert len(largest - ids(happened)) == 0


def test_two_places_stay_apart_although_they_say_the_same(background: MakeRecords, event: MakeRecords) -> None:
    one, other = event("栖湖湾小区", 20), event("金桂园小区", 20, base=800_000, seed=6)
    groups = groups_of(background(1, 200) + one + other)
    assert not [group for group in groups if group & ids(one) and group & ids(other)]
    assert max(len(group & ids(one)) for group in groups) >= 18
    assert max(len(group & ids(other)) for group in groups) >= 18


def test_the_same_place_a_year_later_is_another_event(event: MakeRecords) -> None:
    first, later = event(count=12, first_day=0), event(count=12, first_day=MEMORY_DAYS + 30, base=800_000)
    assert not [group for group in groups_of(first + later) if group & ids(first) and group & ids(later)]


def test_another_issue_in_the_same_place_is_another_event(record: Callable[..., Record], event: MakeRecords) -> None:
    happened = event(count=20)
    start = happened[0].created_at
    school = [
        record(700_000 + i, start + timedelta(hours=5 * i), f"栖湖湾小区配套幼儿园{what}", f"{why}开学在即，家长都很着急。", place="栖湖湾小区", topic="教育文体")
        for i, (what, why) in enumerate([("何时开园", "交房三年了园舍还空着。"), ("迟迟不开", "说好九月招生却没有消息。"), ("学位怎么分", "派位名单没有公布。")])
    ]  # fmt: skip
    assert not [group for group in groups_of(happened + school) if group & ids(happened) and group & ids(school)]


def test_halves_are_the_two_that_are_least_alike(event: MakeRecords) -> None:
    posts = posts_of(event("栖湖湾小区", 12) + event("金桂园小区", 9, base=800_000, seed=6))
    parts = halves(Vectors(posts).rows)
    assert parts is not None
    found = {frozenset(posts[place].objects[0] for place in part) for part in parts}
    assert len(found) == 2
    assert all(len(names) == 1 for names in found)
    assert parts[0][0] == 0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_have_no_halves(event: MakeRecords, n: int) -> None:
    assert halves(Vectors(posts_of(event(count=8))).rows[:n]) is None


def test_a_group_in_two_streets_is_split_and_one_that_names_none_is_not(
    event: MakeRecords, record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the passes before would never put together, were it put together, comes apart."""
    monkeypatch.setattr("indices.civic.grouping.Growth._best", lambda self, *_: min(self.groups, default=-1))
    start = event(count=1)[0].created_at

    def said(first: int, street: str | None, what: str) -> list[Record]:
        return [
            record(first + i, start + timedelta(hours=i), f"{what}{i}", f"{what}已经{i}天，请尽快处理。", street=street)
            for i in range(5)
        ]

    two = said(1, "柳堤街道", "夜市油烟呛人") + said(100, "望江街道", "水管爆裂停水")
    assert groups_of(two) == {frozenset(ids(two[:5])), frozenset(ids(two[5:]))}
    nowhere = said(1, None, "夜市油烟呛人") + said(100, None, "水管爆裂停水")
    assert groups_of(nowhere) == {frozenset(ids(nowhere))}


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    background: MakeRecords, event: MakeRecords, rng: random.Random
) -> None:
    records = background(1, 60) + event(count=12)
    shuffled = list(records)
    rng.shuffle(shuffled)
    assert groups_of(records) == groups_of(shuffled)


def test_every_post_is_in_exactly_one_group(background: MakeRecords, event: MakeRecords) -> None:
    posts = posts_of(background(2, 150) + event(count=10))
    groups = group_posts(posts)
    assert sorted(index for group in groups for index in group) == list(range(len(posts)))
    assert all(group == sorted(group) for group in groups)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)


def test_blocks_do_not_change_the_groups(
    background: MakeRecords, event: MakeRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = background(3, 120) + event(count=15)
    whole = groups_of(records)
    monkeypatch.setattr("indices.civic.grouping._BLOCK", 7)
    assert groups_of(records) == whole


@pytest.mark.parametrize("texts", [[], [("", "。。。")], [("同", "")], [("同一句话", "一样"), ("同一句话", "一样")]])
def test_few_and_empty_texts(record: Callable[..., Record], event: MakeRecords, texts: list[tuple[str, str]]) -> None:
    at = event(count=1)[0].created_at
    posts = posts_of([record(index, at, title, text) for index, (title, text) in enumerate(texts)])
    assert sum(map(len, group_posts(posts))) == len(texts)
    if len(texts) == 2:
        assert group_posts(posts) == [[0, 1]]


def test_rows_have_length_one_and_few_grams(background: MakeRecords) -> None:
    vectors = Vectors(posts_of(background(4, 80)))
    lengths = vectors.rows.multiply(vectors.rows).sum(axis=1)
    assert abs(lengths - 1).max() < 1e-5
    assert vectors.rows.getnnz(axis=1).max() <= TOP_GRAMS + 60


def test_object_names_have_one_spelling() -> None:
    assert {object_name(name) for name in ("A2区丽湖新城小区", "丽湖新城", "丽湖新城 小区", "丽湖·新城附近")} == {
        "丽湖新城"
    }
    assert object_name("小区") == "小区"


def test_offices_are_not_objects(record: Callable[..., Record], event: MakeRecords) -> None:
    one = event(count=1)[0]
    assert one.annotation is not None
    entities = (
        Entity(text="住建局", kind="organisation", start=0, end=3),
        Entity(text="云溪路", kind="road", start=4, end=7),
    )
    note = one.annotation.model_copy(update={"entities": entities})
    assert post_of(one.model_copy(update={"annotation": note})).objects == ("云溪路",)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("自来水公司", False), ("A市自来水公司", False), ("市燃气有限公司", False), ("开发商", False), ("物业", False), ("云溪自来水公司", True),
     ("锦绣物业公司", True), ("望江地产有限公司", True)],
)  # fmt: skip
def test_one_of_many_is_no_object_and_a_name_is(event: MakeRecords, name: str, kept: bool) -> None:
    one = event(count=1)[0]
    assert one.annotation is not None
    entities = (Entity(text=name, kind="organisation", start=0, end=len(name)),)
    note = one.annotation.model_copy(update={"entities": entities})
    assert bool(post_of(one.model_copy(update={"annotation": note})).objects) is kept


def test_a_caller_and_a_copied_text_count_once(record: Callable[..., Record], event: MakeRecords) -> None:
    at = event(count=1)[0].created_at
    letter = "我们全体业主强烈要求立即停止施工，恢复绿地，并公布规划变更的全部文件与听证记录。"
    posts = posts_of([
        record(1, at, "停止施工", letter, speaker="a"),
        record(2, at, "停止施工！", letter, speaker="b"),  # the same letter from another account
        record(3, at, "还有停车", "地下车库的出口太窄，早上堵到小区外面的马路上，谁来管理一下？", speaker="b"),  # who wrote before
        record(4, at, "漏水", "卫生间顶上漏水三个月，楼上不开门。", speaker="c"),
        record(5, at, "停电", "又停电", speaker="d"),
        record(6, at, "停电", "又停电", speaker="e"),  # too short to be copied
        record(7, at, "停电", "又停电", speaker=None),
        record(8, at, "停电", "又停电", speaker=None),  # without a speaker only the text can tell
    ])  # fmt: skip
    assert persons(posts) == [0, 0, 0, 1, 2, 3, 4, 4]
    assert persons([]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), max_size=60))
def test_nobody_counts_twice_within_a_week(pairs: list[tuple[int, int]]) -> None:
    pairs.sort()
    series = daily_people([day for day, _ in pairs], [person for _, person in pairs], 41)
    for day in range(41):
        assert sum(series[max(0, day - 6) : day + 1]) <= len({p for d, p in pairs if day - 6 <= d <= day})
    assert sum(series) >= len({person for _, person in pairs})
