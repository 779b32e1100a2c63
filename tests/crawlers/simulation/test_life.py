from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from statistics import mean

import pytest

from crawlers.simulation.city import Unit
from crawlers.simulation.life import DUE_WORKING_DAYS, Life, Matter, live, outcome_odds, true_satisfaction
from models.labels import Resolved, Status

GOOD, POOR = Unit("甲局", "城管", None, 1.0), Unit("乙局", "城管", None, -1.0)
WRONG, DESK = Unit("丙办", "属地", None, 0.0), Unit("热线中心", "政务", None, 0.0)
CREATED = 1_795_000_000


def lives(count: int = 1_500, unit: Unit = GOOD, wrong: Unit = WRONG, **changes: object) -> list[Life]:
    facts = {
        "created": CREATED,
        "channel": "hotline",
        "kind": "投诉",
        "urgency": 0,
        "tone": -1,
        "again": False,
        "event": False,
    }
    matter = Matter(**{**facts, **changes})  # type: ignore[arg-type]
    rng = Random(5)
    return [live(rng, matter, unit, wrong, DESK) for _ in range(count)]


@pytest.mark.parametrize("kind", DUE_WORKING_DAYS)
@pytest.mark.parametrize("urgency", [0, 2, 3])
@pytest.mark.parametrize("channel", ["hotline", "board"])
def test_time_only_goes_forward(kind: str, urgency: int, channel: str) -> None:
    for life in lives(200, kind=kind, urgency=urgency, channel=channel):
        assert all(a[0] < b[0] for a, b in pairwise(life.steps)), life.steps
        assert life.steps[0] == (CREATED, Status.WAITING)
        times = [t for t in (CREATED, life.accepted, life.first_dispatched, life.returned, life.dispatched, life.signed,
                             life.replied, life.called_back, life.closed) if t is not None]  # fmt: skip
        assert times == sorted(times)


def test_returns_come_back_through_the_desk() -> None:
    returned = [life for life in lives() if life.returned]
    assert 0.04 < len(returned) / 1_500 < 0.11
    for life in returned:
        states = [status for _, status in life.steps]
        assert states.count(Status.DISPATCHED) == 2
        assert Status.RETURNED in states
        assert life.first_unit is WRONG
        assert life.unit is GOOD
    assert not any(life.returned for life in lives(300, wrong=GOOD)), "nobody returns what is his"


def test_urgent_matters_are_quick() -> None:
    slow, fast = lives(400), lives(400, urgency=2)
    for group, most in ((fast, 36), (slow, 24 * 30)):
        hours = sorted((life.replied - CREATED) / 3_600 for life in group if life.replied)
        assert hours[len(hours) // 2] < most
    assert mean(life.dispatched - CREATED for life in fast if life.dispatched) < 3 * 3_600


def test_the_desk_answers_most_questions_itself() -> None:
    asked = lives(kind="咨询")
    direct = [life for life in asked if life.unit is DESK]
    assert 0.5 < len(direct) / len(asked) < 0.72
    assert all(life.dispatched is None and life.due is None for life in direct)


def test_good_offices_solve_and_please_more() -> None:
    by_unit = {}
    for unit in (GOOD, POOR):
        ended = [life for life in lives(unit=unit) if life.unit]
        rated = [life.rating for life in ended if life.rating]
        by_unit[unit.name] = (mean(life.outcome is Resolved.YES for life in ended), mean(rated), _late(ended))
    assert by_unit["甲局"][0] > by_unit["乙局"][0] + 0.2
    assert by_unit["甲局"][1] > by_unit["乙局"][1] + 0.8
    assert by_unit["甲局"][2] < by_unit["乙局"][2]


def _late(ended: list[Life]) -> float:
    return mean(bool(life.due and life.replied and life.replied > life.due) for life in ended)


def test_who_answers_depends_on_channel_and_outcome() -> None:
    reached = {channel: mean(life.contacted for life in lives(channel=channel)) for channel in ("hotline", "board")}
    assert reached["hotline"] > reached["board"] + 0.2
    answers = Counter((life.outcome, life.rating is not None) for life in lives(4_000, unit=WRONG) if life.contacted)
    share = {o: answers[o, True] / (answers[o, True] + answers[o, False]) for o in Resolved}
    assert share[Resolved.NO] > share[Resolved.YES] > share[Resolved.PARTLY]
    assert not any(life.rating for life in lives(500) if not life.contacted)


def test_refused_orders_end_at_once() -> None:
    refused = [life for life in lives(3_000) if life.steps[-1][1] is Status.REFUSED]
    assert 10 < len(refused) < 70
    assert all(life.unit is None and life.closed and life.rating is None for life in refused)
    assert not any(life.steps[-1][1] is Status.REFUSED for life in lives(1_000, event=True))


def test_true_satisfaction_is_what_everybody_would_say() -> None:
    assert true_satisfaction(-1.0) < true_satisfaction(0.0) < true_satisfaction(1.0)
    assert all(abs(sum(outcome_odds(q, kind)) - 1) < 1e-12 for q in (-2.0, 0.0, 2.0) for kind in ("咨询", "投诉"))
    from crawlers.simulation.life import draw_outcome, draw_rating

    rng = Random(2)
    drawn = [(draw_rating(rng, 0.4, draw_outcome(rng, 0.4, "投诉"), False, -1) - 1) * 25 for _ in range(20_000)]
    assert mean(drawn) == pytest.approx(true_satisfaction(0.4), abs=1.0)
