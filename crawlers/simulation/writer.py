"""Words for an order: title, text and reply in the register of its channel, from the grammar.

The telephone speaks in the third person of the agent who types (来电人反映…), the web in the first person of a citizen in
a hurry. All of it is invented; no accuracy of a language model may be claimed on such texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from crawlers.simulation.city import City, Street, load_names
from crawlers.simulation.grammar import Issue, Template, Value, expand, load_phrases
from models.labels import Resolved

VOICE_CHANNELS: Final = frozenset({"hotline", "visit"})
CONTACT_SHARE, TYPO_SHARE, TYPO_SHARE_VOICE = 0.035, 0.14, 0.03
_DETAILS_VOICE: Final = (0, 0, 1, 1, 1, 2, 2, 3)
_DETAILS_WEB: Final = (1, 1, 2, 2, 3, 3, 4, 5)
_BACKGROUND: Final = (0, 0, 0, 0, 1, 1, 2, 4)
_KIND_TITLES: Final = {"咨询": "question", "建议": "proposal", "举报": "report", "表扬": "praise", "求助": "help"}
_OUTCOME_LISTS: Final = {Resolved.YES: "solved", Resolved.PARTLY: "partly", Resolved.NO: "unsolved"}
_CLAIMED: Final = {Resolved.YES: 0.85, Resolved.PARTLY: 0.5, Resolved.NO: 0.4}
"""How frequently the reply tells of the issue's own action."""
_US_VOICE, _US_WEB = ("附近居民", "居民", "来电人及邻居"), ("我们", "大家", "我们居民")
_ASKING: Final = (
    "吗",
    "多少",
    "什么时候",
    "怎么办",
    "有没有人管",
    "找谁",
    "哪里查",
    "哪里",
    "几号",
    "多久",
    "能不能办",
    "是头",
)
_ASKS: Final = ("请问", "想请问", "咨询", "想问", "麻烦问", "请教", "想了解")
_HAN: Final = re.compile("[一-龥]{2}")
_WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


