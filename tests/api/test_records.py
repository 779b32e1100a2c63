"""Searching, reading and exporting records over HTTP."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from api.questions import FACETS
from api.wiring import House
from models.labels import BUSINESS_ROLES, Role
from models.query import FIELDS
from models.record import Annotation, Record

Client = Callable[..., TestClient]
EAST, WEST = "河东区", "河西区"
DAYS = ("2024-03-01", "2024-03-02", "2024-03-02", "2024-03-03")
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def id_of(number: int) -> str:
    return f"{number:032x}"


def letter(number: int, at: str, **fields: Any) -> Record:
    words = ("井盖",) + (("夜间", "噪音") if number % 2 else ("噪音", "夜间"))
    note = Annotation(model="m", topic="环境保护", title_tokens=("井盖",), text_tokens=words, urgency=number % 4)
    known = {"revision": 1, "intake": "9", "source": "信箱", "native_id": f"M{number}", "district": EAST, "annotation": note,
             "title": "井盖", "text": "".join(words), "channel": "mailbox", "created_at": datetime.fromisoformat(at)}  # fmt: skip
    return Record.model_validate({"id": id_of(number), **known, **fields})


@pytest.fixture
def letters(house: House) -> House:
    """Four letters of March 2024 at the edges of city days, beside the orders of conftest."""
    times = (
        "2024-03-01T00:00:00+08:00",
        "2024-03-02T00:00:00+08:00",
        "2024-03-02T23:59:59+08:00",
        "2024-03-03T00:00:00+08:00",
    )
    house.store.upsert([letter(500 + n, at, rating=n + 1) for n, at in enumerate(times)])
    return house


@pytest.fixture
def analyst(client: Client, letters: House) -> TestClient:
    return client(Role.ANALYST)


def found(browser: TestClient, **params: Any) -> list[int]:
    answer = browser.get("/records", params={"facets": "false", **params})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["facets"] == {}
    return [int(hit["record"]["id"], 16) for hit in body["hits"]]


# --- GET /records -----------------------------------------------------------------------------------------------------
def test_the_answer_counts_what_it_does_not_show(analyst: TestClient) -> None:
    body = analyst.get("/records", params={"q": "路灯", "size": 5}).json()
    assert body["total"] == 120
    assert len(body["hits"]) == 5
    assert set(body["facets"]) == set(FACETS)
    assert {b["keys"][0]: b["count"] for b in body["facets"]["district"]} == {EAST: 60, WEST: 60}
    assert {b["keys"][0]: b["count"] for b in body["facets"]["status"]} == {"已办结": 100, "待派单": 20}


def test_size_zero_is_counts_only(analyst: TestClient) -> None:
    body = analyst.get("/records", params={"size": 0}).json()
    assert (body["total"], body["hits"]) == (124, [])
    assert body["facets"]["channel"] == [{"keys": ["hotline"], "count": 120}, {"keys": ["mailbox"], "count": 4}]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("井盖", {500, 501, 502, 503}), ('"夜间 噪音"', {501, 503}), ("井盖 -title:井盖", set()), ("编号:M502", {502}),
        ("rating:1 OR rating:4", {500, 503}), ("井盖 NOT 编号:M500", {501, 502, 503}),
    ],
)  # fmt: skip
def test_words_phrases_operators_and_fields(analyst: TestClient, q: str, expected: set[int]) -> None:
    hits = found(analyst, q=q, filter="source:信箱", size=100)
    assert set(hits) == expected
    assert len(hits) == len(expected)


def test_filters_of_one_field_are_alternatives_and_of_two_fields_conditions(analyst: TestClient) -> None:
    assert found(analyst, filter=["rating:1", "source:信箱"]) == [500]
    assert set(found(analyst, filter=["rating:1", "rating:2", "source:信箱"])) == {500, 501}
    assert found(analyst, filter=["source:信箱", f"district:{WEST}"]) == []


@pytest.mark.parametrize("value", ["colour:red", "rating", "rating:", ":5", "annotation:x"])
def test_a_filter_that_is_none_is_refused_with_the_fields_that_are(analyst: TestClient, value: str) -> None:
    problem = analyst.get("/records", params={"filter": value}).json()
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert repr(value) in problem["detail"]
    assert all(field in problem["detail"] for field in FIELDS)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2024-03-02", "2024-03-02", {501, 502}), ("2024-03-01", "2024-03-02", {500, 501, 502}), (None, "2024-03-01", {500}),
        ("2024-03-03", "2024-03-03", {503}), ("2024-02-01", "2024-02-29", set()), ("2024-03-01", "2024-12-31", {500, 501, 502, 503}),
    ],
)  # fmt: skip
def test_both_days_are_whole_city_days_and_belong_to_the_period(
    analyst: TestClient, since: str | None, until: str | None, expected: set[int]
) -> None:
    params = {name: day for name, day in (("since", since), ("until", until)) if day}
    assert set(found(analyst, **params)) == expected


def test_a_period_that_ends_before_it_begins_is_refused_with_the_days_as_given(analyst: TestClient) -> None:
    problem = analyst.get("/records", params={"since": "2024-03-02", "until": "2024-03-01"}).json()
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert "2024-03-01" in problem["detail"]
    assert "2024-03-02" in problem["detail"]


def test_order_is_newest_first_unless_asked_otherwise(analyst: TestClient) -> None:
    letters_only = {"filter": "source:信箱"}
    assert found(analyst, **letters_only) == [503, 502, 501, 500]
    assert found(analyst, **letters_only, sort="oldest") == [500, 501, 502, 503]
    assert set(found(analyst, **letters_only, sort="relevance", q="井盖")) == {500, 501, 502, 503}
    assert analyst.get("/records", params={"sort": "best"}).status_code == 422


def test_pages_follow_one_another_without_gap_or_repetition(analyst: TestClient) -> None:
    whole = found(analyst, size=100) + found(analyst, size=100, offset=100)
    assert len(whole) == len(set(whole)) == 124
    parts = [found(analyst, size=50, offset=offset) for offset in (0, 50, 100, 150)]
    assert [len(part) for part in parts] == [50, 50, 24, 0]
    assert [number for part in parts for number in part] == whole


@pytest.mark.parametrize(("params", "status"), [({"size": 101}, 422), ({"size": -1}, 422), ({"offset": -1}, 422),
                                                ({"offset": 10_001}, 422), ({"offset": 9_990, "size": 20}, 400)])  # fmt: skip
def test_a_page_is_bounded(analyst: TestClient, params: dict[str, int], status: int) -> None:
    assert analyst.get("/records", params=params).status_code == status


def test_a_search_leaves_an_audit_row(analyst: TestClient, house: House) -> None:
    found(analyst, q="井盖")
    row = next(row for row in house.audit.rows() if row.action == "record.search")
    assert (row.who, row.success) == ("analyst-all", True)
    assert "井盖" in row.object


def test_a_scoped_viewer_finds_and_counts_the_own_district_only(client: Client, letters: House) -> None:
    body = client(Role.RESEARCHER, [WEST]).get("/records", params={"size": 100}).json()
    assert body["total"] == 60
    assert {hit["record"]["district"] for hit in body["hits"]} == {WEST}
    assert body["facets"]["district"] == [{"keys": [WEST], "count": 60}]


# --- GET /records/{id} ------------------------------------------------------------------------------------------------
def test_a_program_gets_the_record_as_data(analyst: TestClient, house: House) -> None:
    answer = analyst.get(f"/records/{id_of(501)}")
    assert answer.headers["content-type"] == "application/json"
    assert Record.model_validate(answer.json()) == house.store.get(id_of(501))


def test_a_browser_gets_a_page_and_htmx_a_panel(client: Client, letters: House) -> None:
    page = client(Role.ANALYST, headers={"accept": "text/html"}).get(f"/records/{id_of(501)}", params={"q": "噪音"})
    panel = client(Role.ANALYST).get(
        f"/records/{id_of(501)}", params={"q": "噪音"}, headers={"hx-request": "true", "accept": "text/html"}
    )
    for answer in (page, panel):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "M501" in answer.text
        assert "<mark" in answer.text, "the word looked for is marked"
    assert page.text.lstrip().startswith("<!")
    assert "<html" not in panel.text
    assert "data-close" in panel.text


def test_a_record_is_shown_although_the_words_beside_it_are_no_question(client: Client, letters: House) -> None:
    answer = client(Role.ANALYST, headers={"accept": "text/html"}).get(f"/records/{id_of(501)}", params={"q": "(噪音"})
    assert answer.status_code == 200
    assert "<mark" not in answer.text


@pytest.mark.parametrize("record_id", [id_of(1), id_of(9_999), "M501", "%00", "路灯"])
def test_what_is_absent_or_anothers_is_not_found_and_the_attempt_noted(
    client: Client, letters: House, record_id: str
) -> None:
    answer = client(Role.ANALYST, [EAST]).get(f"/records/{record_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "MS404")
    row = letters.audit.rows(limit=1)[0]
    assert (row.action, row.success) == ("record.read", False)


def test_absent_and_anothers_are_the_same_sentence(client: Client, letters: House) -> None:
    browser = client(Role.ANALYST, [EAST])
    other, absent = (browser.get(f"/records/{id_of(n)}").json() for n in (1, 9_999))
    assert other["detail"].replace(id_of(1), "") == absent["detail"].replace(id_of(9_999), "")
    assert {k: v for k, v in other.items() if k not in ("detail", "fields")} == {
        k: v for k, v in absent.items() if k not in ("detail", "fields")
    }


def test_reading_leaves_an_audit_row(analyst: TestClient, house: House) -> None:
    analyst.get(f"/records/{id_of(501)}")
    row = house.audit.rows(limit=1)[0]
    assert (row.who, row.action, row.object, row.success) == ("analyst-all", "record.read", id_of(501), True)


# --- export -----------------------------------------------------------------------------------------------------------
def test_csv_holds_everything_found_whatever_page_was_shown(analyst: TestClient) -> None:
    answer = analyst.get("/search/export", params={"q": "路灯", "page": "3"})
    assert answer.headers["content-type"] == CSV
    assert answer.headers["content-disposition"] == 'attachment; filename="minsheng-export.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 120
    assert {row["编号"] for row in rows} == {f"A{n}" for n in range(120)}


def test_xlsx_and_jsonl_hold_the_same(analyst: TestClient) -> None:
    asked = {"q": "井盖", "from": "2024-03-01", "to": "2024-03-02"}
    book = analyst.get("/search/export", params={**asked, "format": "xlsx"})
    assert book.headers["content-type"] == XLSX
    sheet = load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    head, *rows = sheet.values
    assert {row[head.index("编号")] for row in rows} == {"M500", "M501", "M502"}
    assert sheet["D2"].value == "2024-03-01 00:00:00", "times are the city's"
    lines = analyst.get("/search/export", params={**asked, "format": "jsonl"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    records = [json.loads(line) for line in lines.text.splitlines()]
    assert [record["native_id"] for record in records] == ["M500", "M501", "M502"]
    assert all("intake" not in record and "text_tokens" not in record["annotation"] for record in records)


def test_an_export_of_nothing_is_a_file_with_a_head(analyst: TestClient) -> None:
    answer = analyst.get("/search/export", params={"q": "没有这个词"})
    assert answer.status_code == 200
    assert len(answer.text.strip().splitlines()) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_an_export_leaves_a_row_that_says_who_took_what(analyst: TestClient, house: House, kind: str) -> None:
    analyst.get("/search/export", params={"q": "井盖", "format": kind})
    row = next(row for row in house.audit.rows() if row.action == "record.export")
    assert (row.who, row.success) == ("analyst-all", True)
    assert row.object.startswith(f"{kind} ")
    assert "井盖" in row.object


@pytest.mark.parametrize("kind", ["exe", "CSV", "../csv"])
def test_a_kind_that_is_none_is_refused_and_no_export_is_noted(analyst: TestClient, house: House, kind: str) -> None:
    problem = analyst.get("/search/export", params={"format": kind}).json()
    assert (problem["status"], problem["code"]) == (400, "MS306")
    assert repr(kind) in problem["detail"]
    assert "csv、xlsx、jsonl" in problem["detail"]
    assert not [row for row in house.audit.rows() if row.action == "record.export"]


def test_an_export_stays_in_the_district(client: Client, letters: House) -> None:
    answer = client(Role.OPERATOR, [WEST]).get("/search/export", params={"format": "jsonl", "district": EAST})
    assert answer.text == ""
    answer = client(Role.OPERATOR, [WEST]).get("/search/export", params={"format": "jsonl"})
    assert {json.loads(line)["district"] for line in answer.text.splitlines()} == {WEST}


@pytest.mark.parametrize("role", sorted(set(Role) - BUSINESS_ROLES))
@pytest.mark.parametrize("path", ["/records", f"/records/{id_of(501)}", "/search/export"])
def test_administrators_find_no_such_address(client: Client, letters: House, role: Role, path: str) -> None:
    assert client(role).get(path).json()["code"] == "MS404"
