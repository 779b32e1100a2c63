"""分派台 by its routes: the queue, each decision, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.routes import desk
from api.wiring import House
from models.clock import now
from models.labels import DEPARTMENTS, Role
from models.record import Annotation, Candidate, Record

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"
HTMX = {"hx-request": "true"}


def id_of(number: int) -> str:
    return f"{number:032x}"


def order(number: int, hours: float, urgency: int = 1, **fields: Any) -> Record:
    note = Annotation(model="m", urgency=urgency, departments=(Candidate(label="城管", probability=0.7),),
                      text_tokens=("井盖", "松动"), keywords=("井盖",))  # fmt: skip
    known = {"revision": 1, "intake": "1", "source": "s", "native_id": f"B{number}", "district": EAST, "annotation": note,
             "title": f"井盖松动 {number}", "text": f"井盖松动 {number}", "status": "待派单"}  # fmt: skip
    return Record.model_validate({"id": id_of(number), "created_at": now() - timedelta(hours=hours), **known, **fields})


@pytest.fixture
def operator(client: Client) -> TestClient:
    return client(Role.OPERATOR, [EAST])


def decide(browser: TestClient, number: int, action: str, **fields: str) -> httpx.Response:
    return browser.post(f"/desk/{id_of(number)}/decide", data={"action": action, **fields}, headers=HTMX)


def shown(page: str) -> int:
    """The number of the order that is to be decided now."""
    found = re.search(r'action="/desk/([0-9a-f]{32})/decide" [^>]*>\s*<input[^>]*><input[^>]*value="person"', page)
    assert found, page[:2_000]
    return int(found[1], 16)


def queue(page: str) -> list[int]:
    return [int(number, 16) for number in re.findall(r'href="/desk\?id=([0-9a-f]{32})"', page)]


def counters(page: str) -> dict[str, int]:
    line = page.split('class="desk-count"')[1].split("</div>")[0]
    return {word: int(number) for word, number in re.findall(r"<span>(\S+) <b>(\d+)</b>", line)}


# --- the queue --------------------------------------------------------------------------------------------------------
def test_the_desk_shows_open_orders_of_the_own_district_most_urgent_first(operator: TestClient) -> None:
    page = operator.get("/desk").text
    assert page.lstrip().startswith("<!")
    assert set(queue(page)) == set(range(0, 20, 2)), "status 待派单 and district 河东区; see conftest"
    assert [n % 3 for n in queue(page)] == sorted((n % 3 for n in queue(page)), reverse=True)
    assert shown(page) == queue(page)[0]
    assert counters(page) == {"待分派": 10, "今日已定": 0, "采用建议": 0, "改派": 0, "转人工": 0}


def test_a_chosen_order_is_shown_and_an_unknown_choice_is_the_first(operator: TestClient) -> None:
    assert shown(operator.get("/desk", params={"id": id_of(6)}).text) == 6
    first = shown(operator.get("/desk").text)
    for strange in (id_of(7), id_of(99), "../etc", "<b>"):
        assert shown(operator.get("/desk", params={"id": strange}).text) == first


def test_the_next_order_is_a_part_of_the_page(operator: TestClient) -> None:
    part = operator.get("/desk/next", params={"id": id_of(6)}, headers=HTMX).text
    assert "<html" not in part
    assert shown(part) == 6


def test_decided_orders_leave_the_queue_of_everybody(client: Client, operator: TestClient) -> None:
    assert decide(operator, 4, "person").status_code == 200
    page = client(Role.OPERATOR).get("/desk").text
    assert 4 not in queue(page)
    assert counters(page) == {"待分派": 19, "今日已定": 0, "采用建议": 0, "改派": 0, "转人工": 0}, (
        "the counters are one's own"
    )


def test_a_day_of_decisions_does_not_hide_what_waits_behind_them(
    operator: TestClient, house: House, client: Client
) -> None:
    """The feed still calls them 待派单: more decided orders than the queue is long, and an older one that nobody decided."""
    house.store.upsert([order(1_000 + n, hours=-1) for n in range(130)])
    for n in range(130):
        house.decisions.decide(id_of(1_000 + n), "somebody", "person")
    assert set(queue(operator.get("/desk").text)) == set(range(0, 20, 2))


@pytest.mark.parametrize("at_once", [7, 10_000])
def test_decided_orders_are_not_counted_as_waiting_wherever_they_lie(
    operator: TestClient, house: House, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """30 decided ones behind 130 newer ones that fill the queue before they are read."""
    monkeypatch.setattr(desk, "IDS_AT_ONCE", at_once)
    house.store.upsert([order(1_000 + n, hours=-1) for n in range(130)])
    house.store.upsert([order(3_000 + n, hours=500) for n in range(30)])
    for n in range(30):
        house.decisions.decide(id_of(3_000 + n), "somebody", "person")
    assert counters(operator.get("/desk").text)["待分派"] == 140
    house.decisions.undo("somebody")
    assert counters(operator.get("/desk").text)["待分派"] == 141


def test_an_order_in_danger_is_first_however_many_newer_ones_wait(operator: TestClient, house: House) -> None:
    house.store.upsert([order(1_000 + n, hours=-1, urgency=0) for n in range(130)])
    house.store.upsert([order(2_000, hours=2_000, urgency=3)])
    assert shown(operator.get("/desk").text) == 2_000


def test_a_feed_without_status_brings_the_orders_that_have_no_department(operator: TestClient, house: House) -> None:
    house.store.forget([id_of(n) for n in range(120)])
    house.store.upsert([
        order(1, 1, status=None), order(2, 2, status=None, department="城管局"), order(3, 3, status="已办结"),
        order(5, 1, status=None, district=WEST),
    ])  # fmt: skip
    assert queue(operator.get("/desk").text) == [1]


def test_a_feed_without_status_says_that_more_may_wait_than_were_looked_at(operator: TestClient, house: House) -> None:
    house.store.forget([id_of(n) for n in range(120)])
    house.store.upsert([order(1_000 + n, hours=n, status=None) for n in range(100)])
    assert counters(operator.get("/desk").text)["待分派"] == 100
    house.store.upsert([order(1_200, hours=200, status=None)])
    assert counters(operator.get("/desk").text)["待分派至少"] == 100


def test_a_feed_without_status_is_looked_through_so_far_and_says_so(operator: TestClient, house: House) -> None:
    house.store.forget([id_of(n) for n in range(120)])
    sent = [order(1_000 + n, hours=n, status=None, department="城管局") for n in range(desk.LOOK_PAGES * 100 - 1)]
    house.store.upsert([*sent, order(9_000, hours=900, status=None)])
    assert counters(operator.get("/desk").text)["待分派"] == 1
    house.store.upsert([order(9_001, hours=901, status=None)])
    assert counters(operator.get("/desk").text)["待分派至少"] == 1


def test_an_empty_queue_says_so(operator: TestClient, house: House) -> None:
    house.store.forget([id_of(n) for n in range(120)])
    page = operator.get("/desk").text
    assert "没有待分派的工单" in page
    assert queue(page) == []


# --- decisions --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "fields", "sentence", "kept", "counter"),
    [
        ("accept", {"department": "城管"}, "已派 城市管理和综合执法", "城管", "采用建议"),
        ("department", {"department": "公用"}, "已改派 水电气热企业", "公用", "改派"),
        ("person", {}, "已转人工", "", "转人工"),
        ("merge", {"into": id_of(8)}, "已并入 A8", id_of(8), None),
    ],
)
def test_a_decision_is_kept_counted_audited_and_answers_with_the_next_order(
    operator: TestClient, house: House, action: str, fields: dict[str, str], sentence: str, kept: str, counter: str | None
) -> None:  # fmt: skip
    part = decide(operator, 4, action, **fields)
    assert part.status_code == 200
    assert "<html" not in part.text
    assert f"路灯不亮 4：{sentence}" in part.text
    assert 4 not in queue(part.text)
    assert shown(part.text) == queue(part.text)[0]
    made = house.decisions.standing([id_of(4)])[id_of(4)]
    assert (made.who, made.action, made.department, made.suggested) == (f"operator-{EAST}", action, kept, "城管")
    expected = {"待分派": 9, "今日已定": 1, "采用建议": 0, "改派": 0, "转人工": 0} | ({counter: 1} if counter else {})
    assert counters(part.text) == expected
    rows = [row for row in house.audit.rows() if row.action == f"desk.{action}"]
    assert [(row.who, row.object, row.success) for row in rows] == [
        (f"operator-{EAST}", f"{id_of(4)} {kept}".strip(), True)
    ]


def test_without_htmx_a_decision_leads_back_to_the_desk(operator: TestClient, house: House) -> None:
    answer = operator.post(f"/desk/{id_of(4)}/decide", data={"action": "person"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert id_of(4) in house.decisions.standing([id_of(4)])


def test_undo_takes_the_own_last_decision_back_and_shows_its_order(operator: TestClient, house: House) -> None:
    decide(operator, 4, "accept", department="城管")
    decide(operator, 6, "accept", department="城管")
    part = decide(operator, 6, "undo")
    assert shown(part.text) == 6
    assert counters(part.text)["采用建议"] == 1
    assert house.decisions.standing([id_of(4), id_of(6)]).keys() == {id_of(4)}
    assert house.audit.rows(limit=200)[0].action != "", "the chain goes on"
    assert [row.object for row in house.audit.rows() if row.action == "desk.undo"] == [id_of(6)]


def test_the_audit_names_the_order_whose_decision_was_taken_back(operator: TestClient, house: House) -> None:
    """Whatever address the form had: two windows, or a program."""
    decide(operator, 4, "person")
    decide(operator, 8, "undo")
    assert [row.object for row in house.audit.rows() if row.action == "desk.undo"] == [id_of(4)]


def test_one_does_not_undo_the_decision_of_another(client: Client, operator: TestClient, house: House) -> None:
    decide(operator, 4, "person")
    answer = decide(client(Role.OPERATOR), 4, "undo")
    assert answer.status_code == 404
    assert "可以撤销的操作" in answer.text
    assert id_of(4) in house.decisions.standing([id_of(4)])


# --- refused ----------------------------------------------------------------------------------------------------------
def refused(browser: TestClient, number: int, action: str, **fields: str) -> dict[str, Any]:
    answer = browser.post(f"/desk/{id_of(number)}/decide", data={"action": action, **fields})
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    return body


@pytest.mark.parametrize("action", ["delete", "ACCEPT", "accept "])
def test_an_unknown_action_is_refused_by_its_name(operator: TestClient, action: str) -> None:
    problem = refused(operator, 4, action)
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert repr(action) in problem["detail"]
    assert "undo" in problem["detail"]


@pytest.mark.parametrize("action", ["accept", "department"])
@pytest.mark.parametrize("department", ["", "火星局", "城市管理和综合执法"])
def test_a_department_that_is_none_is_refused_with_those_that_are(
    operator: TestClient, house: House, action: str, department: str
) -> None:
    problem = refused(operator, 4, action, department=department)
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert repr(department) in problem["detail"]
    assert all(code in problem["detail"] for code in DEPARTMENTS)
    assert house.decisions.standing([id_of(4)]) == {}


def test_handing_to_a_person_keeps_no_department(operator: TestClient, house: House) -> None:
    decide(operator, 4, "person", department="火星局", into="x")
    assert house.decisions.standing([id_of(4)])[id_of(4)].department == ""


@pytest.mark.parametrize("into", [id_of(7), id_of(999), "A8"], ids=["another's", "absent", "a native id"])
def test_one_merges_only_into_an_order_that_one_may_see(operator: TestClient, house: House, into: str) -> None:
    problem = refused(operator, 4, "merge", into=into)
    assert (problem["status"], problem["code"]) == (404, "MS404")
    assert house.decisions.standing([id_of(4)]) == {}


@pytest.mark.parametrize("into", ["", id_of(4)], ids=["nothing", "itself"])
def test_merging_needs_another_order(operator: TestClient, house: House, into: str) -> None:
    problem = refused(operator, 4, "merge", into=into)
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert house.decisions.standing([id_of(4)]) == {}


@pytest.mark.parametrize("number", [7, 999], ids=["another's", "absent"])
@pytest.mark.parametrize("action", ["accept", "department", "person", "merge"])
def test_another_districts_order_is_not_there(operator: TestClient, house: House, number: int, action: str) -> None:
    problem = refused(operator, number, action, department="城管", into=id_of(8))
    assert (problem["status"], problem["code"]) == (404, "MS404")
    assert house.decisions.standing([id_of(number)]) == {}
    assert not [row for row in house.audit.rows() if row.action.startswith("desk.")]


def test_a_decision_needs_the_form_token(client: Client, house: House) -> None:
    browser = client(Role.OPERATOR, [EAST])
    del browser.headers["X-CSRF-Token"]
    assert browser.post(f"/desk/{id_of(4)}/decide", data={"action": "person"}).status_code == 401
    assert house.decisions.standing([id_of(4)]) == {}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OPERATOR])
def test_the_desk_is_the_operators(client: Client, role: Role) -> None:
    for answer in (client(role).get("/desk"), client(role).get("/desk/next"), decide(client(role), 4, "person")):
        assert answer.status_code == 404


def test_a_program_with_a_token_decides_without_a_form(client: Client, house: House) -> None:
    client(Role.OPERATOR, [EAST])
    token = house.users.issue_token(f"operator-{EAST}")
    answer = client().post(
        f"/desk/{id_of(4)}/decide",
        data={"action": "accept", "department": "城管"},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 303
    assert house.decisions.standing([id_of(4)])[id_of(4)].action == "accept"


# --- similar orders ---------------------------------------------------------------------------------------------------
def test_a_similar_order_can_be_opened_and_merged_into(operator: TestClient, house: House) -> None:
    said = "青松路南段的路灯整夜不亮，老人出门看不清台阶"
    note = Annotation(model="m", title_tokens=("路灯",), text_tokens=("路灯", "路灯"))  # nearest by words
    house.store.upsert([
        order(4, 1, revision=2, title="路灯不亮 4", text=said),
        order(4_000, 1, title="路灯不亮 4", text=f"{said}。", status="已办结", annotation=note),
    ])  # fmt: skip
    page = operator.get("/desk", params={"id": id_of(4)}).text
    table = page.split('id="similar-title"')[1].split("</section>")[0]
    links = re.findall(r'href="/records/([^"]+)"', table)
    assert links
    assert id_of(4) not in links
    for link in links:
        assert operator.get(f"/records/{link}").status_code == 200
    found = re.search(r'name="into" value="([^"]+)"', page)
    assert found
    assert "已并入" in decide(operator, 4, "merge", into=found[1]).text


def test_what_another_person_decided_is_not_decided_twice(client: Client, house: House) -> None:
    house.decisions.decide(f"{2:032x}", "li", "person")
    answer = client(Role.OPERATOR).post(f"/desk/{2:032x}/decide", data={"action": "person"})
    assert answer.status_code == 400
    assert "已由 li 处理" in answer.json()["detail"]
