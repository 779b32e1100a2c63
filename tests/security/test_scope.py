"""S1: nobody reads what is not theirs. Every route × role × another's district; an unlisted route fails."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api import frames
from api.app import ROUTERS, create_app
from api.auth import Allow
from api.wiring import House
from models.clock import now
from models.item import Item, Payload
from models.labels import BUSINESS_ROLES, Role
from models.record import Record

Client = Callable[..., TestClient]
EAST = "河东区"
WEST_ID, EAST_ID, ABSENT = f"{1:032x}", f"{2:032x}", "f" * 32

# Every route with a request that would show as much as possible. An unlisted one fails `test_every_route_is_listed`.
REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/login"): {}, ("POST", "/login"): {"data": {"name": "x", "password": "y"}}, ("POST", "/logout"): {},
    ("GET", "/healthz"): {}, ("GET", "/readyz"): {}, ("GET", "/books"): {},
    ("GET", "/briefing"): {},
    ("GET", "/briefing.docx"): {},
    ("POST", "/items"): {"json": {"items": [{"source": "s", "native_id": "1", "payload": {"text": "路灯不亮"}}]}},
    ("GET", "/records"): {"params": {"size": 100, "q": "路灯"}}, ("GET", "/records/{record_id}"): {},
    ("GET", "/figures/hotspots"): {}, ("GET", "/figures/index"): {"params": {"by": "department"}},
    ("POST", "/route"): {"json": {"text": "路灯不亮三天"}},
    ("GET", "/incidents"): {}, ("GET", "/incidents/{number}"): {}, ("POST", "/incidents/{number}/{action}"): {"data": {"text": "x"}},
    ("GET", "/alerts"): {"params": {"show": "all"}}, ("POST", "/alerts/{alert}/{step}"): {"data": {"note": "x"}}, ("GET", "/figures/alerts"): {},
    ("GET", "/alerts/rules"): {}, ("POST", "/alerts/rules/{what}"): {"data": {"text": "[[rule]]"}},
    ("GET", "/streams"): {}, ("GET", "/streams/{source}/{event}"): {}, ("GET", "/figures/streams"): {},
    ("GET", "/instructions"): {}, ("POST", "/instructions"): {"data": {"about": "briefing:2026-01-01", "text": "x", "owner": "y", "due": "2099-01-01"}},
    ("POST", "/instructions/{instruction}/{act}"): {"data": {"text": "x"}}, ("GET", "/incidents/{number}/paper.docx"): {}, ("GET", "/incidents/{number}/paper.pdf"): {},
    ("GET", "/briefing.pdf"): {},
    ("GET", "/topics"): {}, ("POST", "/topics/{topic}/{deed}"): {"data": {"name": "x"}},
    ("GET", "/subscriptions"): {}, ("POST", "/subscriptions"): {"data": {"query": "路灯"}}, ("POST", "/subscriptions/{subscription}/remove"): {},
    ("GET", "/figures/incidents"): {}, ("GET", "/figures/incidents/{number}"): {},
    ("GET", "/"): {}, ("GET", "/hotspots"): {}, ("GET", "/hotspots/{key}"): {}, ("GET", "/satisfaction"): {"params": {"by": "department"}},
    ("GET", "/satisfaction/change"): {"params": {"by": "district"}}, ("GET", "/satisfaction/weights"): {"params": {"w_满意": "1"}},
    ("GET", "/satisfaction/metrics"): {"params": {"name": "received"}}, ("GET", "/satisfaction/policies"): {"params": {"policy": "1"}},
    ("POST", "/satisfaction/policies"): {"data": {"title": "x", "start": "2026-01-01"}}, ("GET", "/satisfaction/evaluation"): {},
    ("POST", "/satisfaction/appeals"): {"data": {"order": WEST_ID, "ground": "其他", "text": "x"}},
    ("POST", "/satisfaction/appeals/{appeal}"): {"data": {"state": "支持", "note": "x"}},
    ("POST", "/satisfaction/views"): {"data": {"title": "x", "path": "/satisfaction?by=week"}}, ("POST", "/satisfaction/views/{view}/remove"): {},
    ("GET", "/satisfaction.xlsx"): {}, ("GET", "/satisfaction.docx"): {},
    ("GET", "/figures/metrics"): {}, ("GET", "/figures/metrics/{name}"): {}, ("GET", "/figures/composite"): {"params": {"by": "department"}},
    ("GET", "/figures/change"): {"params": {"by": "department"}}, ("GET", "/figures/drivers"): {}, ("GET", "/figures/text"): {},
    ("GET", "/figures/evaluation"): {}, ("GET", "/figures/surveys"): {}, ("GET", "/figures/weekly"): {"params": {"by": "department"}},
    ("GET", "/figures/weights"): {}, ("GET", "/figures/policies"): {}, ("GET", "/figures/policies/{policy}"): {},
    ("POST", "/hooks/{source}"): {"json": [{"n": 1}]}, ("GET", "/sources"): {}, ("GET", "/sources/{name:path}"): {}, ("POST", "/sources/{name:path}/pause"): {},
    ("POST", "/sources/{name:path}/resume"): {}, ("POST", "/sources/{name:path}/run"): {}, ("POST", "/sources/{name:path}/try"): {},
    ("GET", "/admin"): {}, ("GET", "/search"): {"params": {"q": "路灯"}},
    ("GET", "/search/results"): {"params": {"q": "路灯"}}, ("GET", "/search/export"): {"params": {"q": "路灯", "format": "csv"}},
    ("GET", "/desk"): {"params": {"id": WEST_ID}}, ("GET", "/desk/next"): {"params": {"id": WEST_ID}},
    ("POST", "/desk/{record_id}/decide"): {"data": {"action": "person"}},
}  # fmt: skip
# To an administrator: counts per source of the whole city are the system's own affairs, and no record is shown.
CITY_WIDE_COUNTS = {("GET", "/sources"), ("GET", "/sources/{name:path}")}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
PATHS = [(method, route.path) for route in ROUTES for method in sorted(route.methods)]


def record(number: int, district: str, at: datetime) -> Record:
    known = {"revision": 1, "intake": "1", "source": "热线", "native_id": str(number), "text": "路灯不亮"}
    return Record.model_validate({"id": f"{5_000 + number:032x}", "district": district, "created_at": at, **known})


def allowed(method: str, path: str) -> frozenset[Role]:
    route = next(route for route in ROUTES if route.path == path and method in route.methods)
    found = [d.call for d in route.dependant.dependencies if isinstance(d.call, Allow)]
    assert len(found) == 1, f"{method} {path} must depend on exactly one Allow"
    return found[0].roles


def ask(browser: TestClient, method: str, path: str, record_id: str = WEST_ID) -> Any:
    address = path.replace("{record_id}", record_id).replace("{key}", "a")
    address = (
        address.replace("{number}", "SJ2026-00001")
        .replace("{action}", "note")
        .replace("{alert}", "a")
        .replace("{step}", "confirm")
        .replace("{what}", "trial")
        .replace("{source}", "weibo")
        .replace("{event}", "a")
        .replace("{instruction}", "1")
        .replace("{act}", "answer")
        .replace("{topic}", "1")
        .replace("{subscription}", "1")
        .replace("{deed}", "adopt")
        .replace("{appeal}", "1")
        .replace("{name}", "received")
        .replace("{policy}", "1")
        .replace("{view}", "1")
    )
    return browser.request(method, address, **REQUESTS[(method, path)])


def test_every_route_is_listed_and_has_its_roles() -> None:
    assert set(PATHS) == set(REQUESTS)
    for method, path in PATHS:
        allowed(method, path)


def test_the_application_has_no_other_way_in(house: House) -> None:
    others = {getattr(route, "path", "") for route in create_app(house).routes} - {""}
    assert others == {"/openapi.json", "/static"}


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_gets_in_unsigned(client: Client, method: str, path: str) -> None:
    if not allowed(method, path):
        pytest.skip("public: signing in, health")
    answer = ask(client(), method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", sorted(Role))
def test_a_route_of_other_roles_does_not_exist(client: Client, role: Role) -> None:
    for method, path in PATHS:
        roles = allowed(method, path)
        if roles and role not in roles:
            answer = ask(client(role), method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "MS404"), (method, path)


@pytest.mark.parametrize("role", sorted(Role))
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_no_route_shows_another_district(client: Client, canary: str, role: Role, accept: str) -> None:
    districts = [EAST] if role in BUSINESS_ROLES else None
    for method, path in PATHS:
        if path == "/logout" or ((method, path) in CITY_WIDE_COUNTS and role not in BUSINESS_ROLES):
            continue
        answer = ask(client(role, districts, headers={"accept": accept}), method, path)
        assert answer.status_code < 500, (method, path, answer.text[:300])
        assert canary not in answer.text, (method, path)


@pytest.mark.parametrize("role", sorted(BUSINESS_ROLES))
def test_the_canary_would_be_seen_by_who_may(client: Client, canary: str, role: Role) -> None:
    assert canary in ask(client(role), "GET", "/records").text
    assert canary in ask(client(role), "GET", "/search/export").text


@pytest.mark.parametrize("role", sorted(BUSINESS_ROLES))
@pytest.mark.parametrize("method_path", [("GET", "/records/{record_id}"), ("POST", "/desk/{record_id}/decide")])
def test_absent_and_forbidden_answer_alike(client: Client, role: Role, method_path: tuple[str, str]) -> None:
    browser = client(role, [EAST])
    forbidden, absent = (ask(browser, *method_path, record_id=record) for record in (WEST_ID, ABSENT))
    assert forbidden.status_code == absent.status_code == 404
    assert forbidden.text.replace(WEST_ID, "") == absent.text.replace(ABSENT, "")


def test_asking_for_another_district_shows_nothing_of_it(client: Client, canary: str) -> None:
    for path in ("/", "/hotspots", "/satisfaction", "/search", "/desk"):
        for role in (Role.LEADER, Role.OPERATOR):
            answer = client(role, [EAST, "河北区"]).get(path, params={"district": "河西区"})
            assert answer.status_code in (200, 404)
            assert canary not in answer.text


def test_a_silent_source_of_another_district_is_not_named(
    client: Client, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "silent_sources", lambda _: ("热线", f"热线{canary}"))
    assert f"中断：热线、热线{canary}" in client(Role.ANALYST).get("/satisfaction").text
    assert "中断：热线<" in client(Role.ANALYST, [EAST]).get("/satisfaction").text


def test_the_sources_of_a_part_are_counted_in_that_part_and_have_no_books(client: Client, house: House) -> None:
    """热线 brings the east 60 records, the newest nine days old, and the west 777 of today, who are not the east's to count."""
    house.store.forget([f"{n:032x}" for n in range(120)])
    found = [record(n, "河西区", now()) for n in range(777)]
    found += [record(1_000 + n, EAST, now() - timedelta(days=9 + n % 5)) for n in range(60)]
    house.store.upsert(found)
    house.inbox.accept([Item(source=source, native_id="1", payload=Payload(text="x")) for source in ("热线", "内网")])
    page = client(Role.ANALYST, [EAST]).get("/sources").text.split("<main")[1]
    assert "热线" in page
    assert "近 28 天 60 件" in page
    assert "最近一件在 8 天前" in page, "at the end of that day at the latest"
    for hidden in ("777", "837", "内网", "收件账", "收到", "隔离"):
        assert hidden not in page, hidden
    for whole in (client(Role.ANALYST), client(Role.SYSTEM_ADMIN), client(Role.SYSTEM_ADMIN, [EAST])):
        page = whole.get("/sources").text
        assert all(shown in page for shown in ("近 28 天 837 件", "内网", "收件账"))


