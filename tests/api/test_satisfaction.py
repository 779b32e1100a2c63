"""满意度 as people use it: pages, comparison, trial of weights, policies, appeals, exports, saved views."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.questions import today
from api.wiring import House
from indices.civic.appeals import Appeals
from indices.civic.policies import Policies
from indices.civic.weights import known
from models.clock import day_start
from models.labels import Role
from models.record import Annotation, Record

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"
TABS = (
    "/satisfaction",
    "/satisfaction/change",
    "/satisfaction/weights",
    "/satisfaction/metrics",
    "/satisfaction/policies",
    "/satisfaction/evaluation",
)


def order(random: Any, number: int, days_ago: int) -> Record:
    west = number % 2
    good = random.random() < (0.55 if west else 0.8)
    fields: dict[str, Any] = {
        "contacted": good, "resolved": "解决" if good else "未解决", "rating": int(random.choice([4, 5] if good else [1, 2, 3])),
        "annotation": Annotation(model="m", topic=("城乡建设", "交通运输")[number % 3 == 0], positive=0.8 if good else 0.2),
        "street": f"{'西' if west else '东'}{number % 5}街道", "department": ("城管局", "住建局", "交警支队")[number % 3],
    }  # fmt: skip
    return Record(id=f"{800_000 + number:032x}", revision=1, intake="1", source="热线", native_id=f"C{number}", district=(EAST, WEST)[west],
                  channel="hotline", created_at=day_start(today() - timedelta(days=days_ago)) + timedelta(minutes=number % 1_000),
                  title=f"件{number}", text=f"件{number}", speaker=f"p{number}", **fields)  # fmt: skip


@pytest.fixture
def city(house: House) -> House:
    random = np.random.default_rng(1)
    house.store.forget([f"{n:032x}" for n in range(120)])
    house.store.upsert([order(random, n, n % 200) for n in range(4_000)])
    return house


@pytest.mark.parametrize("path", TABS)
@pytest.mark.parametrize("districts", [None, [EAST]])
def test_every_tab_opens_for_a_policy_office_and_leads_to_the_others(
    client: Client, city: House, path: str, districts: list[str] | None
) -> None:
    page = client(Role.ANALYST, districts).get(path)
    assert page.status_code == 200
    for other in TABS:
        assert f'href="{other}' in page.text
    if districts and path != "/satisfaction/policies":
        assert WEST not in page.text.split("<main")[1]


@pytest.mark.parametrize("path", TABS)
def test_every_tab_of_an_empty_store_says_so(client: Client, house: House, path: str) -> None:
    house.store.forget([f"{n:032x}" for n in range(120)])
    page = client(Role.ANALYST).get(path)
    assert page.status_code == 200
    assert re.search("没有|不能比较|无数据", page.text.split("<main")[1])


def test_the_overview_shows_who_answered_and_leads_to_masked_orders(client: Client, city: House) -> None:
    page = client(Role.ANALYST).get("/satisfaction").text
    assert "有评价" in page
    assert "倒概率加权" in page
    assert "漏斗图" in client(Role.ANALYST).get("/satisfaction", params={"by": "street"}).text
    assert re.search(r'href="/search\?from=[\d-]+&amp;to=[\d-]+&amp;district=', page)


def test_units_that_few_people_rated_lead_nowhere(client: Client, house: House) -> None:
    house.store.forget([f"{n:032x}" for n in range(120)])
    random = np.random.default_rng(2)
    many = [order(random, n, n % 20) for n in range(0, 600, 2)]
    few = [order(random, n, n % 20).model_copy(update={"speaker": f"p{n % 4}"}) for n in range(1, 81, 2)]
    house.store.upsert([*many, *few])
    page = client(Role.ANALYST).get("/satisfaction").text
    assert f'">{EAST}</a>' in page
    assert f'">{WEST}</a>' not in page
    assert WEST in page


def test_without_texts_the_address_says_so_and_the_version_too(client: Client, city: House) -> None:
    browser = client(Role.ANALYST)
    assert "text in" in browser.get("/satisfaction").text
    page = browser.get("/satisfaction", params={"text": "0"}).text
    assert "text out" in page
    assert "使用文字" in page


def test_two_periods_are_compared_in_sentences(client: Client, city: House) -> None:
    page = client(Role.ANALYST).get("/satisfaction/change", params={"by": "district"}).text
    assert re.search(r"评价均值由 \d\d\.\d (变为|上升到|下降到) \d\d\.\d", page)
    assert "重要性与表现" in page
    assert "文字预测的校准" in page
    refused = client(Role.ANALYST).get(
        "/satisfaction/change", params={"before_from": "2020-01-01", "before_to": "2020-01-31"}
    )
    assert "不能比较：前一段只有 0 件评价" in refused.text
    assert (
        client(Role.ANALYST)
        .get("/satisfaction/change", params={"before_from": "2021-01-01", "before_to": "2020-01-31"})
        .status_code
        == 400
    )


def test_other_weights_are_tried_and_kept_nowhere(client: Client, city: House) -> None:
    browser, before = client(Role.ANALYST), known(city.database)
    own = browser.get("/satisfaction/weights").text
    tried = browser.get("/satisfaction/weights", params={"w_解决": "1", "w_响应": "0", "w_满意": "0"}).text
    assert "试算，不保存" in tried
    assert "试算，不保存" not in own
    assert tried.split("composite-title")[2] != own.split("composite-title")[2]
    assert browser.get("/satisfaction/weights").text.split("<main")[1] == own.split("<main")[1]
    assert known(city.database) == before
    for bad in ("-1", "许多"):
        answer = browser.get("/satisfaction/weights", params={"w_解决": bad})
        assert answer.status_code == 400
        assert bad in answer.text


def test_a_policy_is_registered_and_judged(client: Client, city: House) -> None:
    browser = client(Role.ANALYST)
    day = str(today() - timedelta(days=98))
    page = browser.post(
        "/satisfaction/policies", data={"title": "路灯整治", "start": day, "districts": [WEST], "text": "更换"}
    )
    page = browser.get(page.headers["location"])
    assert re.search("与未实施的区县相比，实施后.*分", page.text)
    assert "安慰剂检验" in page.text
    [made] = Policies(city.database).all()
    data = browser.get(f"/figures/policies/{made.number}").json()
    assert data["words"] in page.text
    assert browser.get("/satisfaction/policies", params={"policy": "99"}).status_code == 404
    assert browser.get("/satisfaction/policies", params={"policy": "x"}).status_code == 404
    late = browser.post("/satisfaction/policies", data={"title": "太近", "start": str(today())})
    assert "还不能判断：之后有" in browser.get(late.headers["location"]).text
    assert browser.post("/satisfaction/policies", data={"title": " ", "start": day}).status_code == 400
    assert client(Role.LEADER).post("/satisfaction/policies", data={"title": "x", "start": day}).status_code == 404


def test_an_appeal_is_filed_decided_by_another_and_counts(client: Client, city: House) -> None:
    before = client(Role.LEADER).get("/figures/evaluation").json()
    filer, judge = client(Role.OPERATOR), client(Role.ANALYST)
    filed = filer.post(
        "/satisfaction/appeals",
        data={"order": "C10", "ground": "恶意投诉", "text": "一天四十次"},
        follow_redirects=False,
    )
    assert filed.status_code == 303
    [one] = Appeals(city.database).all()
    page = judge.get("/satisfaction/evaluation").text
    assert "C10：恶意投诉（待审）" in page
    assert "支持，不计入" in page
    judge.post(f"/satisfaction/appeals/{one.number}", data={"state": "支持", "note": "录音属实"})
    after = client(Role.LEADER).get("/figures/evaluation").json()
    assert (before["left_out"]["申诉获支持"], after["left_out"]["申诉获支持"]) == (0, 1)
    assert after["index"]["overall"]["n"] == before["index"]["overall"]["n"] - 1
    assert judge.post("/satisfaction/appeals/99", data={"state": "支持", "note": "x"}).status_code == 404


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.LEADER, Role.ANALYST, Role.RESEARCHER])
def test_who_may_file_is_led_to_a_page_that_opens_and_who_may_not_sees_no_form(
    client: Client, city: House, role: Role
) -> None:
    browser = client(role)
    page = browser.get("/satisfaction/evaluation")
    assert page.status_code == 200
    assert ("提出申诉" in page.text) == (role is not Role.RESEARCHER)
    assert ('href="/satisfaction/change' in page.text) == (role is not Role.OPERATOR), (
        "tabs that do not open are not offered"
    )
    filed = browser.post("/satisfaction/appeals", data={"order": "C10", "ground": "其他", "text": "x"})
    if role is Role.RESEARCHER:
        assert filed.status_code == 404
    else:
        assert browser.get(filed.headers["location"]).status_code == 200
    if role is Role.OPERATOR:
        assert "/satisfaction/evaluation" in browser.get("/desk").text


def test_an_appeal_of_another_district_does_not_exist(client: Client, city: House) -> None:
    assert (
        client(Role.OPERATOR, [EAST])
        .post("/satisfaction/appeals", data={"order": "C11", "ground": "其他", "text": "x"})
        .status_code
        == 404
    )
    client(Role.OPERATOR, [WEST]).post("/satisfaction/appeals", data={"order": "C11", "ground": "其他", "text": "x"})
    [one] = Appeals(city.database).all()
    assert "C11" not in client(Role.ANALYST, [EAST]).get("/satisfaction/evaluation").text
    assert (
        client(Role.ANALYST, [EAST])
        .post(f"/satisfaction/appeals/{one.number}", data={"state": "支持", "note": "x"})
        .status_code
        == 404
    )
    assert Appeals(city.database).upheld() == []


@pytest.mark.parametrize("by", ["district", "department", "topic", "week"])
def test_exports_open_and_hold_definitions(client: Client, city: House, by: str) -> None:
    from docx import Document
    from openpyxl import load_workbook

    browser = client(Role.ANALYST)
    book = load_workbook(io.BytesIO(browser.get("/satisfaction.xlsx", params={"by": by}).content))
    assert {"按周", "指标", "口径说明"} <= set(book.sheetnames)
    assert ("综合与分层" in book.sheetnames) == (by != "week")
    assert "政策研究室" in {cell.value for cell in book["指标"]["I"]}
    document = Document(io.BytesIO(browser.get("/satisfaction.docx", params={"by": by}).content))
    assert "满意度指数" in document.paragraphs[0].text
    assert len(document.tables) == len(book.sheetnames)


def test_a_view_is_saved_and_found_again(client: Client, city: House) -> None:
    browser = client(Role.ANALYST)
    browser.post("/satisfaction/views", data={"title": "城管看板", "path": "/satisfaction?by=department"})
    page = browser.get("/satisfaction").text
    assert '<a href="/satisfaction?by=department">城管看板</a>' in page
    number = re.search(r"/satisfaction/views/(\d+)/remove", page)
    assert number
    browser.post(number[0])
    assert "城管看板" not in browser.get("/satisfaction").text
    assert browser.post("/satisfaction/views", data={"title": "x", "path": "//elsewhere.example"}).status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        "metrics",
        "composite",
        "change",
        "drivers",
        "text",
        "evaluation",
        "weekly",
        "weights",
        "policies",
        "surveys",
        "metrics/received",
        "metrics/timely_rate",
    ],
)
def test_figures_as_data(client: Client, city: House, name: str) -> None:
    answer = client(Role.RESEARCHER).get(f"/figures/{name}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)
    assert answer.json()


def test_the_index_as_data_by_street_of_one_district_without_texts(client: Client, city: House) -> None:
    whole = client(Role.RESEARCHER).get("/figures/index", params={"by": "street"}).json()
    part = (
        client(Role.RESEARCHER).get("/figures/index", params={"by": "street", "district": EAST, "text": "false"}).json()
    )
    assert len(whole["rows"]) == 10
    assert {row["key"][0] for row in part["rows"]} == {"东"}
    assert (whole["source"]["versions"]["text"], part["source"]["versions"]["text"]) == ("in", "out")


def test_an_unknown_metric_or_policy_is_not_found(client: Client, city: House) -> None:
    browser = client(Role.ANALYST)
    for path in ("/figures/metrics/happiness", "/figures/policies/7"):
        assert browser.get(path).status_code == 404
    assert browser.get("/satisfaction/metrics", params={"name": "happiness"}).status_code == 404


def test_a_second_look_computes_nothing(client: Client, city: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = client(Role.ANALYST)
    first = browser.get("/satisfaction").text

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("indices.civic.satisfaction.satisfaction", never)
    monkeypatch.setattr("indices.civic.weekly.by_week", never)
    assert browser.get("/satisfaction").text == first


def test_questionnaires_stand_beside_and_only_of_ones_own_districts(client: Client, city: House) -> None:
    from indices.civic.surveys import Answer, Surveys

    rows = [Answer(number=n, day=today(), district=(EAST, WEST)[n % 2], score=(90.0, 41.5)[n % 2]) for n in range(100)]
    before = client(Role.ANALYST).get("/figures/index").json()["overall"]["value"]
    Surveys(city.database).keep("居民调查", rows, "t")
    page = client(Role.ANALYST).get("/satisfaction").text
    assert "问卷：居民调查" in page
    assert "41.5（41.5–41.5）" in page
    own = client(Role.ANALYST, [EAST]).get("/satisfaction").text
    assert "41.5" not in own.split("survey-1")[1]
    assert [
        row["key"] for row in client(Role.ANALYST, [EAST]).get("/figures/surveys").json()["surveys"][0]["rows"]
    ] == [EAST]
    assert client(Role.ANALYST).get("/figures/index").json()["overall"]["value"] == before, "never mixed"
