from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations

import numpy as np
import pytest

from crawlers.simulation.city import make_city
from crawlers.simulation.grammar import load_issues
from crawlers.simulation.plan import COMPLAINTS, TYPE_SHARES, Plan, make_plan, place_name
from crawlers.simulation.seasons import day_kind
from models.errors import BadRequest

ISSUES, CITY = load_issues(), make_city(3)
KEYS = [issue.key for issue in ISSUES]


def plan_of(start: date, days: int, per_day: float = 120, events: int = 10, seed: int = 3, **more: object) -> Plan:
    return make_plan(seed, CITY, ISSUES, start=start, days=days, per_day=per_day, events=events, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def year() -> Plan:
    return plan_of(date(2025, 1, 1), 365)


def _months(plan: Plan, *keys: str) -> np.ndarray:
    wanted = np.isin(plan.issue, [KEYS.index(key) for key in keys])
    months = np.array([(plan.start + timedelta(days=d)).month for d in range(365)])
    return np.bincount(months[plan.day[wanted]], minlength=13)[1:]


def test_volume_and_order(year: Plan) -> None:
    events = sum(event.size for event in year.events)
    assert (len(year) - events) / 365 == pytest.approx(120, rel=0.04)
    moments = year.day * 86_400 + year.second
    assert (np.diff(moments) >= 0).all()
    assert year.second.max() < 86_400
    ids = year.native_ids()
    assert len(set(ids)) == len(ids)
    assert ids[0] == "GD2025010100001"
    assert ids == sorted(ids)


def test_type_shares(year: Plan) -> None:
    ordinary = (year.event < 0) & (year.serial < 0)
    shares = np.bincount(year.kind[ordinary], minlength=len(year.types)) / ordinary.sum()
    for name, share in zip(year.types, shares, strict=True):
        assert share == pytest.approx(TYPE_SHARES[name], abs=0.035), name


def test_shares_can_be_chosen() -> None:
    plan = plan_of(date(2025, 1, 1), 40, events=0, type_shares={"咨询": 0.2, "投诉": 0.8})
    ordinary = plan.serial < 0
    assert set(plan.types) == {"咨询", "投诉"}
    assert (plan.kind[ordinary] == 1).mean() == pytest.approx(0.8, abs=0.05)


def test_seasons_show(year: Plan) -> None:
    heating, flood, school = _months(year, "heating"), _months(year, "flooding"), _months(year, "enrolment")
    assert heating[[10, 11, 0, 1]].sum() > 0.8 * heating.sum()
    assert flood[[5, 6]].sum() > 0.35 * flood.sum()
    assert school.argmax() == 7
    wages = _months(year, "wages", "site-wages")
    assert wages[[11, 0]].sum() > 2 * wages[[4, 5]].sum()


def test_holidays_and_weekends_are_quiet_at_the_office(year: Plan) -> None:
    office = np.isin(year.issue, [i for i, issue in enumerate(ISSUES) if issue.rhythm == "office"])
    counts = np.bincount(year.day[office], minlength=365)
    kinds = [day_kind(year.start + timedelta(days=d)) for d in range(365)]
    working = np.array([k.working for k in kinds])
    holiday = np.array([k.holiday for k in kinds])
    assert counts[holiday].mean() < 0.3 * counts[working].mean()
    assert counts[~working & ~holiday].mean() < 0.6 * counts[working].mean()
    sunday = (date(2025, 9, 28) - year.start).days  # worked for the National Day week
    assert working[sunday]


def test_counts_scatter_more_than_poisson(year: Plan) -> None:
    counts = np.zeros((len(ISSUES), 365))
    np.add.at(counts, (year.issue, year.day), 1)
    even = counts[[i for i, issue in enumerate(ISSUES) if issue.rhythm == "even"]]
    assert even.var(axis=1).sum() > 1.2 * even.mean(axis=1).sum()


def test_events_keep_their_form(year: Plan) -> None:
    assert [event.name for event in year.events] == [f"E{n:03d}" for n in range(1, 11)]
    recent = [event for event in year.events if event.first_day >= 355]
    assert len(recent) >= 2, "the page of today has something to show"
    for number, event in enumerate(year.events):
        mine = year.event == number
        assert mine.sum() == event.size
        assert 6 <= event.size <= 50
        assert 3 <= event.last_day - event.first_day + 1 <= 10
        assert year.day[mine].min() == event.first_day
        assert year.day[mine].max() == event.last_day <= 364
        assert set(year.issue[mine]) == {event.issue}
        assert set(year.street[mine]) == {event.street}
        assert {year.types[k] for k in year.kind[mine]} <= set(COMPLAINTS)
        assert ISSUES[event.issue].event


def test_two_events_are_not_taken_for_one() -> None:
    plan = plan_of(date(2026, 1, 1), 60, 20, events=60)
    for one, other in combinations(plan.events, 2):
        near = one.first_day <= other.last_day + 10 and other.first_day <= one.last_day + 10
        if one.issue == other.issue and near:
            assert one.street != other.street
            assert place_name(CITY, ISSUES[one.issue], one) != place_name(CITY, ISSUES[one.issue], other)


def test_serial_callers_call_again(year: Plan) -> None:
    calls = np.bincount(year.serial[year.serial >= 0], minlength=len(year.serials))
    assert calls.max() >= 8
    assert 0.005 < (year.serial >= 0).mean() < 0.1


def test_villages_only_where_there_are(year: Plan) -> None:
    villages = [i for i, issue in enumerate(ISSUES) if issue.place == "village"]
    towns = np.array([street.town for street in CITY.streets])
    assert towns[year.street[np.isin(year.issue, villages)]].all()


def test_same_seed_same_plan() -> None:
    one, two, other = (plan_of(date(2026, 1, 1), 30, 30, 4, seed=s) for s in (5, 5, 6))
    assert (one.second == two.second).all()
    assert (one.issue == two.issue).all()
    assert one.events == two.events
    assert len(other) != len(one) or (other.second != one.second).any()


@pytest.mark.parametrize(
    ("name", "arguments"), [("days", {"days": 20}), ("days", {"days": 0}), ("per_day", {"per_day": 0})]
)
def test_impossible_wishes_are_refused(name: str, arguments: dict[str, int]) -> None:
    with pytest.raises(BadRequest) as caught:
        plan_of(date(2026, 1, 1), **{"days": 30, **arguments})
    assert caught.value.fields["name"] == name


def test_too_many_events_are_refused() -> None:
    for issues, events in ((ISSUES[:1], 400), ([issue for issue in ISSUES if not issue.event], 1)):
        with pytest.raises(BadRequest) as caught:
            make_plan(3, CITY, issues, start=date(2026, 1, 1), days=30, per_day=5, events=events)
        assert caught.value.fields["name"] == "events"


def test_short_periods_without_events() -> None:
    assert len(plan_of(date(2026, 1, 1), 2, 50, events=0)) > 40
