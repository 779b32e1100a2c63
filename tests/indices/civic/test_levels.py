from datetime import date
from importlib import resources

import pytest

from indices.civic.levels import Inputs, load_rules, parse_rules, rules_on
from models.errors import BadSetting
from models.labels import Level

RULES = load_rules()[0]
TEXT = resources.files("indices.civic").joinpath("alert_rules.toml").read_text(encoding="utf-8")


def inputs(**changed: object) -> Inputs:
    base: dict[str, object] = {"p_value": 1.0, "burst_people": 0, "people": 3}
    return Inputs(**{**base, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "axis", "value"),
    [
        ({"p_value": 0.04, "burst_people": 5}, "burst", 1),
        ({"p_value": 0.04, "burst_people": 4}, "burst", 0),
        ({"p_value": 0.06, "burst_people": 500}, "burst", 0),
        ({"p_value": 0.0001, "burst_people": 10}, "burst", 2),
        ({"p_value": 1e-9, "burst_people": 20}, "burst", 3),
        ({"p_value": 1e-9, "burst_people": 50}, "burst", 3),
        ({"streets": 2}, "reach", 1),
        ({"streets": 9, "districts": 2}, "reach", 2),
        ({"channels": frozenset({"hotline", "mailbox", "visit"})}, "reach", 0),
        ({"channels": frozenset({"hotline", "mailbox", "weibo"})}, "reach", 3),
        ({"hazard": 2}, "severity", 1),
        ({"hazard": 1}, "severity", 0),
        ({"object_name": "云溪一期", "people": 5}, "severity", 1),
        ({"object_name": "", "people": 50}, "severity", 0),
        ({"hazard": 9, "casualty": 2}, "severity", 2),
        ({"stability": 2}, "severity", 3),
        ({"negative_share": 0.9, "negative_limit": 0.8}, "negativity", 1),
        ({"negative_share": 0.8, "negative_limit": 0.8}, "negativity", 0),
        ({"negative_share": 1.0, "negative_limit": None}, "negativity", 0),
    ],
)
def test_axes(changed: dict[str, object], axis: str, value: int) -> None:
    assert RULES.assess(inputs(**changed)).axes[axis] == value


@pytest.mark.parametrize(
    ("changed", "level", "minutes"),
    [
        ({}, Level.NONE, None),
        ({"streets": 2}, Level.BLUE, 1440),
        ({"districts": 2}, Level.YELLOW, 240),
        ({"streets": 2, "hazard": 2}, Level.YELLOW, 240),
        ({"p_value": 1e-9, "burst_people": 20}, Level.ORANGE, 60),
        ({"districts": 2, "casualty": 2}, Level.ORANGE, 60),
        ({"stability": 2}, Level.ORANGE, 60),
        ({"stability": 2, "districts": 2}, Level.RED, 30),
        ({"stability": 2, "p_value": 0.001, "burst_people": 10}, Level.RED, 30),
        ({"stability": 2, "streets": 3}, Level.ORANGE, 60),
    ],
)
def test_levels(changed: dict[str, object], level: Level, minutes: int | None) -> None:
    verdict = RULES.assess(inputs(**changed))
    assert (verdict.level, verdict.acknowledge_minutes) == (level, minutes)
    assert RULES.acknowledge_minutes(level) == minutes


def test_the_rule_says_its_inputs_and_its_version() -> None:
    rule = RULES.assess(inputs(p_value=0.002, burst_people=12, people=14, object_name="云溪一期", districts=1)).rule
    for part in ("突增 2", "p=0.002", "12 人", "严重 1", "云溪一期", "14 人", "→ 黄色预警", RULES.version):
        assert part in rule


def test_the_rules_in_force_on_the_day_apply() -> None:
    later = TEXT[TEXT.index("\n[[rule]]\n") :].replace("default-1", "city-2").replace("2000-01-01", "2026-07-01")
    both = parse_rules(TEXT + later)
    assert [rules.version for rules in both] == ["default-1", "city-2"]
    assert rules_on(date(2026, 6, 30), both).version == "default-1"
    assert rules_on(date(2026, 7, 1), both).version == "city-2"
    assert rules_on(date(1999, 1, 1), both).version == "default-1"


@pytest.mark.parametrize(
    "text",
    ["", "rule = []", "not toml [", TEXT.replace("channels = 3,", ""), TEXT.replace('name = "橙"', 'name = "紫"'), TEXT.replace("quantile", "q")],
)  # fmt: skip
def test_incomplete_rules_are_refused(text: str) -> None:
    with pytest.raises(BadSetting) as refused:
        parse_rules(text)
    assert refused.value.code == "MS305"
