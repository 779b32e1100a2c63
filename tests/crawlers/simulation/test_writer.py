from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from random import Random

import pytest

from crawlers.simulation.city import make_city
from crawlers.simulation.grammar import load_issues
from crawlers.simulation.writer import Scene, Story, Writer, invented_phone, kindred
from models.labels import Resolved
from nlp.mask import mask

ISSUES = {issue.key: issue for issue in load_issues()}
CITY = make_city(4)
LEFTOVER = re.compile(r"[\[\]{}|]|None|。。|，，。|。，|问题的问题")


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(CITY)


@pytest.fixture(scope="module")
def story() -> Callable[..., Story]:
    def make(key: str = "site-noise", **changes: object) -> Story:
        issue = ISSUES[key]
        street = next(s for s in CITY.streets if issue.place == "street" or s.places[issue.place])
        place = street.name if issue.place == "street" else street.places[issue.place][0]
        facts = {"kind": "投诉", "channel": "hotline", "day": date(2026, 3, 9), "unit": "河东区城管局", "tone": -1}
        return Story(issue=issue, street=street, place=place, **{**facts, **changes})  # type: ignore[arg-type]

    return make


def test_every_issue_of_every_type_in_both_registers(writer: Writer, story: Callable[..., Story]) -> None:
    for key, issue in ISSUES.items():
        for kind in issue.types:
            for channel in ("hotline", "app"):
                for seed in range(4):
                    one = story(key, kind=kind, channel=channel)
                    title, text = writer.write(Random(f"{key}{kind}{seed}"), one)
                    reply = writer.reply(Random(seed), one, Resolved.YES)
                    for said in (title, text, reply):
                        assert said
                        assert not LEFTOVER.search(said.replace("，，", "，")), said
                    assert 4 <= len(title) <= 60
                    assert len(text) >= 12


def test_registers(writer: Writer, story: Callable[..., Story]) -> None:
    calls = [writer.write(Random(seed), story())[1] for seed in range(80)]
    letters = [writer.write(Random(seed), story(channel="web"))[1] for seed in range(80)]
    third = re.compile("来电|市民|群众|居民")
    assert sum(bool(third.search(text)) for text in calls) >= 78
    assert not any("来电人" in text for text in letters)
    assert sum("我" in text or "您" in text or "你" in text for text in letters) > 40
    assert sum(map(len, letters)) > 1.3 * sum(map(len, calls)), "letters are longer than notes of calls"


def test_the_place_is_named(writer: Writer, story: Callable[..., Story]) -> None:
    one = story()
    named = [one.place in "".join(writer.write(Random(seed), story())) for seed in range(100)]
    assert all(named)


def test_anger_shows(writer: Writer, story: Callable[..., Story]) -> None:
    angry, calm = (
        "".join(writer.write(Random(seed), story(channel="web", tone=tone))[1] for seed in range(60))
        for tone in (-2, 0)
    )
    assert angry.count("！") > 3 * calm.count("！")
    assert calm.count("谢") > angry.count("谢")


def test_questions_and_praise_sound_like_it(writer: Writer, story: Callable[..., Story]) -> None:
    asked = [writer.write(Random(s), story("pension", kind="咨询", channel="app"))[1] for s in range(40)]
    assert sum("？" in text for text in asked) > 30
    praised = [writer.write(Random(s), story(kind="表扬"))[1] for s in range(40)]
    assert sum(bool(re.search("谢|表扬|点赞|竖大拇指", text)) for text in praised) > 30


def test_again_refers_to_before(writer: Writer, story: Callable[..., Story]) -> None:
    texts = [writer.write(Random(s), story(again=True))[1] for s in range(30)]
    assert all(re.search("再次|第\\d次|催问|不认可", text) for text in texts)


def test_a_street_is_not_named_twice(writer: Writer, story: Callable[..., Story]) -> None:
    for seed in range(60):
        one = story("toll", channel="web")
        title, text = writer.write(Random(seed), one)
        assert one.place * 2 not in title + text


def test_personal_data_is_invented_and_the_masker_finds_it(writer: Writer, story: Callable[..., Story]) -> None:
    numbers = {invented_phone(Random(seed)) for seed in range(200)}
    assert all(re.fullmatch(r"154\d{8}", number) for number in numbers), "no operator has 154"
    with_phone = [
        t for s in range(600) if "154" in (t := writer.write(Random(s), story(channel="web", phone="15400001234"))[1])
    ]
    assert 5 <= len(with_phone) <= 60
    for text in with_phone:
        assert "15400001234" in text, "the number of the one who writes"
        assert "15400001234" not in mask(text).text
    plates = [t for s in range(200) if "皖Y" in (t := writer.write(Random(s), story("parking"))[1])]
    assert plates
    assert all("皖Y***" in mask(text).text for text in plates)


def test_slips_of_hurried_people(writer: Writer) -> None:
    text = "我反映小区的噪音，希望部门解决"
    slips = {writer._mistype(Random(seed), text) for seed in range(40)}
    assert len(slips) >= 4
    assert text not in slips
    assert all(abs(len(slip) - len(text)) <= 1 for slip in slips)
    assert writer._mistype(Random(0), "甲乙，丙") != "甲乙，丙"


def test_the_reply_speaks_of_the_same_things(writer: Writer, story: Callable[..., Story]) -> None:
    solved = kept = 0
    for seed in range(60):
        one = story("fraud")
        writer.write(Random(seed), one)
        reply = writer.reply(Random(seed), one, Resolved.YES)
        assert "来电人" not in reply
        solved += (
            "解决" in reply
            or "处理完毕" in reply
            or "止付" in reply
            or "上门核查" in reply
            or "一致" in reply
            or "已" in reply
        )
        kept += one.unit in reply
    assert solved == 60
    assert kept > 30


def test_answers_must_be_kindred_to_the_question() -> None:
    question = "老年公交卡在哪里办，外地户籍可以办吗"
    assert kindred(question, "老人持身份证办理，外地户籍同样适用", 3)
    assert not kindred(question, "该线路首班六点，末班二十一点", 3)
    assert kindred("邻居养了烈性犬", "责令圈养烈性犬", 1)


def test_what_is_missing_is_chosen_once() -> None:
    scene = Scene(Random(1), {"city": "某市"}, {"shop": ("甲店", "乙店", "丙店")})
    assert scene["city"] == "某市"
    assert {scene["shop"] for _ in range(20)} == {scene["shop"]}
    with pytest.raises(KeyError):
        scene["moon"]
