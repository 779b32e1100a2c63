import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest
from sqlalchemy import Engine

from indices.alerts.rules import (
    Looked,
    check_rules,
    in_force,
    known_rules,
    levels_of,
    look_back,
    save_rules,
    saved_rules,
    scaled,
    within_budget,
    would_raise,
)
from indices.civic.hotspots import find_hotspots
from indices.civic.levels import Inputs, load_rules
from indices.stores.memory import MemoryStore
from models.clock import day_start
from models.errors import BadRequest, BadSetting
from models.labels import Level
from models.record import Annotation, Record

TEXT = resources.files("indices.civic").joinpath("alert_rules.toml").read_text(encoding="utf-8")
AT = datetime(2026, 9, 8, 2, tzinfo=UTC)


def version(name: str, effective: str = "2026-09-08") -> str:
    """The rules that ship under another name."""
    text = TEXT.replace('version = "default-1"', f'version = "{name}"')
    return text.replace("effective = 2000-01-01", f"effective = {effective}")


def strict(name: str) -> str:
    return re.sub(r"p = (0\.\d+)", lambda found: f"p = {float(found[1]) / 1e6:.12f}", version(name))


def test_a_version_is_in_force_from_its_day_on(state: Engine) -> None:
    assert in_force(state, date(2026, 9, 30)).version == "default-1"
    save_rules(state, version("city-1", "2026-09-20"), "王", at=AT)
    assert in_force(state, date(2026, 9, 19)).version == "default-1"
    assert in_force(state, date(2026, 9, 20)).version == "city-1"
    save_rules(state, version("city-2", "2026-09-20"), "王", at=AT)
    assert in_force(state, date(2026, 9, 20)).version == "city-2"
    assert [(one.version, one.who, one.effective) for one in saved_rules(state)] == [
        ("city-1", "王", date(2026, 9, 20)), ("city-2", "王", date(2026, 9, 20)),
    ]  # fmt: skip
    assert len(known_rules(state)) == 3


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("", BadSetting, "rule"),
        ("[[rule]]\nversion = 1", BadSetting, "不完整"),
        (version("a") + version("b"), BadRequest, "一次写一版"),
        (version("default-1"), BadRequest, "版本名"),
        (version("a", "2026-09-07"), BadRequest, "生效日"),
        (version("a").replace('name = "红"', 'name = "紫"'), BadSetting, "不完整"),
        ("x" * 60_000, BadRequest, "至多"),
    ],
)
def test_what_is_wrong_is_refused_with_the_repair(state: Engine, text: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        save_rules(state, text, "王", at=AT)
    assert saved_rules(state) == []


@pytest.fixture(scope="module")
def city() -> MemoryStore:
    """A quiet stream of different complaints, and forty people on one plant in five days."""
    store, start = MemoryStore(), day_start(date(2026, 6, 1))
    topics = [
        "路灯不亮",
        "公交太少",
        "井盖松动",
        "学位不足",
        "树木遮光",
        "医保报销",
        "外卖逆行",
        "流浪狗",
        "健身器材",
        "快递占道",
    ]
    records = []
    for number in range(700):
        what = topics[number % 10]
        records.append(
            make(
                number,
                start + timedelta(hours=4 * number),
                f"{what}{number}号楼",
                f"{what}，第{number * 7919 % 1000}次反映。",
                what,
            )
        )
    for number in range(40):
        at = start + timedelta(days=80, hours=3 * number)
        records.append(
            make(
                10_000 + number, at, f"栖湖湾搅拌站噪音{number}", f"搅拌站夜间噪音、粉尘，{number}栋睡不好。", "搅拌站"
            )
        )
    store.upsert(records)
    return store


def make(number: int, at: datetime, title: str, text: str, word: str) -> Record:
    note = Annotation(
        model="m", topic="环境保护" if word == "搅拌站" else "城乡建设", title_tokens=(word, title[-4:]), positive=0.3
    )
    return Record.model_validate({
        "id": f"{number:032x}", "revision": 1, "intake": "1", "source": "热线", "native_id": str(number), "title": title, "text": text,
        "created_at": at, "annotation": note, "speaker": f"{number:016x}",
    })  # fmt: skip


def test_what_would_have_been_raised_is_what_the_figures_of_each_day_say(city: MemoryStore) -> None:
    rules, last = load_rules()[0], date(2026, 8, 31)
    raised = would_raise(look_back(city, last, rules, days=20), rules)
    event = [one for one in raised if "搅拌站" in one.title]
    assert [one.level for one in event] == sorted(
        [one.level for one in event], key=lambda level: list(Level).index(level)
    )
    first = event[0]
    figure = find_hotspots(city, day_start(first.day - timedelta(days=6)), day_start(first.day + timedelta(days=1)))
    assert any("搅拌站" in one.title and one.level is first.level for one in figure.hotspots)
    before = find_hotspots(city, day_start(first.day - timedelta(days=7)), day_start(first.day))
    assert not any("搅拌站" in one.title and one.level is not Level.NONE for one in before.hotspots)


def test_stricter_rules_raise_less_and_later(city: MemoryStore) -> None:
    rules, last = load_rules()[0], date(2026, 8, 31)
    looked = look_back(city, last, rules, days=20)
    usual, less = would_raise(looked, rules), would_raise(looked, scaled(rules, 1e-30))
    assert len(less) < len(usual)
    assert sum(levels_of(usual).values()) == len(usual)
    assert list(levels_of(usual)) == ["红", "橙", "黄", "蓝"]
    assert look_back(MemoryStore(), last, rules) == []


def test_the_budget_chooses_the_threshold() -> None:
    rules = load_rules()[0]
    day = date(2026, 8, 1)
    looked: list[Looked] = []
    for number in range(40):
        inputs = Inputs(p_value=10.0 ** (-number / 5), burst_people=60, people=3)
        looked.append(Looked(day + timedelta(days=number), number, f"{number}", inputs))
    counts = []
    for per_day in (0.05, 0.25, 0.5, 100):
        factor, made = within_budget(looked, rules, per_day, days=40)
        counts.append(len(would_raise(looked, made)))
        assert counts[-1] <= per_day * 40
        assert made.body["burst"][0]["p"] == min(1.0, rules.body["burst"][0]["p"] * factor)
    assert counts == sorted(counts)
    assert counts[1] > 0
    with pytest.raises(BadRequest):
        within_budget(looked, rules, 0)
    assert rules.body["burst"][0]["p"] == 0.05  # the rules themselves stay


def test_rules_are_checked_without_being_saved(state: Engine) -> None:
    made = check_rules(state, strict("trial"), today=date(2026, 9, 8))
    assert replace(made, version="x").version == "x"
    assert saved_rules(state) == []


def test_saved_rules_judge_from_their_day_on(state: Engine, city: MemoryStore) -> None:
    save_rules(state, version("city-1", "2026-09-08"), "王", at=AT)
    rules = known_rules(state)
    for day, name in ((date(2026, 9, 7), "default-1"), (date(2026, 9, 8), "city-1")):
        found = find_hotspots(city, day_start(day - timedelta(days=6)), day_start(day + timedelta(days=1)), rules=rules)
        assert found.source.versions["rules"] == name
