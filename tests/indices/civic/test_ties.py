from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indices.civic.posts import Post, post_of
from indices.civic.ties import (
    MISSPELT,
    MOST_TIE,
    OTHER_ISSUE,
    OTHER_TOPIC,
    SAME_ISSUE,
    STREET,
    Group,
    majority,
    one_slip,
    same_object,
)
from indices.civic.vectors import Vectors
from models.record import Record

NAMES = st.text(alphabet="云溪栖霞望江锦绣花园路桥店", min_size=1, max_size=6)


@pytest.fixture
def plain(event: Callable[..., list[Record]]) -> Post:
    """A post without place, street or topic."""
    found = post_of(event(count=1)[0])
    return replace(found, objects=(), bound=False, place_names=(), street=None, topic=None, subtopic=None)


def group_of(*posts: Post) -> Group:
    group = Group()
    for post in posts:
        group.add(post)
    return group


def about(post: Post, name: str, **fields: object) -> Post:
    return replace(post, objects=(name,), bound=True, **fields)  # type: ignore[arg-type]


def test_nothing_known_ties_nothing(plain: Post) -> None:
    assert group_of(plain).tie(plain) == 0.0


def test_two_streets_and_two_objects_are_two_events(plain: Post) -> None:
    here = replace(plain, street="云溪街道")
    assert group_of(here).tie(replace(plain, street="栖霞街道")) is None
    assert group_of(about(plain, "望江小学")).tie(about(plain, "锦绣花园")) is None
    assert group_of(about(plain, "望江小学")).tie(plain) == 0.0  # one that does not say where may be anywhere


def test_the_street_fades(plain: Post) -> None:
    here = replace(plain, street="云溪街道")
    ties = [group_of(here).tie(replace(here, day=here.day + timedelta(days))) or 0.0 for days in (0, 3, 5, 60)]
    assert ties[0] == pytest.approx(STREET)
    assert ties[2] == pytest.approx(STREET / 2.718, rel=1e-3)
    assert ties == sorted(ties, reverse=True)
    assert ties[3] < 0.0001


def test_a_misspelt_name_counts_only_in_the_same_street(plain: Post) -> None:
    right, wrong = about(plain, "望江路烧烤店"), about(plain, "望汀路烧烤店")
    assert group_of(about(plain, "望江一路店")).tie(about(plain, "忘江一路店")) is None
    one, other = (replace(post, street="云溪街道") for post in (right, wrong))
    assert group_of(one).tie(other) == pytest.approx(STREET + MISSPELT)


@pytest.mark.parametrize(
    ("topic", "subtopic", "tie"),
    [
        ("环境保护", "噪声", SAME_ISSUE),
        ("环境保护", "大气", OTHER_ISSUE),
        ("环境保护", None, 0.0),
        ("交通运输", "公交", OTHER_TOPIC),
        (None, None, 0.0),
    ],
)
def test_what_it_is_about(plain: Post, topic: str | None, subtopic: str | None, tie: float) -> None:
    group = group_of(replace(plain, topic="环境保护", subtopic="噪声"))
    assert group.tie(replace(plain, topic=topic, subtopic=subtopic)) == pytest.approx(tie)


def test_a_group_is_about_what_a_tenth_of_its_naming_members_name(plain: Post) -> None:
    group = group_of(*[about(plain, "望江小学")] * 19, about(plain, "云溪路"))
    assert group.objects == ("望江小学",)
    assert group.bound
    assert not group_of(about(plain, "望江小学"), plain, plain).bound


@given(st.lists(st.tuples(NAMES, st.booleans(), st.sampled_from(["甲街", "乙街", None]), st.integers(0, 30),
                          st.sampled_from(["a", "b", None])), min_size=2, max_size=8), st.integers(1, 7))  # fmt: skip
def test_ties_are_bounded_and_the_same_from_both_sides(
    event: Callable[..., list[Record]], rows: list[tuple[str, bool, str | None, int, str | None]], cut: int
) -> None:
    base = post_of(event(count=1)[0])
    posts = [replace(base, objects=(name,), bound=bound, street=street, day=base.day + timedelta(day), topic=topic, subtopic=None)
             for name, bound, street, day, topic in rows]  # fmt: skip
    one, other = group_of(*posts[:cut]), group_of(*posts[cut:] or posts[:1])
    tie = one.tie(other)
    assert tie == other.tie(one)
    assert tie is None or OTHER_TOPIC <= tie <= MOST_TIE + 1e-9
    assert one.days_apart(other) == other.days_apart(one) >= 0


@given(NAMES, NAMES)
def test_names_are_compared_from_both_sides(a: str, b: str) -> None:
    assert same_object(a, b) == same_object(b, a)
    assert one_slip(a, b) == one_slip(b, a)
    assert same_object(a, a)


@given(st.text(alphabet="云溪栖霞望江锦绣", min_size=4, max_size=8), st.data())
def test_one_slip_is_one_character(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    assert one_slip(name, name[:at] + "错" + name[at + 1 :])
    assert one_slip(name, name[:at] + name[at + 1 :])
    assert not one_slip(name, "错错" + name)


def test_majority() -> None:
    assert majority(Counter({"b": 2, "a": 2, "c": 1})) == "a"
    assert majority(Counter()) is None


def test_where_the_street_is_known_names_of_places_are_no_words(event: Callable[..., list[Record]]) -> None:
    base = post_of(event(count=1)[0])
    texts = [("望江路烧烤店噪音扰民", "望江路烧烤店半夜还在放音响"), ("望江路烧烤店拖欠工资", "望江路烧烤店三个月没有发钱"),
             ("云溪路噪音扰民", "云溪路半夜还在放音响")]  # fmt: skip
    posts = [replace(base, title=title, text=text, words=(title[:-4], title[-4:]), objects=("望江路烧烤店",) if number < 2 else ("云溪路",),
                     place_names=("望江路烧烤店",) if number < 2 else ("云溪路",)) for number, (title, text) in enumerate(texts)]  # fmt: skip

    def nearer(street: str | None) -> float:
        """How much more alike two matters of one place are than one matter of two places."""
        rows = Vectors([replace(post, street=street) for post in posts]).rows.toarray()
        return float(rows[0] @ rows[1] - rows[0] @ rows[2])

    assert nearer("云溪街道") < nearer(None)
    assert nearer("云溪街道") < 0


def test_what_the_source_says_counts_where_the_reader_was_not_sure(event: Callable[..., list[Record]]) -> None:
    record = event(count=1)[0]
    assert record.annotation is not None
    unread = record.model_copy(update={"annotation": record.annotation.model_copy(update={"topic": None})})
    assert post_of(unread.model_copy(update={"stated_topic": "环境保护"})).topic == "环境保护"
    assert post_of(unread.model_copy(update={"stated_topic": "本市自拟的类"})).topic is None
    read = record.model_copy(update={"annotation": record.annotation.model_copy(update={"topic": "交通运输"})})
    assert post_of(read.model_copy(update={"stated_topic": "环境保护"})).topic == "交通运输"