def test_a_part_learns_that_a_source_is_silent_but_not_how_much_it_used_to_bring(client: Client, house: House) -> None:
    house.store.forget([f"{n:032x}" for n in range(120)])
    days = [timedelta(days=6 + n % 30) for n in range(600)]
    house.store.upsert([record(n, "河西区" if n % 20 else EAST, now() - ago) for n, ago in enumerate(days)])
    own, whole = (client(Role.ANALYST, districts).get("/sources").text for districts in ([EAST], None))
    assert "连续 5 天没有新件（此前最多 0 天）；按平时应有约 100 件" in whole
    assert "连续 5 天没有新件<" in own
    assert "按平时" not in own
    for page in (own, whole):
        assert "中断：热线" in page, "the bar and the table call the same sources silent"
        assert "<b>1</b> 个来源需要处理" in page


def test_who_sees_no_record_is_told_so_on_the_sources_page(client: Client) -> None:
    page = client(Role.ANALYST, ["河北区"]).get("/sources").text
    assert "可见区县还没有工单" in page
    assert "minsheng ingest" not in page


def test_numbers_of_a_part_are_not_called_the_whole_citys(client: Client) -> None:
    whole, part = client(Role.LEADER), client(Role.LEADER, [EAST, "河北区"])
    for path in ("/", "/hotspots", "/satisfaction"):
        assert "<span>全市" in whole.get(path).text
        assert "<span>全市" not in part.get(path).text
        assert "<span>河东区、河北区" in part.get(path).text
    assert "与全市相比" in whole.get("/satisfaction").text
    assert "可见区县（河东区、河北区）整体" in part.get("/satisfaction").text
    assert "与河东区相比" in whole.get("/satisfaction", params={"district": EAST}).text
    assert "全市" not in part.get("/satisfaction").text
    assert "本市民生诉求每日简报" in whole.get("/briefing").text
    assert "本市（河东区、河北区）民生诉求每日简报" in part.get("/briefing").text
    assert "本市（河东区）民生诉求每日简报" in part.get("/briefing", params={"district": EAST}).text