class Scene(dict[str, Value]):
    """Values of slots. What has no value yet is a phrase of the city's lists, or a thing of the street, chosen once."""

    def __init__(self, rng: Random, always: dict[str, Value], places: dict[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.rng, self.always, self.places = rng, always, places

    def __missing__(self, name: str) -> Value:
        if (value := self.always.get(name)) is None:
            value = self[name] = _any(self.rng, self.places[name])
        return value


@dataclass(slots=True)
class Story:
    """What is told: the facts that all texts of one order, or of one event, agree in.

    `fixed`: values of slots that are the same for everybody of an event (company, site, …). `onset`: the first day.
    `scene`: the values that the text used, so that the reply speaks of the same things;
    `core`: the main clause.
    """

    issue: Issue
    kind: str
    street: Street
    place: str
    channel: str
    day: date
    unit: str
    tone: int
    again: bool = False
    phone: str | None = None
    onset: date | None = None
    fixed: dict[str, str] = field(default_factory=dict)
    scene: Scene | None = None
    core: Template | None = None


class Writer:
    """Writes the texts of one city."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.phrases = load_phrases()
        self.names: dict[str, Any] = load_names()
        self._typos = [(right, tuple(t.source for t in wrong)) for right, wrong in self.phrases["typos"].items()]
        self._always: dict[str, Value] = {
            **self.phrases["lists"],
            "city": city.name,
            "person": self._person,
            "phone": invented_phone,
            "plate": self._plate,
            "yesterday": lambda rng: _any(rng, ("昨天", "昨晚", "前天")),
            "door": lambda rng: (
                f"{_number(rng, 1, 28)}栋{_number(rng, 1, 4)}单元{_number(rng, 1, 30)}0{_number(rng, 1, 4)}室"
            ),
            "building": lambda rng: f"{_number(rng, 1, 28)}栋",
            "number": lambda rng: str(_number(rng, 1, 28)),
            "bus": lambda rng: f"{_number(rng, 1, 130)}路",
            "weekday": lambda rng: _WEEKDAYS[_number(rng, 0, 6)],
            "clock": lambda rng: f"{_number(rng, 7, 21)}点",
        }

    def write(self, rng: Random, story: Story) -> tuple[str, str]:
        """Title and text."""
        voice = story.channel in VOICE_CHANNELS
        slots = self._scene(rng, story, voice)
        title = self._title(rng, story, slots)
        text = self._voice(rng, story, slots) if voice else self._web(rng, story, slots)
        if story.place == story.street.name:  # "district + street + place" would name it twice
            title, text = (said.replace(story.place * 2, story.place) for said in (title, text))
        if rng.random() < (TYPO_SHARE_VOICE if voice else TYPO_SHARE):
            text = self._mistype(rng, text)
        return _plain(title), text

    def fix(self, rng: Random, street: Street) -> dict[str, str]:
        """Things of a street that a story may name, one of each."""
        return {kind: _any(rng, names) for kind, names in street.places.items() if names}

    def _scene(self, rng: Random, story: Story, voice: bool) -> Scene:
        seen = story.onset or story.day - timedelta(days=_number(rng, 1, 6))
        before = min(seen, story.day) - timedelta(days=_number(rng, 4, 20))
        scene = Scene(rng, self._always, story.street.places)
        scene.update(story.fixed)
        scene[story.issue.place] = story.place
        scene.update(
            name=story.issue.name, ask=story.issue.ask, unit=story.unit, district=story.street.district,
            street=story.street.name, place=story.place, day=f"{seen.month}月{seen.day}日", me="来电人" if voice else "我",
            us=_any(rng, _US_VOICE if voice else _US_WEB), home="来电人家" if voice else "我家", before=f"{before.month}月{before.day}日",
        )  # fmt: skip
        if story.phone and not voice:
            scene["phone"] = story.phone
        story.scene = scene
        return scene

    def _title(self, rng: Random, story: Story, slots: Scene) -> str:
        own = story.issue.titles
        if own and story.kind in ("投诉", "求助") and rng.random() < 0.6:
            return expand(_any(rng, own), rng, slots)
        return self._say(rng, "titles", _KIND_TITLES.get(story.kind, "complaint"), slots)

    def _voice(self, rng: Random, story: Story, slots: Scene) -> str:
        say, issue = self._say, story.issue
        kind, core = self._core(rng, story)
        story.core = core
        lead = say(
            rng,
            "phone",
            {"咨询": "inquiries", "建议": "proposals", "举报": "reports", "表扬": "praises"}.get(kind, "openings"),
            slots,
        )
        if story.again and kind not in ("咨询", "表扬"):
            lead = say(rng, "phone", "again", slots)
        said = [lead + self._first(rng, core, slots, story)]
        said += self._some(rng, self._details(kind, issue), _any(rng, _DETAILS_VOICE), slots)
        if kind in ("投诉", "求助", "举报"):
            if story.again or rng.random() < 0.25:
                said.append(say(rng, "phone", "prior", slots))
            if story.tone <= -2 and rng.random() < 0.4:
                said.append(say(rng, "phone", "hot", slots))
            said += self._some(rng, issue.requests, int(rng.random() < 0.6), slots)
        if rng.random() < CONTACT_SHARE:
            said.append(say(rng, "phone", "contact", slots))
        if kind != "表扬":
            ends = {"咨询": "asks", "举报": "reports_end"}.get(kind, "requests")
            said.append(say(rng, "phone", ends, slots))
        elif rng.random() < 0.5:
            said.append(say(rng, "phone", "thanks", slots))
        return _join(rng, said, 0.0)

    def _web(self, rng: Random, story: Story, slots: Scene) -> str:
        say, issue = self._say, story.issue
        kind, core = self._core(rng, story)
        story.core = core
        blames = kind in ("投诉", "求助", "举报")
        greeting, opening = (
            say(rng, "web", "greetings", slots),
            say(rng, "web", "openings" if blames else "identities", slots),
        )
        said = [part for part in (greeting, "" if kind == "表扬" else opening) if part]
        lead = (
            ""
            if kind in ("投诉", "求助")
            else say(
                rng, "web", {"咨询": "inquiries", "建议": "proposals", "举报": "reports"}.get(kind, "praises"), slots
            )
        )
        if story.again and kind in ("投诉", "求助"):
            lead = say(rng, "web", "again", slots)
        said.append(lead + self._first(rng, core, slots, story))
        said += self._some(rng, self._details(kind, issue), _any(rng, _DETAILS_WEB), slots)
        if blames:
            if rng.random() < 0.3:
                said.append(
                    _any(rng, ("另外，", "而且", "还有，", "更气人的是，"))
                    + expand(_any(rng, issue.phrases), rng, slots)
                )
            said += self._some(rng, self.phrases["web"]["background"], _any(rng, _BACKGROUND), slots)
            if story.again or rng.random() < 0.4:
                said.append(say(rng, "web", "prior", slots))
            if story.tone <= -2 and rng.random() < 0.7:
                said.append(say(rng, "web", "hot", slots))
            said += self._some(rng, issue.requests, int(rng.random() < 0.7), slots)
        if kind != "表扬":
            said.append(say(rng, "web", {"咨询": "asks", "举报": "reports_end"}.get(kind, "requests"), slots))
        if rng.random() < CONTACT_SHARE:
            said.append(say(rng, "web", "contact", slots))
        if story.tone > -2:
            said.append(say(rng, "web", "thanks", slots))
        return _join(rng, [part for part in said if part], 0.55 if story.tone <= -2 else 0.08, question=kind == "咨询")

    def _core(self, rng: Random, story: Story) -> tuple[str, Template]:
        """The main clause, and the type whose manners fit it."""
        issue = story.issue
        if story.kind == "咨询" and issue.questions:
            return "咨询", _any(rng, issue.questions)
        if story.kind == "建议" and issue.proposals:
            return "建议", _any(rng, issue.proposals)
        if story.kind == "表扬":
            return "表扬", _any(rng, self.phrases["praise"]["core"])
        return story.kind if story.kind == "举报" else "投诉", _any(rng, issue.phrases)

    def _details(self, kind: str, issue: Issue) -> tuple[Template, ...]:
        if kind == "表扬":
            return self.phrases["praise"]["details"]
        return issue.details if kind in ("投诉", "求助", "举报") else ()

    def _first(self, rng: Random, core: Template, slots: Scene, story: Story) -> str:
        """The core clause; the place is named in full the first time."""
        short, street = story.place, story.street
        full = short if short == street.name else _any(rng, (street.name + short, short, street.name + short))
        slots["place"] = _any(rng, (street.district + full, full, full, self.city.name + street.district + full))
        text = expand(core, rng, slots)
        slots["place"] = short
        return text.replace(f"{slots['place']}{short}", short) if short != street.name else text

    def _some(self, rng: Random, options: tuple[Template, ...], count: int, slots: Scene) -> list[str]:
        return [expand(option, rng, slots) for option in rng.sample(options, min(count, len(options)))] if count else []

    def _say(self, rng: Random, section: str, name: str, slots: Scene) -> str:
        return expand(_any(rng, self.phrases[section][name]), rng, slots)

    def reply(self, rng: Random, story: Story, outcome: Resolved) -> str:
        """What the office answers. An office that solved nothing likes to say that it did."""
        slots = story.scene or self._scene(rng, story, voice=False)
        slots.update(unit=story.unit, me="您", us="您", home="您家")
        if story.kind == "咨询":
            own = tuple(a for a in story.issue.answers if story.core and kindred(story.core.source, a.source, 3))
            opening, section, closing = "answer_openings", "answers", "answer_closings"
        else:
            section = {"建议": "proposals", "表扬": "praises"}.get(story.kind, _OUTCOME_LISTS[outcome])
            own = self._actions(rng, story, outcome) if section in _OUTCOME_LISTS.values() else ()
            opening, closing = "openings", "closings"
        body = expand(_any(rng, own), rng, slots) if own else self._say(rng, "reply", section, slots)
        opening, closing = (self._say(rng, "reply", part, slots) for part in (opening, closing))
        return _plain(f"{opening}{body}。{closing}。")

    def _actions(self, rng: Random, story: Story, outcome: Resolved) -> tuple[Template, ...]:
        """What the office did, of this matter if it can be: a barking dog is not answered by a lock."""
        if rng.random() >= _CLAIMED[outcome]:
            return ()
        same = tuple(a for a in story.issue.actions if story.core and kindred(story.core.source, a.source, 1))
        return same or (story.issue.actions if len(story.issue.actions) <= 2 and rng.random() < 0.5 else ())

    def refusal(self, rng: Random, story: Story) -> str:
        """Why an order is not accepted."""
        return f"您好！{self._say(rng, 'reply', 'refused', story.scene or self._scene(rng, story, voice=False))}。"

    def reason(self, rng: Random) -> str:
        """Why somebody is not satisfied."""
        return expand(_any(rng, self.phrases["reply"]["reasons"]), rng, {})

    def _person(self, rng: Random) -> str:
        names = self.names
        if rng.random() < 0.6:
            return f"{_any(rng, names['surnames'])}{_any(rng, ('先生', '女士', '女士', '先生', '师傅', '阿姨'))}"
        return f"{_any(rng, names['surnames'])}{_any(rng, names['given_first'])}{_any(rng, names['given_second'])}"

    def _plate(self, rng: Random) -> str:
        return self.city.plate + "".join(
            rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=1) + rng.choices("0123456789", k=4)
        )

    def _mistype(self, rng: Random, text: str) -> str:
        """One or two slips: a homophone, a lost comma, a doubled mark."""
        first = _number(rng, 0, len(self._typos) - 1)
        for right, wrong in (*self._typos[first:], *self._typos[:first]):
            if right in text:
                return text.replace(right, str(_any(rng, wrong)), 1)
        return text.replace("，", str(_any(rng, (" ", "", "，，", ","))), 1)


@cache
def kindred(said: str, answer: str, least: int) -> bool:
    """Whether an answer speaks of what was said: they share `least` pairs of characters."""
    pairs = ({text[i : i + 2] for i in range(len(text) - 1)} for text in (said, answer))
    first, second = ({pair for pair in found if _HAN.fullmatch(pair)} for found in pairs)
    return len(first & second) >= least


def _plain(text: str) -> str:
    """Without the doublings that nouns ending in 问题 bring."""
    return text.replace("问题的问题", "问题").replace("问题”问题", "问题”").replace("问题问题", "问题")


def invented_phone(rng: Random) -> str:
    """A mobile number of a range that no operator uses."""
    return f"154{_number(rng, 0, 99_999_999):08d}"


def _join(rng: Random, parts: list[str], loud: float, *, question: bool = False) -> str:
    """Sentences with their marks; `loud`: share of exclamation marks in the second half."""
    out = []
    for number, part in enumerate(parts):
        mark = "！" if number * 2 >= len(parts) and rng.random() < loud else "。"
        if number == 0 and len(part) < 16 and len(parts) > 1:
            mark = "，" if len(part) > 6 or rng.random() < 0.6 else "！"
        elif part.endswith(_ASKING) or (question and part.startswith(_ASKS) and rng.random() < 0.7):
            mark = "？"
        out.append(part + mark)
    return "".join(out)


def _number(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def _any(rng: Random, options: Any) -> Any:
    return options[int(rng.random() * len(options))]
