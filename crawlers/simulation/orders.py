"""Orders of an invented city with a known truth, for trying the product and for benchmarks.

No accuracy of a language model may be claimed on these texts: the grammar that wrote them is far simpler than people are.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import accumulate
from random import Random
from typing import Any, Final

from crawlers.simulation.city import City, Unit, make_city
from crawlers.simulation.clock import UTC_OFFSET, midnight
from crawlers.simulation.grammar import Issue, load_issues
from crawlers.simulation.life import Life, Matter, live
from crawlers.simulation.plan import CHANNEL_SHARES, TYPE_SHARES, Plan, make_plan
from crawlers.simulation.writer import Story, Writer, invented_phone
from models.item import Item, Payload
from models.labels import Status

SOURCE: Final = "simulated-city"
SAME_CALLER_SHARE: Final = 0.09
"""Share of ordinary orders by somebody who called in the last weeks from the same street."""
NAMELESS_SHARE: Final = 0.05
_RECENT: Final = 12
_ZONE: Final = timezone(timedelta(seconds=UTC_OFFSET))
"""The city's time as a fixed offset, which it has been since 1992: twice as fast to write as the zone's table."""


@dataclass(frozen=True)
class Simulation:
    """A city, the orders of its days and the truth behind them. `items` may be read again and gives the same."""

    city: City
    seed: int
    start: date
    end: date
    plan: Plan
    issues: tuple[Issue, ...]
    channel_shares: Mapping[str, float]

    def __len__(self) -> int:
        return len(self.plan)

    def items(self) -> Iterator[Item]:
        """Every order as it stood at the end of the last day, in order of creation."""
        for life, state in self._orders():
            if snapshot := state.at(life, self.as_of):
                yield snapshot

    def states(self) -> Iterator[Item]:
        """Every state of every order until the end of the last day: same native id, rising revision."""
        for life, state in self._orders():
            for instant, _ in life.steps:
                if instant <= self.as_of:
                    item = state.at(life, instant)
                    yield item.model_copy(update={"revision": instant})

    @property
    def as_of(self) -> int:
        """The moment of the snapshot, Unix seconds: the last second of the last day."""
        return midnight(self.end + timedelta(days=1)) - 1

    @property
    def truth(self) -> dict[str, Any]:
        """What was put in: events with their orders, offices with their quality, shocks, serial callers."""
        from crawlers.simulation.truth import truth_of

        return truth_of(self)

    def _orders(self) -> Iterator[tuple[Life, _Order]]:
        plan = self.plan
        teller = _Teller(self)
        columns = (plan.day, plan.second, plan.issue, plan.kind, plan.street, plan.event, plan.serial)
        rows = zip(plan.native_ids(), *(column.tolist() for column in columns), strict=True)
        for row in rows:
            yield teller.tell(*row)


def simulate(*, seed: int = 1, days: int = 120, per_day: float = 60.0, end: date, events: int = 12,
             type_shares: Mapping[str, float] = TYPE_SHARES, channel_shares: Mapping[str, float] = CHANNEL_SHARES) -> Simulation:  # fmt: skip
    """Simulate `days` days up to `end` (inclusive). The same arguments, the same items to the byte.

    Args:
        per_day: mean number of orders a day, events not counted.
        events: injected events of 6–50 orders over 3–10 days, at least two of them in the last ten days.

    Raises:
        BadRequest: a number is not positive, or the days leave no room for the events.
    """
    issues, city, start = load_issues(), make_city(seed), end - timedelta(days=days - 1)
    plan = make_plan(
        seed, city, issues, start=start, days=days, per_day=per_day, events=events, type_shares=type_shares
    )
    return Simulation(city, seed, start, end, plan, issues, channel_shares)


def line(item: Item) -> str:
    """One line of the JSONL format, without the line end."""
    return item.model_dump_json(exclude_defaults=True)


def truth_json(simulation: Simulation) -> str:
    """The truth as JSON text."""
    return json.dumps(simulation.truth, ensure_ascii=False, indent=1)


@dataclass(slots=True)
class _Order:
    """What does not change while the order lives, and the texts."""

    native_id: str
    matter: Matter
    story: Story
    place: tuple[str | None, str]
    point: tuple[float, float]
    title: str
    text: str
    reply: str
    reason: str
    speaker: str | None
    fetched: datetime

    def at(self, life: Life, instant: int) -> Item:
        """The item as it stands at `instant`."""

        def known(at: int | None) -> datetime | None:
            return datetime.fromtimestamp(at, _ZONE) if at is not None and at <= instant else None

        step, status = next(s for s in reversed(life.steps) if s[0] <= instant)
        fields: dict[str, Any] = {"created_at": known(self.matter.created), "accepted_at": known(life.accepted)}
        if life.returned is not None and life.first_dispatched is not None and instant < (life.dispatched or 0):
            if instant >= life.first_dispatched:
                fields["dispatched_at"] = known(life.first_dispatched)
                if instant < life.returned and life.first_unit:
                    fields["department"] = life.first_unit.name
        elif known(life.dispatched):
            fields.update(dispatched_at=known(life.dispatched), due_at=datetime.fromtimestamp(life.due or 0, _ZONE),
                          transfers=life.transfers or None)  # fmt: skip
            fields["department"] = life.unit.name if life.unit else None
        if life.returned is not None and life.returned <= instant:
            fields["returns"] = 1
        fields["signed_at"] = known(life.signed)
        if known(life.replied):
            fields.update(replied_at=known(life.replied), reply=self.reply, reminders=life.reminders or None)
            fields["department"] = life.unit.name if life.unit else None
        if known(life.called_back):
            fields.update(called_back_at=known(life.called_back), contacted=life.contacted)
            if life.contacted:
                fields.update(resolved=life.outcome, rating=life.rating)
                if life.rating is not None and life.rating <= 2:
                    fields["rating_reason"] = self.reason
        fields["closed_at"] = known(life.closed)
        if status in (Status.RETURNED, Status.TO_DISPATCH, Status.HANDLING, Status.TO_CALL_BACK, Status.ARCHIVED):
            fields["changed_at"] = known(step)
        return self._item({name: value for name, value in fields.items() if value is not None}, status)

    def _item(self, fields: dict[str, Any], status: Status) -> Item:
        story = self.story
        payload = Payload(
            channel=story.channel, title=self.title, text=self.text, adcode=story.street.adcode, district=story.street.district,
            street=story.street.name, community=self.place[0], place=self.place[1], longitude=self.point[0],
            latitude=self.point[1], stated_type=story.kind, stated_topic=story.issue.topic, status=status.value,
            speaker=self.speaker, **fields,
        )  # fmt: skip
        return Item(source=SOURCE, native_id=self.native_id, fetched_at=self.fetched, payload=payload)


class _Teller:
    """Goes through the plan and tells each order; remembers who called before and what was said in an event."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation, self.city = simulation, simulation.city
        self.rng = Random(f"orders {simulation.seed}")
        self.writer = Writer(self.city)
        self.streets = self.city.streets
        self.midnights = [
            midnight(simulation.start + timedelta(days=d)) for d in range((simulation.end - simulation.start).days + 1)
        ]
        self.channels = list(simulation.channel_shares)
        self.channel_edges = list(accumulate(simulation.channel_shares.values()))
        self.fetched = datetime.fromtimestamp(simulation.as_of + 1, _ZONE)
        self.desk = self.city.unit("政务", "")
        self.callers: dict[int, list[str]] = {}
        self.serial_phones = [invented_phone(self.rng) for _ in simulation.plan.serials]
        self.scenes = [self.writer.fix(self.rng, self.streets[event.street]) for event in simulation.plan.events]
        self.said: set[str] = set()

    def tell(self, native_id: str, day: int, second: int, issue_number: int, kind_number: int, street_number: int,
             event: int, serial: int) -> tuple[Life, _Order]:  # fmt: skip
        rng, plan = self.rng, self.simulation.plan
        issue, street = self.simulation.issues[issue_number], self.streets[street_number]
        kind = plan.types[kind_number]
        channel = self._channel() if serial < 0 else "hotline"
        again = serial >= 0
        speaker = self._speaker(street_number, channel, serial)
        if speaker and kind in ("投诉", "求助") and event < 0 and serial < 0:
            again = rng.random() < 0.05
        unit = self.city.unit(issue.department, street.district)
        story = Story(
            issue=issue, kind=kind, street=street, place=self._place(issue, street_number, event, serial), channel=channel,
            day=self.simulation.start + timedelta(days=day), unit=unit.name, tone=self._tone(issue, kind, again), again=again,
            phone=speaker if speaker and speaker.isdigit() else None,
        )  # fmt: skip
        if event >= 0:
            story.fixed = self.scenes[event]
            story.onset = self.simulation.start + timedelta(days=plan.events[event].first_day)
        matter = Matter(self.midnights[day] + second, channel, kind, issue.urgency if kind in ("投诉", "求助", "举报") else 0,
                        story.tone, again, event >= 0)  # fmt: skip
        life = live(rng, matter, unit, self._wrong_unit(unit, street.district), self.desk)
        title, text = self._words(story, event)
        reply = self._reply(story, life)
        community = story.place if issue.place == "community" else self._near(street_number)
        point = (round(street.centre[0] + rng.gauss(0, 0.008), 5), round(street.centre[1] + rng.gauss(0, 0.008), 5))
        return life, _Order(native_id, matter, story, (community, story.place), point, title, text, reply,
                            self.writer.reason(rng), speaker, self.fetched)  # fmt: skip

    def _channel(self) -> str:
        return self.channels[
            bisect(self.channel_edges, self.rng.random() * self.channel_edges[-1], hi=len(self.channels) - 1)
        ]

    def _reply(self, story: Story, life: Life) -> str:
        if life.steps[-1][1] is Status.REFUSED:
            return self.writer.refusal(self.rng, story)
        if life.unit is self.desk:
            story.unit = self.desk.name
        return self.writer.reply(self.rng, story, life.outcome)

    def _words(self, story: Story, event: int) -> tuple[str, str]:
        """Title and text; within an event never the same text twice."""
        title, text = self.writer.write(self.rng, story)
        if event >= 0:
            while text in self.said:
                title, text = self.writer.write(self.rng, story)
            self.said.add(text)
        return title, text

    def _speaker(self, street: int, channel: str, serial: int) -> str | None:
        rng = self.rng
        if serial >= 0:
            return self.serial_phones[serial]
        recent = self.callers.setdefault(street, [])
        if recent and rng.random() < SAME_CALLER_SHARE:
            return recent[int(rng.random() * len(recent))]
        if channel != "hotline" and rng.random() < NAMELESS_SHARE:
            return None
        number = invented_phone(rng)
        recent.append(number)
        if len(recent) > _RECENT:
            recent.pop(0)
        return number

    def _place(self, issue: Issue, street: int, event: int, serial: int) -> str:
        here = self.streets[street]
        if issue.place == "street":
            return here.name
        names = here.places[issue.place]
        if event >= 0:
            return names[self.simulation.plan.events[event].place]
        if serial >= 0:
            return names[self.simulation.plan.serials[serial][2]]
        return names[int(self.rng.random() * len(names))]

    def _near(self, street: int) -> str | None:
        names = self.streets[street].places["community"]
        return names[int(self.rng.random() * len(names))] if self.rng.random() < 0.5 else None

    def _tone(self, issue: Issue, kind: str, again: bool) -> int:
        if kind == "表扬":
            return 1
        if kind in ("咨询", "建议"):
            return 0 if self.rng.random() < 0.9 else -1
        return max(-2, min(0, issue.tone - again + (self.rng.random() < 0.35) - (self.rng.random() < 0.2)))

    def _wrong_unit(self, unit: Unit, district: str) -> Unit:
        """An office that gets the order by mistake; often the one that everything is sent to."""
        code = self.rng.choice(("属地", "城管", "住建", "属地", "交通", "公安"))
        return self.city.unit(code, district) if code != unit.code else unit
