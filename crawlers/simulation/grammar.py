"""The grammar of texts: templates, and the issues that people raise (`issues/*.toml`, one file a topic).

A template is text with `[one|another|]` for a choice (choices nest; an empty alternative leaves the place out), `{slot}` for
a value of the order or a named list of `phrases.toml`, and `{3-20}` for a whole number of that range.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from random import Random
from typing import Any, Final

from crawlers.simulation.seasons import RHYTHMS
from models.errors import BadSetting
from models.labels import DEMAND_TYPES, DEPARTMENTS, TOPICS

PLACE_KINDS: Final = (
    "community", "village", "road", "company", "site", "school", "market", "park", "river", "hospital", "station", "mall",
    "hall", "shop", "eatery", "factory", "developer", "builder", "street",
)  # fmt: skip
ORDER_SLOTS: Final = frozenset({
    *PLACE_KINDS, "place", "name", "ask", "unit", "district", "city", "me", "us", "home", "person", "phone", "plate", "door",
    "building", "number", "bus", "day", "before", "yesterday", "weekday", "clock",
})  # fmt: skip
"""Slots that `writer` fills for each order; every other slot must be a list of `phrases.toml`."""

_TOKEN: Final = re.compile(r"\[|\]|\||\{(\d+)-(\d+)\}|\{([a-z_]+)\}|[^\[\]|{}]+")


@dataclass(frozen=True, slots=True)
class Slot:
    name: str


@dataclass(frozen=True, slots=True)
class Span:
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; `source` is what was written."""

    parts: tuple[str | Slot | Span | Choice, ...]
    source: str = field(repr=False, default="")

    def slots(self) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, Slot):
                yield part.name
            elif isinstance(part, Choice):
                for option in part.options:
                    yield from option.slots()


Value = str | Template | tuple[Template, ...] | Callable[[Random], str]
Slots = Mapping[str, Value]


def parse(source: str) -> Template:
    """Raises BadSetting where brackets do not close or a brace holds neither a slot nor a range."""
    tokens = list(_TOKEN.finditer(source))
    if sum(len(token[0]) for token in tokens) != len(source):
        raise BadSetting(name="模板", value=source, reason="花括号里应是槽位名或范围，如 {place}、{3-20}")
    options, position = _options(tokens, 0, source)
    if position != len(tokens) or len(options) != 1:
        raise BadSetting(name="模板", value=source, reason="方括号不配对，或 | 在方括号之外")
    return Template(options[0].parts, source)


def _options(tokens: list[re.Match[str]], position: int, source: str) -> tuple[list[Template], int]:
    """The alternatives up to the closing bracket (not consumed) or the end."""
    options: list[Template] = []
    parts: list[str | Slot | Span | Choice] = []
    while position < len(tokens) and (token := tokens[position])[0] != "]":
        position += 1
        if token[0] == "|":
            options.append(Template(tuple(parts)))
            parts = []
        elif token[0] == "[":
            inner, position = _options(tokens, position, source)
            if position == len(tokens):
                raise BadSetting(name="模板", value=source, reason="缺少右方括号")
            position += 1
            parts.append(Choice(tuple(inner)))
        elif token[3]:
            parts.append(Slot(token[3]))
        else:
            parts.append(Span(int(token[1]), int(token[2])) if token[1] else token[0])
    options.append(Template(tuple(parts)))
    return options, position


def expand(template: Template, rng: Random, slots: Slots) -> str:
    """One text of the template."""
    if len(template.parts) == 1 and isinstance(template.parts[0], str):
        return template.parts[0]
    out: list[str] = []
    _expand(template, rng, slots, out)
    return "".join(out)


def _expand(template: Template, rng: Random, slots: Slots, out: list[str]) -> None:
    for part in template.parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, Choice):
            _expand(part.options[int(rng.random() * len(part.options))], rng, slots, out)
        elif isinstance(part, Span):
            out.append(str(part.low + int(rng.random() * (part.high - part.low + 1))))
        else:
            value = slots[part.name]
            if isinstance(value, str):
                out.append(value)
            elif isinstance(value, tuple):
                _expand(value[int(rng.random() * len(value))], rng, slots, out)
            elif isinstance(value, Template):
                _expand(value, rng, slots, out)
            else:
                out.append(value(rng))


