"""What a city's tables become: one row a text, and labels that can be taught."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadRequest
from nlp.annotate import Draft
from nlp.classifier import HEADS
from nlp.training.city_rows import LEAST_ROWS, CityRows, choose, city_rows
from nlp.training.rows import FOLDS, NO_LABEL

TOPICS = HEADS["topic"]
THINGS = ("路灯", "井盖", "垃圾", "噪音", "停水", "停电", "公交", "学校", "医院", "工资", "物业", "电梯")


def texts(n: int, what: str = "") -> list[Draft]:
    """n texts that are no copies of each other."""
    return [
        Draft("", f"{what}{THINGS[i % 12]}{THINGS[i // 12 % 12]}{THINGS[(i * 7 + i // 144) % 12]}第{i}次")
        for i in range(n)
    ]


def rows_of(**labels: list[str]) -> CityRows:
    return city_rows([(texts(len(next(iter(labels.values())))), labels)])


# --- one row a text -------------------------------------------------------------------------------------------------------
def test_a_text_counts_once_however_often_it_came() -> None:
    drafts = [Draft("路灯", "坏了"), Draft("路灯", " 坏了\r\n"), Draft("", "别的事")]
    rows = city_rows([(drafts, {"department": ["城管", "城管", "住建"]})])
    assert (len(rows), rows.repeated, rows.contradicted) == (2, 1, {})
    assert rows.labels == {"department": ["城管", "住建"]}


def test_a_text_with_two_labels_has_none_and_its_rows_are_counted() -> None:
    drafts = [Draft("", "路灯坏了")] * 3 + [Draft("", "别的事")]
    rows = city_rows([(drafts, {"department": ["城管", "住建", "城管", "人社"], "urgency": ["1", "1", "", "0"]})])
    assert rows.labels == {"department": ["", "人社"], "urgency": ["1", "0"]}
    assert (rows.contradicted, rows.repeated) == ({"department": 3}, 2)


def test_a_later_table_corrects_an_earlier_one_and_says_nothing_where_it_is_empty() -> None:
    drafts = [Draft("", "路灯坏了"), Draft("", "别的事"), Draft("", "第三件")]
    first = (drafts, {"department": ["城管", "人社", "住建"], "topic": ["甲", "乙", "甲"]})
    second = (drafts[:2], {"department": ["公用", ""]})
    rows = city_rows([first, second])
    assert rows.labels == {"topic": ["甲", "乙", "甲"], "department": ["公用", "人社", "住建"]}
    assert (rows.corrected, rows.contradicted, rows.repeated) == ({"department": 1}, {}, 2)


def test_what_a_person_may_be_known_by_is_masked() -> None:
    rows = city_rows([([Draft("", "请回电13812345678，路灯坏了")], {"topic": ["甲"]})])
    assert "13812345678" not in rows.texts[0]
    assert "路灯坏了" in rows.texts[0]


@given(st.lists(st.tuples(st.sampled_from("甲乙丙丁"), st.sampled_from(("", "一", "二"))), min_size=1, max_size=30))
def test_every_row_is_a_text_of_its_own_or_a_repetition(pairs: list[tuple[str, str]]) -> None:
    rows = city_rows([([Draft("", text) for text, _ in pairs], {"topic": [label for _, label in pairs]})])
    assert len(rows) + rows.repeated == len(pairs)
    assert len(rows) == len({text for text, _ in pairs})
    for text, label in zip(rows.texts, rows.labels["topic"], strict=True):
        given_labels = {given for own, given in pairs if own == text and given}
        assert label == (given_labels.pop() if len(given_labels) == 1 else "")


def test_copies_lie_in_one_fold() -> None:
    drafts = texts(60)
    copies = [Draft("", draft.text + "，请尽快处理") for draft in drafts]
    rows = city_rows([([*drafts, *copies], {"topic": ["甲"] * 120})])
    assert (rows.fold[:60] == rows.fold[60:]).all()
    assert set(rows.fold.tolist()) == set(range(FOLDS))


# --- levels and paths -----------------------------------------------------------------------------------------------------
def test_an_ordinal_head_keeps_its_levels() -> None:
    assert rows_of(urgency=["0", "3", ""]).labels["urgency"] == ["0", "3", ""]
    with pytest.raises(BadRequest, match=r"加急（2 行）、4（1 行）.*urgency 只能是 0、1、2、3"):
        rows_of(urgency=["0", "加急", "4", "加急"])
    with pytest.raises(BadRequest, match=r"sentiment 只能是 -2、-1、0、1"):
        rows_of(sentiment=["2"])


def test_a_path_tells_the_topic_of_a_row_that_has_none() -> None:
    rows = rows_of(subtopic=["市容/占道", "其他", ""])
    assert rows.labels == {"topic": ["市容", "其他", ""], "subtopic": ["市容/占道", "其他", ""]}


def test_a_path_that_is_not_under_its_topic_is_dropped_and_counted() -> None:
    rows = rows_of(topic=["市容", "交通", "交通"], subtopic=["市容/占道", "市容/占道", ""])
    assert rows.labels["subtopic"] == ["市容/占道", "", ""]
    assert rows.labels["topic"] == ["市容", "交通", "交通"]
    assert rows.contradicted == {"subtopic": 1}


def test_a_second_level_without_a_first_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"占道（2 行）.*一级/二级"):
        rows_of(subtopic=["占道", "占道", "市容/占道"])


# --- what can be taught ---------------------------------------------------------------------------------------------------
def test_an_own_set_of_labels_takes_the_place_of_the_old_one() -> None:
    labels = ["河东城管局"] * 20 + ["河东住建局"] * 25 + ["小类"] * 19 + [""] * 5
    (chosen,), refused = choose(rows_of(department=labels), HEADS, TOPICS)
    assert chosen.names == chosen.labels == ("河东住建局", "河东城管局")
    assert (chosen.few, chosen.known, refused) == ({"小类": 19}, False, {})
    assert [chosen.truth.tolist().count(place) for place in (0, 1, NO_LABEL)] == [25, 20, 24]


def test_known_labels_leave_the_others_where_they_were() -> None:
    (chosen,), _ = choose(rows_of(department=["城管"] * 20 + ["住建"] * 20 + ["自拟"] * 3), HEADS, TOPICS)
    assert chosen.known
    assert chosen.labels == HEADS["department"]
    assert set(chosen.names) == {"城管", "住建"}
    assert chosen.few == {"自拟": 3}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["城管"] * 60, r"只有 1 类（城管）满 20 行.*城管 60"),
        (["城管"] * 19 + ["住建"] * 19, "没有一类满 20 行"),
        ([""] * 5, "没有可用的标注"),
        (["城管"], "没有一类满 20 行"),
    ],
)
def test_a_column_with_fewer_than_two_classes_is_refused_with_what_it_has(labels: list[str], told: str) -> None:
    chosen, refused = choose(rows_of(department=labels, topic=["甲", *labels[1:]]), HEADS, TOPICS)
    assert [one for one in chosen if one.head == "department"] == []
    import re

    assert re.search(told, refused["department"])


def test_second_levels_need_their_topic_and_topics_without_any_stand_for_themselves() -> None:
    topics = ["市容"] * 45 + ["交通"] * 25 + ["其余"] * 5
    paths = ["市容/占道"] * 20 + ["市容/垃圾"] * 25 + [""] * 25 + ["其余/小事"] * 5
    topic, subtopic = choose(rows_of(topic=topics, subtopic=paths), HEADS, TOPICS)[0]
    assert set(topic.labels) == {"市容", "交通"}
    assert set(subtopic.labels) == {"市容/占道", "市容/垃圾", "交通"}
    assert set(subtopic.names) == {"市容/占道", "市容/垃圾"}
    assert subtopic.few == {"其余/小事": 5}


def test_known_second_levels_under_an_own_set_of_topics_are_an_own_set() -> None:
    known = "城乡建设/城市建设和市政管理"
    topics = ["城乡建设"] * 20 + ["自定"] * 20
    found, _ = choose(rows_of(topic=topics, subtopic=[known] * 20 + ["自定/甲"] * 20), HEADS, TOPICS)
    assert [one.known for one in found] == [False, False]
    found, refused = choose(rows_of(topic=topics, subtopic=[known] * 20 + [""] * 20), HEADS, TOPICS)
    assert [one.head for one in found] == ["topic"]
    assert "subtopic" in refused


def test_least_rows_are_rows_of_different_texts() -> None:
    drafts = [Draft("", "路灯坏了")] * LEAST_ROWS + texts(LEAST_ROWS)
    rows = city_rows([(drafts, {"department": ["甲局"] * LEAST_ROWS + ["乙局"] * LEAST_ROWS})])
    chosen, refused = choose(rows, HEADS, TOPICS)
    assert chosen == []
    assert "甲局 1" in refused["department"]
