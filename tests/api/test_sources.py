"""The page of a source and what a system administrator does there, over a house with a source that is defined."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api import frames
from api.source_health import healths, record_health
from api.wiring import House
from indices.collection.days import FIELDS
from models.clock import city_day, now
from models.item import Item, Payload
from models.labels import Role
from models.query import Outcome

DEFINITION = """
name = "信箱 甲/乙"
owner = "市信访局"
legal_basis = "公开渠道"
contact = "data@city.example"
start = "https://www.city.example/letters"
items = "li a"
[fields]
title = "h1"
"""
NAME = "信箱 甲/乙"


@pytest.fixture
def defined(house: House) -> House:
    house.sources_folder.mkdir(parents=True)
    (house.sources_folder / "m.toml").write_text(DEFINITION, encoding="utf-8")
    for back in range(1, 41):
        at = now() - timedelta(days=back)
        count = 3 if back == 1 else 40
        items = [(Item(source=NAME, native_id=f"{back}-{n}", fetched_at=at, payload=Payload(title="路灯", text="不亮", created_at=at - timedelta(hours=1))),
                  Outcome.STORED) for n in range(count)]  # fmt: skip
        house.days.add_items(items)
    return house


def test_the_list_tells_the_state_and_the_page_shows_why(client: Any, defined: House) -> None:
    browser = client(Role.SYSTEM_ADMIN)
    listed = browser.get("/sources").text
    assert "异常" in listed
    assert "收到 3 件，只有应有约 40 件的 8%" in listed
    page = browser.get("/sources/信箱 甲%2F乙")
    assert page.status_code == 200
    for words in ("每天收到的件数", "完整", "市信访局", "网页（列表），每 120 分钟", "尽快取一次", "应有的九成范围"):
        assert words in page.text
    assert browser.get("/sources/nothing").status_code == 404


def test_an_administrator_pauses_runs_and_resumes_and_it_is_on_the_record(client: Any, defined: House) -> None:
    browser = client(Role.SYSTEM_ADMIN)
    for deed in ("pause", "run", "resume"):
        answer = browser.post(f"/sources/{NAME}/{deed}", follow_redirects=False)
        assert answer.status_code == 303
    place = defined.places.get(NAME)
    assert (place.paused, place.asked_for()) == (False, True)
    browser.post(f"/sources/{NAME}/pause")
    assert "暂停" in browser.get("/sources").text
    assert NAME not in frames.silent_sources(defined)
    kinds = [row.action for row in defined.audit.read(limit=50)] if hasattr(defined.audit, "read") else []
    assert not kinds or {"source.pause", "source.run", "source.resume"} <= set(kinds)
    assert browser.post("/sources/nothing/pause").status_code == 404


def test_an_analyst_looks_and_does_not_touch(client: Any, defined: House) -> None:
    browser = client(Role.ANALYST)
    page = browser.get(f"/sources/{NAME}")
    assert page.status_code == 200
    assert "尽快取一次" not in page.text
    assert browser.post(f"/sources/{NAME}/pause").status_code == 404
    assert client(Role.ANALYST, ["河东区"]).get(f"/sources/{NAME}").status_code == 404


def test_a_try_runs_in_a_process_of_its_own_and_shows_what_it_says(client: Any, defined: House) -> None:
    (defined.sources_folder / "m.toml").write_text(
        DEFINITION.replace("https://www.city.example/letters", "http://10.0.0.5/letters"), encoding="utf-8"
    )
    assert client(Role.SYSTEM_ADMIN).post(f"/sources/{NAME}/try").status_code == 404, (
        "a definition that cannot be read is none"
    )
    (defined.sources_folder / "m.toml").write_text(
        DEFINITION.replace("www.city.example", "nowhere.invalid"), encoding="utf-8"
    )
    page = client(Role.SYSTEM_ADMIN).post(f"/sources/{NAME}/try").text
    assert "试取的结果" in page
    assert "没有得到一件" in page


def test_the_health_of_a_source_is_alerted_unless_it_is_paused(defined: House) -> None:
    assert healths(defined)[NAME].state == "异常"
    defined.places.pause(NAME)
    assert record_health(defined) == []
    defined.places.pause(NAME, paused=False)
    assert [one.title for one in record_health(defined)] == [f"数据源“{NAME}”来件异常"]
    assert record_health(defined) == []


def test_the_worker_line_counts_the_days(house: House) -> None:
    house.inbox.accept([Item(source="s", native_id="1", payload=Payload(text="路灯不亮"))])
    house.worker.drain()
    day = house.days.read(city_day(now()) - timedelta(days=1))["s"][city_day(now())]
    assert (day.items, day.stored) == (1, 1)
    assert set(day.fields) <= set(FIELDS)