@dataclass(frozen=True, slots=True)
class Issue:
    """One kind of matter.

    Attributes:
        name, ask: nouns for titles: after a place (夜间施工噪音), and for questions (夜间施工时间规定).
        place: kind of place that it is about (`PLACE_KINDS`).
        department: code of the office in charge; `rhythm`: season (`seasons.RHYTHMS`); `weight`: how frequent.
        types: demand type → weight among the orders of this issue.
        tone: −2 angry … 1 pleased, the middle of its speakers; `urgency` 0–3.
        event: whether many people of one place raise it at once.
        phrases: what is the matter; `questions`, `proposals`: the same for 咨询 and 建议; `details`, `requests`: what goes
            with it; `answers`, `actions`: what offices reply to questions and to complaints.
    """

    key: str
    topic: str
    subtopic: str
    department: str
    name: str
    ask: str
    place: str
    rhythm: str
    weight: float
    urgency: int
    tone: int
    event: bool
    types: dict[str, float]
    titles: tuple[Template, ...] = ()
    phrases: tuple[Template, ...] = ()
    details: tuple[Template, ...] = ()
    requests: tuple[Template, ...] = ()
    questions: tuple[Template, ...] = ()
    proposals: tuple[Template, ...] = ()
    answers: tuple[Template, ...] = ()
    actions: tuple[Template, ...] = ()


_LISTS: Final = ("titles", "phrases", "details", "requests", "questions", "proposals", "answers", "actions")
_FIELDS: Final = frozenset({"key", "subtopic", "department", "name", "ask", "place", "rhythm", "weight", "urgency", "tone",
                            "event", "types", *_LISTS})  # fmt: skip


@lru_cache(maxsize=1)
def load_issues() -> tuple[Issue, ...]:
    """Every issue of `issues/*.toml`, in the order of topics and files. Raises BadSetting naming the file and the value."""
    folder = files("crawlers.simulation").joinpath("issues")
    issues: list[Issue] = []
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.endswith(".toml"):
            table = tomllib.loads(path.read_text("utf-8"))
            issues += [_issue(table["topic"], entry, path.name) for entry in table["issue"]]
    return tuple(issues)


@lru_cache(maxsize=1)
def load_phrases() -> dict[str, dict[str, tuple[Template, ...]]]:
    """The phrases that all issues share, by section and list."""
    table = tomllib.loads(files("crawlers.simulation").joinpath("phrases.toml").read_text("utf-8"))
    return {
        section: {name: tuple(map(parse, texts)) for name, texts in lists.items()} for section, lists in table.items()
    }


def _issue(topic: str, entry: dict[str, Any], file: str) -> Issue:
    where = f"{file} {entry.get('key')}"
    if unknown := set(entry) - _FIELDS:
        raise BadSetting(name=where, value="、".join(sorted(unknown)), reason="没有这样的字段")
    types = entry.get("types") or _usual_types(entry)
    checks = (
        ("topic", topic, topic in TOPICS),
        ("subtopic", entry["subtopic"], entry["subtopic"] in TOPICS.get(topic, ())),
        ("department", entry["department"], entry["department"] in DEPARTMENTS),
        ("place", entry["place"], entry["place"] in PLACE_KINDS),
        ("rhythm", entry.get("rhythm", "even"), entry.get("rhythm", "even") in RHYTHMS),
        ("types", types, bool(types) and set(types) <= set(DEMAND_TYPES)),
    )
    for name, value, fits in checks:
        if not fits:
            raise BadSetting(name=f"{where} {name}", value=value, reason="不在标签集中")
    lists = {name: tuple(map(parse, entry.get(name, ()))) for name in _LISTS}
    return Issue(
        key=entry["key"], topic=topic, subtopic=entry["subtopic"], department=entry["department"], name=entry["name"],
        ask=entry.get("ask", entry["name"]), place=entry["place"], rhythm=entry.get("rhythm", "even"), types=types,
        weight=float(entry.get("weight", 1.0)), urgency=entry.get("urgency", 0), tone=entry.get("tone", -1),
        event=entry.get("event", False), **lists,
    )  # fmt: skip


def _usual_types(entry: dict[str, Any]) -> dict[str, float]:
    usual = {"投诉": 4.0 * ("phrases" in entry), "求助": 2.0 * ("phrases" in entry), "咨询": 3.0 * ("questions" in entry),
             "建议": 1.0 * ("proposals" in entry), "表扬": 0.3 * ("phrases" in entry)}  # fmt: skip
    return {name: weight for name, weight in usual.items() if weight}
