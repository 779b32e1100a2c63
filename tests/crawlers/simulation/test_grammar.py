from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.simulation import grammar
from crawlers.simulation.grammar import ORDER_SLOTS, Slots, _issue, expand, load_issues, load_phrases, parse
from models.errors import BadSetting
from models.labels import TOPICS

ISSUES = load_issues()
LISTS = ("titles", "phrases", "details", "requests", "questions", "proposals", "answers", "actions")


def test_choices_nest_and_slots_fill() -> None:
    template = parse("[甲|乙[1|2]|]在{place}等了{3-5}天")
    said = {expand(template, Random(seed), {"place": "桥头"}) for seed in range(200)}
    heads = {text.split("在")[0] for text in said}
    assert heads == {"甲", "乙1", "乙2", ""}
    assert {text[-2] for text in said} == {"3", "4", "5"}


def test_a_slot_may_be_a_list_a_template_or_a_function() -> None:
    slots: Slots = {"one": (parse("[a|b]"),), "two": parse("c"), "three": lambda rng: str(rng.randint(7, 7))}
    assert expand(parse("{one}{two}{three}"), Random(1), slots) in ("ac7", "bc7")


@pytest.mark.parametrize("bad", ["[甲|乙", "甲]", "甲|乙", "{3-}", "{Place}", "{}", "a{b"])
def test_bad_templates_are_refused(bad: str) -> None:
    with pytest.raises(BadSetting) as caught:
        parse(bad)
    assert caught.value.fields["value"] == bad


@given(st.text("甲乙丙，。1", min_size=1))
def test_plain_text_is_itself(text: str) -> None:
    assert expand(parse(text), Random(0), {}) == text


def test_issues_cover_every_topic_with_enough_phrasings() -> None:
    assert {issue.topic for issue in ISSUES} == set(TOPICS), "all 15 first-level classes"
    assert len({issue.key for issue in ISSUES}) == len(ISSUES) >= 100
    phrases = Counter(template.source for issue in ISSUES for template in issue.phrases)
    assert len(phrases) >= 400
    assert phrases.most_common(1)[0][1] == 1, "no phrasing is written twice"
    assert len({t.source for i in ISSUES for t in (*i.phrases, *i.questions, *i.proposals)}) >= 700


def test_every_slot_is_known() -> None:
    phrases = load_phrases()
    known = ORDER_SLOTS | set(phrases["lists"])
    templates = [t for issue in ISSUES for name in LISTS for t in getattr(issue, name)]
    templates += [t for section in phrases.values() for texts in section.values() for t in texts]
    for template in templates:
        assert set(template.slots()) <= known, template.source


def test_every_issue_can_be_told() -> None:
    for issue in ISSUES:
        for name in ("phrases", "details", "requests", "actions"):
            assert getattr(issue, name), f"{issue.key} has no {name}"
        assert "咨询" not in issue.types or issue.questions, f"{issue.key}: who asks has a question"
        assert 0 <= issue.urgency <= 3
        assert -2 <= issue.tone <= 1
        assert issue.weight > 0


def test_people_of_one_event_can_say_it_differently() -> None:
    events = [issue for issue in ISSUES if issue.event]
    assert len(events) >= 25
    for issue in events:
        assert len(issue.phrases) >= 3, issue.key
        assert {"投诉", "求助"} & set(issue.types), issue.key
        for template in issue.phrases:
            assert "place" in set(template.slots()), f"who reports an event names the place: {template.source}"


def test_templates_carry_no_final_mark() -> None:
    for issue in ISSUES:
        for name in LISTS:
            for template in getattr(issue, name):
                assert not template.source.endswith(("。", "！", "？", "，")), template.source


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subtopic", "没有"),
        ("department", "x"),
        ("place", "月球"),
        ("rhythm", "x"),
        ("types", {"骂人": 1}),
        ("colour", "红"),
    ],
)
def test_a_wrong_entry_names_file_key_and_value(field: str, value: object) -> None:
    entry = {
        "key": "k",
        "subtopic": "环境污染",
        "department": "城管",
        "name": "噪音",
        "place": "community",
        "phrases": ["很吵"],
    }
    assert _issue("环境保护", entry, "a.toml").types == {"投诉": 4.0, "求助": 2.0, "表扬": 0.3}
    with pytest.raises(BadSetting) as caught:
        _issue("环境保护", {**entry, field: value}, "a.toml")
    assert "a.toml k" in caught.value.fields["name"]


def test_issues_are_read_once() -> None:
    assert grammar.load_issues() is ISSUES
