"""Alerts over HTTP and pages: who sees which, what may be done, and the empty state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api import alerts
from api.questions import today
from api.wiring import House
from indices.civic.alerts import record_alerts
from indices.civic.hotspots import find_hotspots
from models.clock import day_start, now
from models.errors import NotFound
from models.labels import Level, Role
from models.record import Annotation, Record

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"


def complaint(number: int, district: str, street: str) -> Record:
    note = Annotation(
        model="m", topic="环境保护", title_tokens=("栖湖湾", "搅拌站", "噪音"), keywords=("搅拌站",), positive=0.1
    )
    return Record.model_validate({
        "id": f"{80_000 + number:032x}", "revision": 1, "intake": "1", "source": "信箱", "native_id": f"A{number}", "district": district,
        "street": street, "annotation": note, "title": f"{street}搅拌站噪音{number}", "text": f"搅拌站夜间噪音、粉尘，第{number}栋睡不好。",
        "speaker": f"{number:016x}", "created_at": day_start(today() - timedelta(days=number % 3)) + timedelta(minutes=number),
    })  # fmt: skip


@pytest.fixture
def raised(house: House) -> dict[str, str]:
    """An alert of each district: name → id."""
    house.store.forget([f"{n:032x}" for n in range(120)])
    house.store.upsert(
        [complaint(n, EAST, "柳营街道") for n in range(30)] + [complaint(n, WEST, "西边街道") for n in range(40, 65)]
    )
    found = find_hotspots(house.console, day_start(today() - timedelta(days=6)), day_start(today() + timedelta(days=1)))
    assert all(one.level is not Level.NONE for one in found.hotspots)
    made = record_alerts(house.database, found, at=now())
    return {EAST if "柳营" in one.title else WEST: one.id for one in made}


def test_the_list_as_data_and_as_page(client: Client, raised: dict[str, str]) -> None:
    browser = client(Role.LEADER)
    rows = browser.get("/figures/alerts").json()["alerts"]
    assert {row["id"] for row in rows} == set(raised.values())
    assert all(row["state"] == "raised" and row["rule"] and row["deliveries"] == [] for row in rows)
    page = browser.get("/alerts").text
    assert "柳营街道搅拌站" in page
    assert "西边街道搅拌站" in page


def test_who_sees_one_district_sees_its_alerts_only(client: Client, raised: dict[str, str]) -> None:
    browser = client(Role.LEADER, [EAST])
    assert [row["id"] for row in browser.get("/figures/alerts").json()["alerts"]] == [raised[EAST]]
    assert "西边" not in browser.get("/alerts?show=all").text
    forbidden, absent = (browser.post(f"/alerts/{one}/confirm") for one in (raised[WEST], "0" * 32))
    assert forbidden.status_code == absent.status_code == 404
    assert browser.post(f"/alerts/{raised[EAST]}/confirm", follow_redirects=False).status_code == 303


def test_steps_over_a_form(client: Client, raised: dict[str, str]) -> None:
    browser, one = client(Role.OPERATOR), raised[EAST]
    browser.post(f"/alerts/{one}/acknowledge", data={"note": "正在核实"})
    page = browser.get("/alerts").text
    assert "签收：正在核实" in page
    assert (
        browser.post(f"/alerts/{one}/snooze", data={"note": "等现场", "hours": "4"}, follow_redirects=False).status_code
        == 303
    )
    assert "暂缓到" in browser.get("/alerts").text
    assert browser.post(f"/alerts/{one}/snooze", data={"note": "等现场"}).status_code == 400
    assert browser.post(f"/alerts/{one}/explode").status_code == 400
    browser.post(f"/alerts/{one}/reject")
    assert "柳营街道搅拌站" not in browser.get("/alerts").text  # settled
    assert "柳营街道搅拌站" in browser.get("/alerts?show=all").text
    assert browser.post(f"/alerts/{one}/close").status_code == 400
    assert client(Role.RESEARCHER).get("/alerts").status_code == 404


def test_rules_are_tried_and_put_in_force(client: Client, house: House, raised: dict[str, str]) -> None:
    from html import unescape

    browser = client(Role.ANALYST)
    page = unescape(browser.get("/alerts/rules").text)
    text = page[page.index("<textarea") :].split(">", 1)[1].split("</textarea>")[0]
    assert f"effective = {today()}" in text
    strict = text.replace("p = 0.05, people = 5 ", "p = 0.05, people = 5000 ").replace(
        'version = "city', 'version = "strict'
    )
    tried = browser.post("/alerts/rules/trial", data={"text": strict}).text
    assert "过去 90 天会登记哪些" in tried
    assert "default-1" in tried
    assert "strict-" in tried
    assert browser.get("/alerts/rules").text.count("在用") == 1
    assert "已登记" in browser.post("/alerts/rules/use", data={"text": text}).text
    assert house.audit.rows(limit=1)[0].action == "alerts.rules"
    again = browser.post("/alerts/rules/use", data={"text": text})
    assert (again.status_code, "已有这一版" in again.text) == (400, True)
    wrong = browser.post("/alerts/rules/trial", data={"text": "[[rule]]\n没写完 <b>"})
    assert wrong.status_code == 400
    assert "没写完 &lt;b&gt;" in wrong.text  # what was typed is not lost
    assert browser.post("/alerts/rules/explode", data={"text": text}).status_code == 404
    assert client(Role.ANALYST, [EAST]).get("/alerts/rules").status_code == 404
    assert client(Role.OPERATOR).get("/alerts/rules").status_code == 404


def test_without_alerts_the_page_says_so(client: Client, house: House) -> None:
    assert "没有待办的预警" in client(Role.LEADER).get("/alerts").text
    assert "还没有预警" in client(Role.LEADER).get("/alerts?show=all").text


def test_steps_are_in_the_audit_log(house: House, raised: dict[str, str]) -> None:
    alerts.take_step(house, house.console, raised[EAST], "confirm", note="属实")
    assert house.audit.rows(limit=1)[0].action == "alerts.confirm"
    with pytest.raises(NotFound):
        alerts.take_step(house, house.console, "nothing", "confirm")
