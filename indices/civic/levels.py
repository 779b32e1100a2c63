"""From what is known of an incident to an alert level, by rules that are data (alert_rules.toml), with the inputs in words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

from models.errors import BadSetting
from models.labels import Level

AXES: Final[Mapping[str, str]] = {"burst": "突增", "reach": "范围", "severity": "严重", "negativity": "负面"}
TOP: Final = 3


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the rule looks at.

    Attributes:
        p_value: of the burst, corrected for the windows and the days looked at.
        burst_people: most distinct people within seven days; what the burst axis counts.
        people: distinct people in the whole window.
        object_name: the one place or thing that the incident is about, or nothing.
        hazard, casualty, stability: distinct people who use such words.
        negative_share: share of negative records; `negative_limit`: the topic's own quantile, None where there is too little.
    """

    p_value: float
    burst_people: int
    people: int
    streets: int = 0
    districts: int = 0
    channels: frozenset[str] = frozenset()
    object_name: str = ""
    hazard: int = 0
    casualty: int = 0
    stability: int = 0
    negative_share: float = 0.0
    negative_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The level, the four axes (0–3), the rule and its inputs in words, and the minutes until somebody must have acknowledged."""

    level: Level
    axes: Mapping[str, int]
    rule: str
    acknowledge_minutes: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of the rules. Made by `load_rules`."""

    version: str
    effective: date
    body: Mapping[str, Any]

    def words(self, kind: str) -> tuple[str, ...]:
        """Words of `hazard`, `casualty` or `stability`."""
        return tuple(self.body["severity"][kind])

    @property
    def negativity(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body["negativity"]
        return found

    def acknowledge_minutes(self, level: Level) -> int | None:
        """Minutes until somebody must have acknowledged an alert of this level."""
        return next((int(one["acknowledge_minutes"]) for one in self.body["level"] if one["name"] == level), None)

    def assess(self, inputs: Inputs) -> Verdict:
        """The level of an incident."""
        found = {"burst": self._burst(inputs), "reach": self._reach(inputs), "severity": self._severity(inputs),
                 "negativity": self._negativity(inputs)}  # fmt: skip
        axes = {name: value for name, (value, _) in found.items()}
        level, minutes = self._level(axes)
        words = "；".join(f"{AXES[name]} {value}（{reason}）" for name, (value, reason) in found.items())
        outcome = "未达预警级别" if level is Level.NONE else f"{level}色预警"
        return Verdict(level, axes, f"{words} → {outcome}（规则 {self.version}）", minutes)

    def _burst(self, inputs: Inputs) -> tuple[int, str]:
        seen = f"p={inputs.p_value:.2g}，7 天内最多 {inputs.burst_people} 人"
        for number, step in reversed(list(enumerate(self.body["burst"], start=1))):
            if inputs.p_value < step["p"] and inputs.burst_people >= step["people"]:
                return min(number, TOP), f"{seen}：p<{step['p']:g} 且人数≥{step['people']}"
        first = self.body["burst"][0]
        return 0, f"{seen}：未满足 p<{first['p']:g} 且人数≥{first['people']}"

    def _reach(self, inputs: Inputs) -> tuple[int, str]:
        rule, web = self.body["reach"], inputs.channels & set(self.body["reach"]["web"])
        seen = f"{inputs.streets} 个街道、{inputs.districts} 个区县、{len(inputs.channels)} 个渠道"
        if len(inputs.channels) >= rule["channels"] and web:
            return 3, f"{seen}：渠道≥{rule['channels']} 且含网络"
        if inputs.districts >= rule["districts"]:
            return 2, f"{seen}：区县≥{rule['districts']}"
        if inputs.streets >= rule["streets"]:
            return 1, f"{seen}：街道≥{rule['streets']}"
        return 0, seen

    def _severity(self, inputs: Inputs) -> tuple[int, str]:
        rule = self.body["severity"]
        for value, name, count in (
            (3, "扬言或涉稳", inputs.stability),
            (2, "伤亡", inputs.casualty),
            (1, "安全隐患", inputs.hazard),
        ):
            if count >= rule["people"]:
                return value, f"{count} 人提到{name}，≥{rule['people']}"
        if inputs.object_name and inputs.people >= rule["object_people"]:
            return 1, f"同一对象“{inputs.object_name}” {inputs.people} 人，≥{rule['object_people']}"
        return 0, "未见隐患、伤亡、涉稳，同一对象人数不足"

    def _negativity(self, inputs: Inputs) -> tuple[int, str]:
        share = f"负面占 {inputs.negative_share:.0%}"
        if inputs.negative_limit is None:
            return 0, f"{share}，件数或同类历史不足，不判"
        above = inputs.negative_share > inputs.negative_limit
        return int(above), f"{share}，同类 90 天 {self.negativity['quantile']:.0%} 分位 {inputs.negative_limit:.0%}"

    def _level(self, axes: Mapping[str, int]) -> tuple[Level, int | None]:
        for level in self.body["level"]:
            every = all(axes[name] >= value for name, value in level.get("all", {}).items())
            some = any(axes[name] >= value for name, value in level["any"].items()) if "any" in level else True
            reached = any(
                sum(v >= one["value"] for v in axes.values()) >= one["axes"] for one in level.get("reached", ())
            )
            if reached or ("all" in level and every and some):
                return Level(level["name"]), int(level["acknowledge_minutes"])
        return Level.NONE, None


@cache
def load_rules() -> tuple[Rules, ...]:
    """Every version that ships, the earliest first."""
    return parse_rules(resources.files("indices.civic").joinpath("alert_rules.toml").read_text(encoding="utf-8"))


def parse_rules(text: str) -> tuple[Rules, ...]:
    """Rules from TOML, the earliest first.

    Raises:
        BadSetting: no rule, a part is missing, or a level is unknown.
    """
    try:
        found = [Rules(one["version"], one["effective"], one) for one in tomllib.loads(text)["rule"]]
        for rules in found:
            rules.assess(Inputs(p_value=1.0, burst_people=0, people=0))
            rules.assess(Inputs(p_value=0.0, burst_people=10**6, people=10**6, negative_limit=0.5))
            for kind in ("hazard", "casualty", "stability"):
                rules.words(kind)
            for level in rules.body["level"]:  # those too that neither of the two above reached
                _ = Level(level["name"]), int(level["acknowledge_minutes"])
            _ = rules.negativity["least_records"], rules.negativity["least_weeks"]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise BadSetting(name="alert_rules", value=text[:40], reason=f"预警规则不完整：{error!r}") from error
    if not found:
        raise BadSetting(name="alert_rules", value=text[:40], reason="没有任何规则")
    return tuple(sorted(found, key=lambda rules: rules.effective))


def rules_on(day: date, rules: tuple[Rules, ...] | None = None) -> Rules:
    """The rules in force on a day; the first ones before any began."""
    known = rules or load_rules()
    return next((one for one in reversed(known) if one.effective <= day), known[0])
