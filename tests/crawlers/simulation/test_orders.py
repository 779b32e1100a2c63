from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import pytest

from crawlers.simulation.orders import SOURCE, Simulation, line, simulate
from crawlers.simulation.plan import CHANNEL_SHARES
from models.clock import CITY_TIME, city_day
from models.identity import record_id, revision
from models.item import Item, Payload
from models.labels import CHANNELS, DEMAND_TYPES, TOPICS, Status
from nlp.similar import near_duplicates

END = date(2026, 11, 24)
OPEN = {Status.WAITING, Status.ACCEPTED, Status.TO_DISPATCH}


def test_same_seed_same_bytes() -> None:
    one, two, other = (
        "\n".join(map(line, simulate(seed=s, days=22, per_day=8, end=END, events=3).items())) for s in (7, 7, 8)
    )
    assert one == two
    assert one != other


def test_items_may_be_read_again() -> None:
    made = simulate(seed=7, days=22, per_day=8, end=END, events=1)
    first = [line(item) for item in made.items()]
    assert [line(item) for item in made.items()] == first
    assert len(made) == len(first)


def test_lines_are_items(items: list[Item]) -> None:
    for item in items[::40]:
        assert Item.model_validate_json(line(item)) == item
        assert "\n" not in line(item)


def test_fields(simulation: Simulation, items: list[Item]) -> None:
    streets = {street.name: street for street in simulation.city.streets}
    assert len({item.native_id for item in items}) == len(items)
    assert len({record_id(item) for item in items}) == len(items)
    for item in items:
        p = item.payload
        assert item.source == SOURCE
        assert p.title
        assert p.text
        assert p.channel in CHANNELS
        assert p.stated_type in DEMAND_TYPES
        assert p.stated_topic in TOPICS
        assert p.status in set(Status)
        street = streets[p.street or ""]
        assert (p.district, p.adcode) == (street.district, street.adcode)
        assert p.place in {street.name, *(name for names in street.places.values() for name in names)}
        assert abs((p.longitude or 0) - street.centre[0]) < 0.06
        assert item.native_id is not None
        assert item.native_id.startswith(f"GD{p.created_at:%Y%m%d}")


def test_shares(simulation: Simulation, items: list[Item]) -> None:
    topics = Counter(item.payload.stated_topic for item in items)
    assert len(topics) >= 12
    assert set(topics) == set(TOPICS)
    channels = Counter(item.payload.channel for item in items)
    for channel, share in CHANNEL_SHARES.items():
        assert channels[channel] / len(items) == pytest.approx(share, abs=0.03), channel
    days = {item.payload.created_at.date() for item in items if item.payload.created_at}
    assert min(days) == simulation.start
    assert max(days) == END


def test_channel_shares_can_be_chosen() -> None:
    made = simulate(seed=1, days=25, per_day=10, end=END, events=0, channel_shares={"mailbox": 1.0})
    assert {item.payload.channel for item in made.items()} <= {"mailbox", "hotline"}, "serial callers call"


def test_times_and_status_agree(items: list[Item]) -> None:
    as_of = datetime(2026, 11, 25, tzinfo=CITY_TIME)
    for item in items:
        p = item.payload
        times = [
            t
            for t in (
                p.created_at,
                p.accepted_at,
                p.dispatched_at,
                p.signed_at,
                p.replied_at,
                p.called_back_at,
                p.closed_at,
            )
            if t
        ]
        assert times == sorted(times), item.native_id
        assert times[-1] < as_of, "nothing from the future"
        assert p.due_at is None or (p.dispatched_at is not None and p.due_at > p.dispatched_at)
        assert (p.reply != "") == (p.replied_at is not None)
        assert p.rating is None or (p.contacted and p.called_back_at and p.resolved)
        assert p.rating_reason is None or (p.rating or 5) <= 2
        if p.status in OPEN:
            assert p.department is None
            assert p.dispatched_at is None
        if p.status in (Status.DISPATCHED, Status.SIGNED, Status.HANDLING, Status.REPLIED, Status.CLOSED):
            assert p.department
        assert p.status != Status.CLOSED or p.closed_at
        assert p.status != Status.RETURNED or (p.returns and p.department is None)