def test_an_unsafe_request_without_the_form_token_is_refused(client: Client) -> None:
    browser = client(Role.OPERATOR)
    del browser.headers["X-CSRF-Token"]
    assert ask(browser, "POST", "/desk/{record_id}/decide").status_code == 401
    assert browser.post(f"/desk/{EAST_ID}/decide", data={"action": "person", "csrf": "wrong"}).status_code == 401


def test_a_form_with_its_token_is_accepted(client: Client) -> None:
    browser = client(Role.OPERATOR)
    token = browser.headers.pop("X-CSRF-Token")
    assert browser.post(f"/desk/{EAST_ID}/decide", data={"action": "person", "csrf": token}).status_code == 303


def test_denied_routes_and_hidden_records_are_in_the_audit_log(client: Client, house: House) -> None:
    ask(client(Role.RESEARCHER), "GET", "/admin")
    ask(client(Role.ANALYST, [EAST]), "GET", "/records/{record_id}")
    rows = {(row.action, row.success) for row in house.audit.rows()}
    assert {("route.denied", False), ("record.read", False)} <= rows


def test_every_request_model_forbids_extra_fields_and_every_answer_has_a_model(house: House) -> None:
    """S2: no mass assignment, no over-exposure."""
    document = create_app(house).openapi()
    schemas = document["components"]["schemas"]
    bodies = {c["schema"]["$ref"].rsplit("/", 1)[1] for path in document["paths"].values() for call in path.values()
              for c in call.get("requestBody", {}).get("content", {}).values()}  # fmt: skip
    reached, todo = set(), list(bodies)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [r.rsplit("/", 1)[1] for r in _references(schemas[name])]
    objects = [name for name in reached if schemas[name].get("type") == "object"]
    assert objects
    assert [name for name in objects if schemas[name].get("additionalProperties") is not False] == []
    calls = [call for path in document["paths"].values() for call in path.values()]
    answers = [answer for call in calls for code, answer in call["responses"].items() if code in ("200", "202")]
    assert answers
    assert all("$ref" in answer["content"]["application/json"]["schema"] for answer in answers)


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if "$ref" in schema else []
        return own + [ref for value in schema.values() for ref in _references(value)]
    return [ref for value in schema for ref in _references(value)] if isinstance(schema, list) else []
