"""What is hot in a period: incidents with enough people, ranked by heat, each with its evidence. Empty is an answer.

Grouping, expectation, heat and level are in modules of their own; here they meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from indices.civic.baseline import Floats
from indices.civic.burst import SLOW
from indices.civic.grouping import MEMORY_DAYS, group_posts
from indices.civic.heat import REFERENCE_DAYS, SHIPPED, Weights, heat_parts
from indices.civic.incidents import Survey
from indices.civic.kept_groups import KeptGroups
from indices.civic.levels import Inputs, Rules, Verdict, rules_on
from indices.civic.posts import Post, object_name, post_of
from indices.civic.quotations import CONTRAST, central, representative, title_of
from indices.civic.silence import deliveries_of, loud_sources, silent_sources
from indices.civic.ties import majority
from indices.civic.vectors import Vectors
from models.clock import city_day, now
from models.errors import BadRequest
from models.figures import DayCount, Hotspot, Hotspots, Source
from models.identity import digest
from models.item import aware
from models.labels import OTHER, Level
from models.ports import Reader
from models.query import Query

LEAST_PEOPLE: Final = 3
FALSE_SHARE: Final = 0.1
"""Of the incidents that are shown because they are unusual, at most this share is expected to be chance."""
AREA_SHARE: Final = 0.2
PLACES: Final = 3
METHOD_VERSION: Final = "3"
SHOCK_DAYS: Final = 28
SHOCK_TIMES: Final = 1.5
SHOCK_LEAST: Final = 20
"""A class is up all over the city if so many records elsewhere are so many times those of the four weeks before."""
_SLOW_DAYS: Final = 28


def find_hotspots(reader: Reader, since: datetime, until: datetime, *, top: int = 10, query: Query | None = None,
                  least_people: int = LEAST_PEOPLE, rules: tuple[Rules, ...] | None = None,
                  weights: Weights = SHIPPED, kept: KeptGroups | None = None) -> Hotspots:  # fmt: skip
    """The hottest incidents of the period [since, until).

    Args:
        reader: what the viewer may see.
        since, until: city days are counted; a time without zone is the city's.
        top: how many at most.
        query: narrows the records (filters, words); its own times do not count.
        least_people: distinct people in the period that an incident must have.
        rules: every version that is known; None: those that ship.
        weights: of the heat.
        kept: the groups so far, where `reader` sees all records and `query` narrows nothing; None: they are grouped anew.

    Raises:
        BadRequest: the period is empty or `top` is not positive.
    """
    since, until = aware(since), aware(until)
    if since >= until:
        raise BadRequest(name="since", value=since.isoformat(), reason=f"须早于结束时间 {until.isoformat()}")
    if top < 1:
        raise BadRequest(name="top", value=top, reason="至少为 1")
    asked = (query or Query()).model_copy(update={"since": since, "until": until})
    first, last = city_day(since), city_day(until - timedelta(microseconds=1))
    scan = asked.model_copy(update={"since": since - timedelta(days=MEMORY_DAYS)})
    posts = sorted(map(post_of, reader.scan(scan)), key=lambda post: (post.at, post.id))
    found_rules = rules_on(last, rules)
    source = Source(
        query=asked, n=sum(post.at >= since for post in posts), computed_at=now(),
        versions={"hotspots": METHOD_VERSION, "heat": weights.version, "rules": found_rules.version},
    )  # fmt: skip
    if not posts:
        return Hotspots(hotspots=(), source=source)
    found = Search(posts, first, last, found_rules, weights, kept).best(top, least_people)
    delivered = deliveries_of(posts)
    return Hotspots(hotspots=tuple(found), source=source, silent_sources=silent_sources(delivered, last),
                    loud_sources=loud_sources(delivered, last))  # fmt: skip


class Search:
    """One run over the posts of a period and its history."""

    def __init__(self, posts: list[Post], first: date, last: date, rules: Rules, weights: Weights = SHIPPED,
                 kept: KeptGroups | None = None) -> None:  # fmt: skip
        start = min(posts[0].day, first)
        self.begin, self.end = (first - start).days, (last - start).days + 1
        self.period = max(0, min(self.begin, self.end - REFERENCE_DAYS))
        self.posts, self.rules, self.weights = posts, rules, weights.values
        self.vectors = Vectors(posts)
        groups = kept.groups(posts) if kept else group_posts(posts, self.vectors)
        self.survey = Survey(posts, groups, start, self.end, active_from=self.period)
        if self.end - self.begin >= REFERENCE_DAYS:
            self.survey.sustained = self.survey.sustain(self.begin, self.end)
        self._negative: dict[tuple[str, int], float | None] = {}
        self._topics: dict[str, tuple[Floats, Floats]] = {}

    def best(self, top: int, least_people: int) -> list[Hotspot]:
        survey = self.survey
        people = {row: one.people_within(self.begin, self.end) for row, one in enumerate(survey.incidents)}
        rows = self._notable([row for row, count in people.items() if count >= least_people])
        reference = survey.reference(self.begin, self.end, self.period) if rows else []
        heats = {row: heat_parts(survey.components(row, self.begin, self.end), reference, self.weights) for row in rows}
        order = sorted(rows, key=lambda row: (-round(sum(heats[row].values()), 2), *self._tie(row)))
        return [self._hotspot(rank, row, heats[row]) for rank, row in enumerate(order[:top], start=1)]

    def _notable(self, rows: list[int]) -> list[int]:
        """Incidents to which a rule gives a level, and those that are unusual (Benjamini and Hochberg 1995): what happens every
        week as it always did is no hotspot, however many people it concerns."""
        judged = {row: self._judge(row) for row in rows}
        ordered = sorted(p_value for p_value, _ in judged.values())
        passing = [p for rank, p in enumerate(ordered, start=1) if p <= FALSE_SHARE * rank / len(ordered)]
        limit = passing[-1] if passing else -1.0
        return [
            row for row, (p_value, verdict) in judged.items() if p_value <= limit or verdict.level is not Level.NONE
        ]

    def _tie(self, row: int) -> tuple[int, str]:
        incident = self.survey.incidents[row]
        return -incident.people_within(self.begin, self.end), self.posts[incident.members[0]].id

    def _hotspot(self, rank: int, row: int, parts: dict[str, float]) -> Hotspot:
        survey, incident = self.survey, self.survey.incidents[row]
        span = incident.within(self.begin, self.end)
        positions = incident.members[span]
        members = [self.posts[position] for position in positions]
        person = dict(zip(positions, incident.people[span], strict=True))
        ordered = central(positions, self.posts, self.vectors)
        middle = [self.posts[position] for position in ordered]
        quoted = representative(middle, [person[position] for position in ordered], self._others(set(positions)))
        p_value, verdict = self._judge(row)
        expected = survey.burst.expected[row, self.begin : self.end]
        counted = incident.series[self.begin : self.end]
        return Hotspot(
            rank=rank, title=title_of(middle, quoted), heat=round(sum(parts.values()), 2), parts=parts, count=len(members),
            people=len(set(person.values())), first=members[0].at, last=members[-1].at, places=_places(members),
            topic=incident.topic or OTHER, level=verdict.level, members=tuple(post.shown_id for post in members),
            sentences=quoted, key=digest("incident", self.posts[incident.members[0]].id),
            record_ids=tuple(post.id for post in members), districts=_frequent(post.district for post in members),
            channels=_frequent(post.channel for post in members),
            department=majority(Counter(post.department for post in members if post.department)),
            p_value=p_value, expected=round(self._usual_total(row, expected), 2), rule=self._words(row, span.start) + verdict.rule,
            daily=tuple(DayCount(day=survey.date_of(self.begin + i), count=int(n), expected=round(float(e), 3))
                        for i, (n, e) in enumerate(zip(counted, expected, strict=True))),
        )  # fmt: skip

    def _judge(self, row: int) -> tuple[float, Verdict]:
        inputs = self.inputs(row, self.begin, self.end, self.rules)
        return inputs.p_value, self.rules.assess(inputs)

    def inputs(self, row: int, begin: int, end: int, rules: Rules) -> Inputs:
        """What the rules look at: incident `row` in the days [begin, end). The p-value is corrected for having looked at each."""
        survey, incident = self.survey, self.survey.incidents[row]
        best = 10.0 ** -float(survey.burst.score[row, begin:end].max())
        p_value = float(-np.expm1((end - begin) * np.log1p(-min(best, 1 - 1e-16))))
        if survey.sustained is not None:
            p_value = min(1.0, 2 * min(p_value, float(survey.sustained.tail[row])))  # two looks
        span = incident.within(begin, end)
        members = [self.posts[position] for position in incident.members[span]]
        behind = list(zip(members, incident.people[span], strict=True))
        return Inputs(
            p_value=p_value, burst_people=int(survey.weekly[row, begin:end].max()), people=len(set(incident.people[span])),
            streets=len(_held(post.street for post in members)), districts=len(_held(post.district for post in members)),
            channels=_held(post.channel for post in members), object_name=incident.object_name,
            hazard=_mentions(behind, rules.words("hazard")), casualty=_mentions(behind, rules.words("casualty")),
            stability=_mentions(behind, rules.words("stability")),
            negative_share=sum(post.negative for post in members) / len(members),
            negative_limit=self._negative_limit(incident.topic, len(members), end, rules),
        )  # fmt: skip

    def _usual_total(self, row: int, daily: Floats) -> float:
        """People that would be usual in the whole period; over months not learned from the period itself."""
        sustained = self.survey.sustained
        return float(daily.sum() if sustained is None else sustained.expected[row])

    def _words(self, row: int, earlier: int) -> str:
        """The burst in words: when, how many, how many are usual."""
        survey = self.survey
        day = self.begin + int(np.argmax(survey.burst.score[row, self.begin : self.end]))
        window = int(survey.burst.window_days[row, day])
        slow = window == SLOW
        days = _SLOW_DAYS if slow else window
        begin = max(0, day + 1 - days)
        people = int(survey.incidents[row].series[begin : day + 1].sum())
        usual = float(survey.burst.expected[row, begin : day + 1].sum())
        shown = f"{usual:.1f}" if usual >= 0.05 else "不足 0.1"
        text = (
            f"截至 {survey.date_of(day)} 的 {days} 天内 {people} 人，通常 {shown} 人{'（缓慢累积）' if slow else ''}。"
        )
        text += self._shock(row, begin, day + 1)
        if survey.sustained is not None:
            whole = int(survey.incidents[row].series[self.begin : self.end].sum())
            text += (
                f"全期 {self.end - self.begin} 天 {whole} 人次，按此前份额应有 {survey.sustained.expected[row]:.1f}。"
            )
        if earlier:
            text += f"此前已有 {earlier} 件，始于 {survey.date_of(int(survey.incidents[row].days[0]))}。"
        return text

    def _shock(self, row: int, begin: int, end: int) -> str:
        """A city-wide wave of the class in words: a storm fills every street, and the expectation has risen with it."""
        incident = self.survey.incidents[row]
        counted, _ = self._topic_days(incident.topic or "")
        span = incident.within(begin, end)
        others = float(counted[begin:end].sum()) - (span.stop - span.start)
        before = counted[max(0, begin - SHOCK_DAYS) : begin]
        usual = float(before.mean()) * (end - begin) if len(before) else 0.0
        if others < SHOCK_LEAST or others < SHOCK_TIMES * usual or not usual:
            return ""
        return f"此间全市其他地方同类为平常的 {others / usual:.1f} 倍，期望已随之放大。"

    def _others(self, inside: set[int]) -> list[Post]:
        step = max(1, len(self.posts) // CONTRAST)
        return [self.posts[position] for position in range(0, len(self.posts), step) if position not in inside]

    def _negative_limit(self, topic: str | None, n: int, end: int, rules: Rules) -> float | None:
        """The quantile of the topic's own 7-day shares of negative records in the 90 days before day `end`; None: too little
        history, or too few records (`n`) to speak of a share."""
        rule, key = rules.negativity, (topic or "", end)
        if n < rule["least_records"]:
            return None
        if key not in self._negative:
            counted, negative = self._topic_days(key[0])
            lo, week = max(0, end - REFERENCE_DAYS), np.ones(7)
            total = np.convolve(counted[lo:end], week)[6 : end - lo]
            share = np.convolve(negative[lo:end], week)[6 : end - lo] / np.maximum(total, 1)
            share = share[total >= rule["least_records"]]
            enough = len(share) >= 7 * rule["least_weeks"]
            self._negative[key] = float(np.quantile(share, rule["quantile"])) if enough else None
        return self._negative[key]

    def _topic_days(self, topic: str) -> tuple[Floats, Floats]:
        """(days,) records of a topic, and the negative ones among them."""
        if topic not in self._topics:
            counted, negative = np.zeros(self.end), np.zeros(self.end)
            for position, post in enumerate(self.posts):
                if (post.topic or "") == topic:
                    counted[self.survey.day_of(position)] += 1
                    negative[self.survey.day_of(position)] += post.negative
            self._topics[topic] = counted, negative
        return self._topics[topic]


def _mentions(behind: Sequence[tuple[Post, int]], words: Sequence[str]) -> int:
    """How many people use one of the words."""
    return len({person for post, person in behind if any(word in post.title or word in post.text for word in words)})


def _held(values: Iterable[str | None]) -> frozenset[str]:
    """Areas or channels with at least two records and a fifth of those that name one: one wrong entry is no spread."""
    counted = Counter(value for value in values if value)
    least = max(2.0, counted.total() * AREA_SHARE)
    return frozenset(value for value, count in counted.items() if count >= least)


def _frequent(values: Iterable[str | None]) -> tuple[str, ...]:
    counted = Counter(value for value in values if value)
    return tuple(sorted(counted, key=lambda value: (-counted[value], value)))


def _places(members: Sequence[Post]) -> tuple[str, ...]:
    """Up to three names that at least a sixth of the members (and two) use, the most frequent first; else the district."""
    spelled: dict[str, Counter[str]] = {}
    for post in members:
        for name in {object_name(shown): shown for shown in post.place_names}.items():
            spelled.setdefault(name[0], Counter())[name[1]] += 1
    counted = Counter({name: sum(forms.values()) for name, forms in spelled.items() if name})
    least = max(2, len(members) / 6) if len(members) > 1 else 1
    frequent = [name for name in sorted(counted, key=lambda n: (-counted[n], n)) if counted[name] >= least]
    named = tuple(str(majority(spelled[name])) for name in frequent[:PLACES])
    return named or _frequent(post.street or post.district for post in members)[:1]