def test_the_desk_has_work(items: list[Item]) -> None:
    waiting = [item for item in items if item.payload.status in OPEN]
    assert len(waiting) >= 20
    newest = [
        item for item in waiting if item.payload.created_at and (END - city_day(item.payload.created_at)).days <= 2
    ]
    assert len(newest) > 0.8 * len(waiting)
    assert {item.payload.status for item in waiting} == OPEN


def test_the_city_s_offices_handle_it(simulation: Simulation, items: list[Item]) -> None:
    units = {unit.name for unit in simulation.city.units}
    departments = {item.payload.department for item in items} - {None}
    assert departments <= units
    assert len(departments) > 60
    returned = [item for item in items if item.payload.returns]
    assert 0.015 < len(returned) / len(items) < 0.08
    assert any(item.payload.reminders for item in items)
    ratings = Counter(item.payload.rating for item in items if item.payload.rating)
    rated = sum(ratings.values()) / len(items)
    assert 0.25 < rated < 0.65, "not everybody answers"
    assert set(ratings) == {1, 2, 3, 4, 5}
    assert ratings[5] > ratings[1]


def test_repeat_callers(items: list[Item]) -> None:
    calls = Counter(item.payload.speaker for item in items if item.payload.speaker)
    assert calls.most_common(1)[0][1] >= 4
    share = 1 - len(calls) / sum(calls.values())
    assert 0.06 < share < 0.25
    assert any(item.payload.speaker is None for item in items)


def test_no_two_texts_of_an_event_are_alike(items: list[Item], truth: dict[str, Any]) -> None:
    by_id = {item.native_id: item for item in items}
    for event in truth["events"]:
        texts = [by_id[native_id].payload.text for native_id in event["native_ids"]]
        assert len(set(texts)) == len(texts)
        near = 1 - len(set(near_duplicates(texts))) / len(texts)
        assert near <= 0.2, (event["issue"], near)


def test_texts_are_varied(items: list[Item]) -> None:
    texts = [item.payload.text for item in items[:1_500]]
    assert len(set(texts)) > 0.97 * len(texts)


def test_states_rise_to_the_last_one() -> None:
    made = simulate(seed=5, days=22, per_day=5, end=END, events=2)
    last = {item.native_id: item for item in made.items()}
    states: dict[str, list[Item]] = {}
    for item in made.states():
        states.setdefault(item.native_id or "", []).append(item)
    assert set(states) == set(last)
    assert sum(map(len, states.values())) > 4 * len(last)
    for native_id, steps in states.items():
        assert all(revision(a) < revision(b) for a, b in pairwise(steps))
        assert steps[-1].payload == last[native_id].payload
        assert revision(steps[-1]) == revision(last[native_id]), "both ways end in the same record"
        assert steps[0].payload.status == Status.WAITING
        filled = [len(step.payload.model_dump(exclude_defaults=True)) for step in steps]
        assert filled[-1] >= filled[0]


def test_a_returned_order_is_nobody_s_for_a_while() -> None:
    made = simulate(seed=5, days=6, per_day=40, end=END, events=0)
    returned = [item.payload for item in made.states() if item.payload.status == Status.RETURNED]
    assert returned
    for payload in returned:
        assert payload.department is None
        assert payload.returns == 1
        assert payload.dispatched_at


def test_the_format_leaves_defaults_out() -> None:
    made = simulate(seed=1, days=2, per_day=3, end=END, events=0)
    text = line(next(made.items()))
    assert '"grade"' not in text
    assert '"kind"' not in text
    assert '"fetched_at":"2026-11-25T00:00:00+08:00"' in text
    assert Payload().channel == "hotline"
