"""Rules of a city: versions with a first day, kept in the state database beside those that ship; and what they would have raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Double, Engine, Integer, String, Table, Text, insert, select

from indices.civic.alerts import LEVELS
from indices.civic.hotspots import LEAST_PEOPLE, Search
from indices.civic.levels import Inputs, Rules, load_rules, parse_rules, rules_on
from indices.civic.posts import post_of
from indices.database import metadata, reading, writing
from models.clock import city_day, day_start, now
from models.errors import BadRequest
from models.labels import Level
from models.ports import Reader
from models.query import Query

alert_rules = Table(
    "alert_rules", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("version", String(64), nullable=False, unique=True),
    Column("effective", String(10), nullable=False),
    Column("body", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip

TRIAL_DAYS: Final = 90
HISTORY_DAYS: Final = 120
WINDOW_DAYS: Final = 7
LONGEST: Final = 50_000
_FACTORS: Final = tuple(10.0 ** (step / 4) for step in range(-48, 9))


@dataclass(frozen=True, slots=True)
class Saved:
    """A version that somebody put in force."""

    version: str
    effective: date
    body: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that the rules would have raised."""

    day: date
    level: Level
    title: str
    people: int
    rule: str


@dataclass(frozen=True, slots=True)
class Looked:
    """An incident on a day, as the rules see it."""

    day: date
    incident: int
    title: str
    inputs: Inputs


def known_rules(engine: Engine) -> tuple[Rules, ...]:
    """Those that ship and those of the city, the earliest first; on one day the one that was saved last."""
    saved = [one for row in saved_rules(engine) for one in parse_rules(row.body)]
    return tuple(sorted([*load_rules(), *saved], key=lambda rules: rules.effective))


def saved_rules(engine: Engine) -> list[Saved]:
    """Versions of the city in the order in which they were saved."""
    with reading(engine) as connection:
        rows = connection.execute(select(alert_rules).order_by(alert_rules.c.id)).all()
    return [
        Saved(row.version, date.fromisoformat(row.effective), row.body, row.who, datetime.fromtimestamp(row.at, UTC))
        for row in rows
    ]


def check_rules(engine: Engine, text: str, *, today: date) -> Rules:
    """One version from TOML, which may be put in force.

    Raises:
        BadSetting: the TOML or a part of it is wrong.
        BadRequest: not exactly one version, a name that is taken, or a first day that is past: an old alert must be readable
            with the rule that raised it.
    """
    if len(text) > LONGEST:
        raise BadRequest(name="规则", value=f"{len(text)} 字", reason=f"至多 {LONGEST} 字")
    found = parse_rules(text)
    if len(found) != 1:
        raise BadRequest(name="规则", value=f"{len(found)} 版", reason="一次写一版 [[rule]]")
    [rules] = found
    if rules.version in {one.version for one in known_rules(engine)}:
        raise BadRequest(name="version", value=rules.version, reason="已有这一版；请换一个版本名")
    if rules.effective < today:
        raise BadRequest(name="effective", value=str(rules.effective), reason=f"生效日不能早于今天（{today}）")
    return rules


def save_rules(engine: Engine, text: str, who: str, *, at: datetime | None = None) -> Rules:
    """Put a version in force from its day on. Raises as `check_rules`."""
    moment = at or now()
    rules = check_rules(engine, text, today=city_day(moment))
    with writing(engine) as connection:
        row = {
            "version": rules.version,
            "effective": rules.effective.isoformat(),
            "body": text,
            "who": who,
            "at": moment.timestamp(),
        }
        connection.execute(insert(alert_rules).values(row))
    return rules


def look_back(reader: Reader, last: date, rules: Rules, *, days: int = TRIAL_DAYS) -> list[Looked]:
    """Every incident on every day of the last `days` as the rules would have seen it; the words that they search for are of `rules`.

    The grouping is today's: what became one incident later counts as one from its first day.
    """
    first = last - timedelta(days=days - 1)
    since = day_start(first - timedelta(days=HISTORY_DAYS))
    query = Query(since=since, until=day_start(last + timedelta(days=1)))
    posts = sorted(map(post_of, reader.scan(query)), key=lambda post: (post.at, post.id))
    if not posts:
        return []
    search = Search(posts, first, last, rules)
    survey, found = search.survey, []
    for end in range(search.begin + 1, search.end + 1):
        begin = max(0, end - WINDOW_DAYS)
        for row, incident in enumerate(survey.incidents):
            if incident.people_within(begin, end) >= LEAST_PEOPLE:
                title = posts[incident.members[0]].title or posts[incident.members[0]].text[:30]
                found.append(Looked(survey.date_of(end - 1), row, title, search.inputs(row, begin, end, rules)))
    return found


def would_raise(looked: Sequence[Looked], rules: Rules) -> list[Raised]:
    """The alerts that rules would have raised: each incident once a level."""
    highest: dict[int, int] = {}
    found = []
    for one in looked:
        verdict = rules.assess(one.inputs)
        rank = LEVELS.index(verdict.level)
        if rank > highest.get(one.incident, 0):
            highest[one.incident] = rank
            found.append(Raised(one.day, verdict.level, one.title, one.inputs.burst_people, verdict.rule))
    return found


def levels_of(raised: Sequence[Raised]) -> dict[str, int]:
    """How many of each level, the highest first."""
    counted = Counter(one.level for one in raised)
    return {str(level): counted[level] for level in reversed(LEVELS) if level is not Level.NONE}


def within_budget(
    looked: Sequence[Looked], rules: Rules, per_day: float, *, days: int = TRIAL_DAYS
) -> tuple[float, Rules]:
    """The rules with the probabilities of the burst axis multiplied by the largest factor that raises at most so many alerts a day.

    Returns:
        The factor and the rules; the smallest factor there is where even that raises more.

    Raises:
        BadRequest: the budget is not positive.
    """
    if not per_day > 0:
        raise BadRequest(name="per_day", value=per_day, reason="应为正数")
    best = (_FACTORS[0], scaled(rules, _FACTORS[0]))
    for factor in _FACTORS:
        made = scaled(rules, factor)
        if len(would_raise(looked, made)) > per_day * days:
            break
        best = (factor, made)
    return best


def scaled(rules: Rules, factor: float) -> Rules:
    """The same rules with other probabilities of the burst axis."""
    body: dict[str, Any] = deepcopy(dict(rules.body))
    for step in body["burst"]:
        step["p"] = min(1.0, step["p"] * factor)
    return replace(rules, body=body)


def in_force(engine: Engine, day: date) -> Rules:
    """The rules of a day."""
    return rules_on(day, known_rules(engine))
