"""One figure, four places: for every metric of the registry page, API, briefing, XLSX and Word say the same."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import briefings
from api.questions import today
from api.wiring import House
from dashboards import formats
from dashboards.index_tables import written
from indices.civic.base_data import BaseFigure
from indices.civic.metrics import names
from models.clock import day_start
from models.labels import Role
from models.record import Annotation, Record

Client = Callable[..., TestClient]
DAYS = 7


def order(number: int) -> Record:
    """A week of orders in which every metric has something to count, excluded ones among them."""
    at = day_start(today() - timedelta(days=number % DAYS)) + timedelta(minutes=number)
    fields: dict[str, Any] = {
        "contacted": number % 4 != 0, "resolved": ("解决", "部分解决", "未解决")[number % 3], "rating": 1 + number % 5 if number % 6 else None,
        "due_at": at + timedelta(days=2), "replied_at": at + timedelta(days=1 + number % 3), "returns": int(number % 9 == 0),
        "merged_into": "0" * 31 + "1" if number % 17 == 0 else None, "status": "不予受理" if number % 23 == 0 else "已办结",
        "annotation": Annotation(model="m", topic="城乡建设", urgency=number % 4, positive=(0.1, 0.5, 0.9)[number % 3]),
    }  # fmt: skip
    return Record(id=f"{900_000 + number:032x}", revision=1, intake="1", source="热线", native_id=f"B{number}", district=("河东区", "河西区")[number % 2],
                  channel="hotline", created_at=at, title=f"件{number}", text=f"件{number}", **fields)  # fmt: skip


@pytest.fixture
def week(house: House) -> House:
    house.store.forget([f"{n:032x}" for n in range(120)])
    house.store.upsert([order(n) for n in range(400)])
    people = {"河东区": 300_000, "河西区": 200_000}
    house.base.keep([BaseFigure(code=f"99010{i}", name=n, indicator="population", year=2025, value=v, source="年鉴")
                     for i, (n, v) in enumerate(people.items())], "t")  # fmt: skip
    return house


@pytest.fixture
def everywhere(client: Client, week: House) -> dict[str, dict[str, str]]:
    """metric → place → what it says there."""
    from docx import Document
    from openpyxl import load_workbook

    browser, period = client(Role.ANALYST), {"from": str(today() - timedelta(days=DAYS - 1)), "to": str(today())}
    data = browser.get("/figures/metrics", params={"since": period["from"], "until": period["to"]}).json()["metrics"]
    page = browser.get("/satisfaction/metrics", params=period).text
    book = load_workbook(io.BytesIO(browser.get("/satisfaction.xlsx", params=period).content))
    rows = {row[10]: row for row in book["指标"].iter_rows(min_row=3, values_only=True)}
    tables = Document(io.BytesIO(browser.get("/satisfaction.docx", params=period).content)).tables
    [table] = [t for t in tables if t.rows[0].cells[0].text == "指标"]
    head = [cell.text for cell in table.rows[0].cells]
    paper = {row.cells[0].text: row.cells[head.index("值")].text for row in table.rows[1:]}
    [annex] = [s for s in briefings.make_briefing(week, week.console, today()).sections if s.heading == "指标附表"]
    sentences = "".join(statement.text for statement in annex.statements)
    found = {}
    for one in data:
        value = one["value"]
        shown = formats.DASH if value is None else formats.metric_value(value, one["unit"])
        cell = re.search(rf'data-metric="{one["name"]}"[^>]*>([^<]*)<', page)
        inside = "没有数据可算的" in sentences and one["title"] in sentences.split("没有数据可算的")[1]
        said = re.search(rf"近 {DAYS} 日{re.escape(one['title'])} ([^。（]*)", sentences)
        found[one["name"]] = {
            "api": shown, "page": cell[1] if cell else "", "briefing": formats.DASH if inside else said[1] if said else "",
            "xlsx": formats.DASH if rows[one["name"]][1] is None else formats.metric_value(rows[one["name"]][1], one["unit"]),
            "word": "same" if paper[one["title"]] == written(value) else paper[one["title"]],
        }  # fmt: skip
    return found


def test_every_metric_says_the_same_everywhere(everywhere: dict[str, dict[str, str]]) -> None:
    assert set(everywhere) == set(names())
    for name, places in everywhere.items():
        assert {place: said for place, said in places.items() if place != "word"} == dict.fromkeys(
            ("api", "page", "briefing", "xlsx"), places["api"]
        ), name
        assert places["word"] == "same", name
    known = [name for name, places in everywhere.items() if places["api"] != formats.DASH]
    assert len(known) >= len(names()) - 1, "only the clock of fifteen working days has nothing to count in one week"


def test_the_index_says_the_same_everywhere(client: Client, week: House) -> None:
    from openpyxl import load_workbook

    browser, period = client(Role.ANALYST), {"from": str(today() - timedelta(days=DAYS - 1)), "to": str(today())}
    data = browser.get(
        "/figures/index", params={"by": "district", "since": period["from"], "until": period["to"]}
    ).json()
    page = browser.get("/satisfaction", params=period).text
    book = load_workbook(io.BytesIO(browser.get("/satisfaction.xlsx", params=period).content))
    sheet = {row[0]: row for row in book["指数（按区县）"].iter_rows(min_row=3, values_only=True)}
    for row in (*data["rows"], data["overall"]):
        assert sheet[row["key"]][1:6] == tuple(row[name] for name in ("value", "low", "high", "low90", "high90"))
        if row["key"] != "总体":
            assert formats.interval(row["value"], row["low"], row["high"]) in page
    assert f'figure-value">{data["overall"]["value"]:.1f}<' in page
