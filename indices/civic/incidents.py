"""Groups of posts as incidents: people per day, what would have been usual, and the components of the heat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from indices.civic.baseline import Expectation, Floats, Ints, expect
from indices.civic.burst import Burst, judge, rolling, window_tail
from indices.civic.heat import NOVELTY_DAYS, Components
from indices.civic.people import daily_people, persons
from indices.civic.posts import Post
from indices.civic.ties import majority

LEAST_PEOPLE: Final = 2
"""One person alone is no incident, however often he writes."""
GROWTH_DAYS: Final = (7, 28)
"""Week against week; in periods of months month against month: the best week of a year is chance, and hides what grows for long."""
LEAST_CELLS: Final = 10
"""A topic that was seen in few places so far may occur in others."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A group with at least two people behind it.

    Attributes:
        members: positions in `Survey.posts`, in order of (time, id).
        people: the person behind each member.
        days: (members,) day number of each.
        series: (days,) people per day (`indices.civic.people.daily_people`).
        object_name: the place or thing that most of those who name one name; "" where there is none.
    """

    members: list[int]
    people: list[int]
    days: Ints
    series: Ints
    topic: str | None
    object_name: str

    def within(self, begin: int, end: int) -> slice:
        """Which of the members lie in the days [begin, end)."""
        return slice(int(np.searchsorted(self.days, begin)), int(np.searchsorted(self.days, end)))

    def people_within(self, begin: int, end: int) -> int:
        return len(set(self.people[self.within(begin, end)]))


@dataclass(frozen=True, slots=True)
class Sustained:
    """(incidents,) P(at least as many people in the whole period) and the people expected in it."""

    tail: Floats
    expected: Floats


class Survey:
    """Every incident of a stretch of days, judged against what was usual.

    Args:
        posts: sorted by (at, id).
        groups: positions in `posts`.
        start: day number 0; no post is older.
        days: how many days the stretch has.
        active_from: day number; groups without a member since then are history that only the expectation needs.

    Attributes:
        sustained: set it (`sustain`) for periods of months; then it is part of the burst component, and growth is of months.
    """

    def __init__(
        self, posts: Sequence[Post], groups: list[list[int]], start: date, days: int, *, active_from: int = 0
    ) -> None:
        self.posts, self.start, self.days = posts, start, days
        self.incidents: list[Incident] = []
        for group in groups:
            if len(group) >= LEAST_PEOPLE and self.day_of(group[-1]) >= active_from:
                incident = self._incident(group)
                if len(set(incident.people)) >= LEAST_PEOPLE:
                    self.incidents.append(incident)
        self._history, self._issue, self._cells = self._cells_of(groups)
        expectation = self._expect(None)
        counts = np.array([one.series for one in self.incidents], dtype=np.int64).reshape(len(self.incidents), days)
        self.burst: Burst = judge(counts, expectation)
        self._growth, self._growth_of_months = (_growth(counts.astype(np.float64), span) for span in GROWTH_DAYS)
        self.sustained: Sustained | None = None
        self.weekly = rolling(counts.astype(np.float64), 7)

    def day_of(self, position: int) -> int:
        return (self.posts[position].day - self.start).days

    def date_of(self, day: int) -> date:
        return self.start + timedelta(days=day)

    def _incident(self, group: list[int]) -> Incident:
        members = [self.posts[position] for position in group]
        people = persons(members)
        days = np.array([self.day_of(position) for position in group], dtype=np.int64)
        named = Counter(post.objects[0] for post in members if post.objects)
        return Incident(
            members=group, people=people, days=days,
            series=np.array(daily_people(days.tolist(), people, self.days), dtype=np.int64),
            topic=majority(Counter(post.topic for post in members if post.topic)),
            object_name=next((name for name, count in named.most_common(1) if count * 3 >= len(members)), ""),
        )  # fmt: skip

    def _cells_of(self, groups: list[list[int]]) -> tuple[Floats, list[int], list[int]]:
        """What the expectation is learned from: (rows, days) counts, the topic number of each row, the cells of each topic.

        An incident's cell is its object × its topic: its own people and the other posts about the same object and topic.
        The rest of each topic is one more row, so that the city's totals are whole. A topic divides among as many cells as it
        has objects, a post without an object counting by its group.
        """
        topics = sorted({post.topic or "" for post in self.posts} | {one.topic or "" for one in self.incidents})
        number = {topic: index for index, topic in enumerate(topics)}
        rows = len(self.incidents)
        history = np.zeros((rows + len(topics), self.days))
        for row, incident in enumerate(self.incidents):
            history[row] = incident.series
        row_of = {
            (one.object_name, one.topic or ""): row
            for row, one in reversed(list(enumerate(self.incidents)))
            if one.object_name
        }
        inside = {position for one in self.incidents for position in one.members}
        cells: defaultdict[int, set[str | int]] = defaultdict(set)
        for group_number, group in enumerate(groups):
            for position in group:
                post = self.posts[position]
                topic, name = post.topic or "", post.objects[0] if post.objects else ""
                cells[number[topic]].add(name or group_number)
                if position not in inside:
                    history[row_of.get((name, topic), rows + number[topic]), self.day_of(position)] += 1
        issue = [number[one.topic or ""] for one in self.incidents] + list(range(len(topics)))
        return history, issue, [max(len(cells[index]), LEAST_CELLS) for index in range(len(topics))]

    def _expect(self, learn_until: int | None) -> Expectation:
        """What the cell of each incident would count."""
        rows = len(self.incidents)
        full = expect(self._history, self._issue, self.start, cells_of_issue=self._cells, learn_until=learn_until)
        return Expectation(full.mean[:rows], full.shape[:rows], full.overdispersion)

    def sustain(self, begin: int, end: int) -> Sustained:
        """The whole of the days [begin, end) against what was usual before them; for periods of months."""
        before = self._expect(begin)
        days = slice(begin, end)
        counts = np.array([one.series for one in self.incidents], dtype=np.float64).reshape(
            len(self.incidents), self.days
        )
        part = Expectation(before.mean[:, days], before.shape[:, days], before.overdispersion[days])
        tail = window_tail(counts[:, days], part, end - begin)[:, -1]
        return Sustained(np.maximum(tail, 1e-300), part.mean.sum(axis=1))

    def components(self, row: int, begin: int, end: int) -> Components:
        """The components of incident `row` in the days [begin, end)."""
        incident = self.incidents[row]
        members = [self.posts[position] for position in incident.members[incident.within(begin, end)]]
        n = max(len(members), 1)
        urgency = sum(post.urgency for post in members) / n
        age = max(0, begin - int(incident.days[0]))
        growth = self._growth if self.sustained is None else self._growth_of_months
        return Components(
            burst=max(float(self.burst.score[row, begin:end].max(initial=0.0)), self._sustained_score(row)),
            people=float(incident.people_within(begin, end)),
            growth=float(growth[row, begin:end].max(initial=0.0)),
            negativity=sum(1.0 - post.positive for post in members) / n * (1.0 + urgency),
            spread=float(len({(post.source, post.channel) for post in members})),
            unresolved=sum(post.settled is not True for post in members) / n,
            engagement=float(np.log1p(sum(post.attention for post in members))),
            novelty=float(np.exp(-age / NOVELTY_DAYS)),
        )

    def _sustained_score(self, row: int) -> float:
        return 0.0 if self.sustained is None else float(-np.log10(self.sustained.tail[row]))

    def reference(self, begin: int, end: int, period: int) -> list[Components]:
        """Components of every incident of the period [period, end), each over a window as long as [begin, end) that ends
        with its own last message in the period; where the window is the period, over it."""
        length = end - begin
        found = []
        for row, incident in enumerate(self.incidents):
            recent = incident.within(period, end)
            if recent.start < recent.stop:
                last = int(incident.days[recent.stop - 1]) + 1
                last = end if period == begin else max(last, min(end, length))
                found.append(self.components(row, max(0, last - length), last))
        return found


def _growth(counts: Floats, days: int) -> Floats:
    """(incidents, days) log2 of people in the last `days` against as many before, one added to both."""
    last = rolling(counts, days)
    before = np.zeros_like(last)
    before[:, days:] = last[:, :-days]
    return np.asarray(np.log2((last + 1.0) / (before + 1.0)))
