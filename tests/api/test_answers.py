"""The answers over HTTP, and how they are remembered: hotspots, index, route."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import answers
from api.questions import today
from api.wiring import House
from indices.access import ScopedStore
from indices.figures import FigureCache
from models.clock import day_start
from models.figures import Hotspots, Index, Routing
from models.item import Item, Payload
from models.labels import BUSINESS_ROLES, Role
from models.query import Outcome
from models.record import Annotation, Record
from models.viewer import Viewer

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"


def reader(house: House, *districts: str, role: Role = Role.LEADER) -> ScopedStore:
    viewer = Viewer(name="w", role=role, districts=frozenset(districts) if districts else None)
    return ScopedStore(house.store, viewer, house.audit)


def complaint(number: int, days_ago: int, **fields: Any) -> Record:
    words = ("搅拌站", "夜间", "噪音", "粉尘")
    note = Annotation(
        model="m", topic="环境保护", title_tokens=("栖湖湾", "搅拌站", "噪音"), text_tokens=words, keywords=words
    )
    known = {"revision": 1, "intake": "1", "source": "信箱", "native_id": f"E{number}", "district": EAST, "annotation": note,
             "title": f"栖湖湾搅拌站噪音{number}", "text": f"搅拌站夜间噪音、粉尘，第{number}栋睡不好。", "speaker": f"{number:016x}",
             "created_at": day_start(today() - timedelta(days=days_ago)) + timedelta(minutes=number)}  # fmt: skip
    return Record.model_validate({"id": f"{70_000 + number:032x}", **known, **fields})


@pytest.fixture
def event(house: House) -> House:
    """Thirty people in the east complain of one plant within four days."""
    house.store.forget([f"{n:032x}" for n in range(120)])
    house.store.upsert([complaint(n, days_ago=n % 4) for n in range(30)])
    return house


# --- hotspots ---------------------------------------------------------------------------------------------------------
def test_hotspots_are_the_last_seven_days_unless_asked_otherwise(client: Client, event: House) -> None:
    answer = client(Role.LEADER).get("/figures/hotspots")
    assert answer.status_code == 200
    found = Hotspots.model_validate(answer.json())
    assert [one.count for one in found.hotspots] == [30]
    assert set(found.hotspots[0].members) == {f"E{n}" for n in range(30)}
    asked = found.source.query
    assert (asked.since, asked.until) == (
        day_start(today() - timedelta(days=6)),
        day_start(today() + timedelta(days=1)),
    )
    assert found.source.n == 30


def test_both_days_belong_to_the_period(client: Client, event: House) -> None:
    day = today() - timedelta(days=2)
    found = Hotspots.model_validate(
        client(Role.ANALYST).get("/figures/hotspots", params={"since": str(day), "until": str(day)}).json()
    )
    assert (found.source.query.since, found.source.query.until) == (day_start(day), day_start(day + timedelta(days=1)))
    assert found.source.n == sum(n % 4 == 2 for n in range(30))


def test_nothing_hot_is_an_answer(client: Client, house: House) -> None:
    body = client(Role.LEADER).get("/figures/hotspots", params={"since": "2020-01-01", "until": "2020-01-07"}).json()
    assert body["hotspots"] == []
    assert body["source"]["n"] == 0


def test_one_sees_the_hotspots_of_the_own_district(client: Client, event: House) -> None:
    assert client(Role.LEADER, [WEST]).get("/figures/hotspots").json()["hotspots"] == []
    assert len(client(Role.LEADER, [EAST]).get("/figures/hotspots").json()["hotspots"]) == 1
    assert client(Role.LEADER, [WEST]).get("/figures/hotspots").json()["hotspots"] == [], "nothing kept leaks either"


@pytest.mark.parametrize(
    ("params", "status", "seen"),
    [
        ({"since": "2026-02-01", "until": "2026-01-01"}, 400, "2026-02-01"), ({"since": "2020-01-01", "until": "2026-01-01"}, 400, "400 天"),
        ({"since": "yesterday"}, 422, "yesterday"), ({"since": "1899-12-31"}, 422, "1899"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/figures/hotspots", "/figures/index"])
def test_a_period_that_cannot_be_is_refused_with_what_was_seen(
    client: Client, path: str, params: dict[str, Any], status: int, seen: str
) -> None:
    answer = client(Role.ANALYST).get(path, params=params)
    assert answer.status_code == status
    assert seen in answer.json()["detail"]


@pytest.mark.parametrize("top", [0, 51])
def test_the_number_asked_for_is_bounded(client: Client, top: int) -> None:
    answer = client(Role.LEADER).get("/figures/hotspots", params={"top": top})
    assert answer.status_code == 422
    assert repr(str(top)) in answer.json()["detail"]


# --- satisfaction -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("by", ["district", "department", "topic", "week"])
def test_the_index_is_on_0_to_100_with_its_interval_or_says_too_little(client: Client, house: House, by: str) -> None:
    found = Index.model_validate(client(Role.ANALYST).get("/figures/index", params={"by": by}).json())
    assert found.by == by
    assert (found.overall.n, found.source.n) == (120, 120)
    for row in (found.overall, *found.rows):
        if row.value is None:
            assert row.status == "样本不足"
        else:
            assert row.low is not None
            assert row.high is not None
            assert 0 <= row.low <= row.value <= row.high <= 100
    if by == "district":
        assert {row.key: row.n for row in found.rows} == {EAST: 60, WEST: 60}


def test_the_index_of_a_district_is_computed_from_its_ratings_alone(client: Client, house: House) -> None:
    found = Index.model_validate(client(Role.ANALYST, [EAST]).get("/figures/index", params={"by": "district"}).json())
    assert [row.key for row in found.rows] == [EAST]
    assert found.overall.n == 60


# --- dispatch ---------------------------------------------------------------------------------------------------------
def test_a_complaint_is_routed_with_reason_and_similar_orders_and_not_stored(client: Client, house: House) -> None:
    before = house.inbox.books()
    body = {"title": "路灯不亮", "text": "路灯不亮三天", "district": EAST, "street": None}
    found = Routing.model_validate(client(Role.OPERATOR, [EAST]).post("/route", json=body).json())
    assert (found.department, found.unit, found.to_person) == ("城管", "城市管理和综合执法", False)
    assert [c.label for c in found.candidates] == ["城管", "住建"]
    assert found.reason.words == (("路灯", 1.5),)
    assert found.similar
    assert all(int(one.record_id, 16) % 2 == 0 for one in found.similar), "of the own district only"
    assert house.inbox.books() == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "MS300"), ({"text": ""}, 422, "MS300"), ({"text": " \n"}, 422, "MS201"), ({"text": "x" * 20_001}, 422, "MS300"),
        ({"text": "x", "department": "城管"}, 422, "MS300"), ({"text": 5}, 422, "MS300"),
    ],
)  # fmt: skip
def test_a_complaint_that_is_none_is_refused(client: Client, body: dict[str, Any], status: int, code: str) -> None:
    answer = client(Role.ANALYST).post("/route", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_answers_belong_to_their_roles(client: Client, house: House) -> None:
    for role in Role:
        status = client(role).post("/route", json={"text": "路灯"}).status_code
        assert status == (200 if role in (Role.OPERATOR, Role.ANALYST) else 404), role
        expected = 200 if role in BUSINESS_ROLES else 404
        assert client(role).get("/figures/index", params={"since": "2020-01-01", "until": "2020-01-02"}).status_code == expected  # fmt: skip


# --- what is remembered -----------------------------------------------------------------------------------------------
class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(house: House) -> Clock:
    clock = Clock()
    house.__dict__["figures"] = FigureCache(house.database, clock)
    return clock


def take_in(house: House) -> None:
    """One item goes through the books, as the worker line would settle it."""
    house.inbox.accept([Item(source="s", native_id="1", payload=Payload(text="x"))])
    from indices.intake.inbox import Settled

    house.inbox.settle([Settled(one.row, Outcome.STORED) for one in house.inbox.lease(10, "w")])


PERIOD = (date(2020, 1, 1), date(2020, 1, 8))


def test_a_figure_is_computed_once_and_anew_when_items_came_and_it_is_old(house: House, clock: Clock) -> None:
    first = answers.hotspots(house, reader(house), *PERIOD)
    clock.now += 3 * answers.FRESH_SECONDS
    assert answers.hotspots(house, reader(house), *PERIOD) == first
    take_in(house)
    later = answers.hotspots(house, reader(house), *PERIOD)
    assert later.source.computed_at > first.source.computed_at
    take_in(house)
    assert answers.hotspots(house, reader(house), *PERIOD) == later, "younger than ten minutes"


@pytest.mark.parametrize(
    "other", [{"top": 3}, {"district": EAST}, {"districts": (EAST,)}, {"period": (PERIOD[0], date(2020, 1, 9))}]
)
def test_another_question_is_another_figure(house: House, clock: Clock, other: dict[str, Any]) -> None:
    first = answers.hotspots(house, reader(house), *PERIOD)
    period, districts = other.pop("period", PERIOD), other.pop("districts", ())
    assert answers.hotspots(house, reader(house, *districts), *period, **other).source.computed_at > first.source.computed_at  # fmt: skip
    assert answers.hotspots(house, reader(house), *PERIOD) == first


def test_a_district_chosen_and_a_district_given_are_not_mixed_up(house: House) -> None:
    seen = {
        answers.question_of(reader(house, "甲", "乙"), None, "x"), answers.question_of(reader(house, "甲,乙"), None, "x"),
        answers.question_of(reader(house, "甲"), "乙", "x"), answers.question_of(reader(house, "甲"), None, "乙 x"),
        answers.question_of(reader(house, "*"), None, "x"), answers.question_of(reader(house), None, "x"),
        answers.question_of(reader(house), "None", "x"), answers.question_of(reader(house, role=Role.AUDIT_ADMIN), None, "x"),
    }  # fmt: skip
    assert len(seen) == 8
    assert answers.question_of(reader(house, "甲", "乙")) == answers.question_of(reader(house, "乙", "甲"))


def test_administrators_get_empty_figures_and_leave_none(house: House, clock: Clock) -> None:
    admin = reader(house, role=Role.SECURITY_ADMIN)
    since = today() - timedelta(days=10)
    assert answers.index(house, admin, "district", since, today()).overall.n == 0
    assert answers.hotspots(house, admin, since, today()).source.n == 0
    assert answers.index(house, reader(house), "district", since, today()).overall.n > 0


# --- the page 满意度 ---------------------------------------------------------------------------------------------------
def test_districts_by_weeks_are_shown_where_there_are_several_with_enough_ratings(client: Client, house: House) -> None:
    for district, start in ((EAST, 0), (WEST, 500)):
        house.store.upsert([complaint(start + n, days_ago=1, district=district, rating=4) for n in range(40)])
    whole, part = (client(Role.ANALYST, districts).get("/satisfaction").text for districts in (None, [EAST]))
    assert 'id="heat-title"' in whole
    heat = whole.split('id="heat-title"')[1].split("</section>")[0]
    assert (f'<th scope="row">{EAST}' in heat, f'<th scope="row">{WEST}' in heat) == (True, True)
    assert 'id="heat-title"' not in part
    assert WEST not in part
