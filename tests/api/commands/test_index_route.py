"""`minsheng index` and `minsheng route`: the public JSON shapes and what people read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from api.wiring import House
from models.errors import BadRequest, EmptyText
from models.labels import DEPARTMENTS

Minsheng = Callable[..., Result]
ROW = ["key", "value", "low", "high", "n", "n_effective", "status"]
ROUTING = {"department", "confidence", "candidates", "reason", "similar", "to_person"}
COMPLAINT = "青松路北段的路灯坏了半个月，晚上黑漆漆的没人修，请城管部门派人维修。"


@pytest.fixture
def rated(minsheng: Minsheng, write_csv: Callable[..., Path]) -> Path:
    """Eighty rated orders of two offices over four weeks: the first content, the second not."""
    rows = []
    for n in range(80):
        good = n % 2 == 0
        words = ("满意", "非常满意") if good else ("不满意", "非常不满意")
        rows.append([f"R{n:02}", f"2026-03-{1 + n % 28:02} 10:00:00", f"路灯第{n}盏不亮", f"第{n}盏路灯不亮，请修理。",
                     "河东区" if good else "河西区", "甲局" if good else "乙局", words[n // 2 % 2]])  # fmt: skip
    path = write_csv(rows)
    minsheng("ingest", path)
    return path


# --- index ------------------------------------------------------------------------------------------------------------
def index_of(minsheng: Minsheng, *words: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(minsheng("index", *words, "--json").stdout)
    return answer


def test_the_index_has_rows_of_the_public_shape(minsheng: Minsheng, rated: Path) -> None:
    answer = index_of(minsheng)
    assert next(iter(answer)) == "rows"
    for row in (*answer["rows"], answer["overall"]):
        assert list(row)[: len(ROW)] == ROW
    rows = {row["key"]: row for row in answer["rows"]}
    assert {key: row["n"] for key, row in rows.items()} == {"甲局": 40, "乙局": 40}
    assert answer["overall"]["n"] == 80
    for row in rows.values():
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 100
    assert rows["甲局"]["low"] > rows["乙局"]["high"]


def test_the_index_by_each_unit(minsheng: Minsheng, rated: Path) -> None:
    assert {row["key"] for row in index_of(minsheng, "--by", "district")["rows"]} == {"河东区", "河西区"}
    weeks = index_of(minsheng, "--by", "week")["rows"]
    assert sum(row["n"] for row in weeks) == 80
    assert {"2026-03-02", "2026-03-09"} <= {row["key"] for row in weeks}, "weeks are named by their Monday"
    assert index_of(minsheng, "--by", "topic")["overall"]["n"] == 80


def test_too_little_has_no_value(minsheng: Minsheng, orders: Path) -> None:
    rows = index_of(minsheng)["rows"]
    assert rows
    for row in rows:
        assert (row["value"], row["low"], row["high"], row["status"]) == (None, None, None, "样本不足")
    assert "样本不足" in minsheng("index").output


def test_days_bound_the_index_and_both_belong_to_it(minsheng: Minsheng, rated: Path) -> None:
    # n % 28 for n = 0 … 79: days 1–24 come three times, days 25–28 twice
    assert index_of(minsheng, "--from", "2026-03-02", "--to", "2026-03-03")["overall"]["n"] == 6
    assert index_of(minsheng, "--from", "2026-03-28")["overall"]["n"] == 2
    assert index_of(minsheng, "--to", "2026-03-01")["overall"]["n"] == 3


def test_nothing_rated_is_said_in_words(minsheng: Minsheng) -> None:
    assert "没有任何评价" in minsheng("index").output
    assert index_of(minsheng)["rows"] == []


def test_for_people_a_table(minsheng: Minsheng, rated: Path) -> None:
    output = minsheng("index").output
    assert "满意度指数（按承办单位）" in output
    assert "甲局" in output


@pytest.mark.parametrize(
    ("words", "seen"),
    [(("--by", "moon"), "'moon'"), (("--from", "soon"), "'soon'"), (("--to", "2026-13-01"), "'2026-13-01'")],
)
def test_a_unit_or_day_that_is_none_is_refused(minsheng: Minsheng, words: tuple[str, ...], seen: str) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("index", *words)
    assert seen in caught.value.message


# --- route ------------------------------------------------------------------------------------------------------------
def routed(minsheng: Minsheng, *words: object, stdin: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(minsheng("route", *words, "--json", stdin=stdin).stdout)
    assert set(answer) >= ROUTING
    return answer


def test_a_complaint_is_routed_in_the_public_shape(minsheng: Minsheng, orders: Path) -> None:
    answer = routed(minsheng, COMPLAINT)
    assert answer["to_person"] == (answer["department"] is None)
    assert answer["department"] in {None, *DEPARTMENTS}
    assert 0 < answer["confidence"] <= 1
    probabilities = [candidate["probability"] for candidate in answer["candidates"]]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert answer["candidates"][0]["label"] == answer["department"] or answer["to_person"]
    assert answer["reason"]["words"]
    assert all(word in COMPLAINT and weight > 0 for word, weight in answer["reason"]["words"])
    assert answer["reason"]["rule"]


def test_similar_orders_are_those_of_the_house_by_their_numbers(minsheng: Minsheng, orders: Path) -> None:
    similar = routed(minsheng, COMPLAINT)["similar"]
    assert "S01" in [order["id"] for order in similar][:2]
    assert all(0 <= order["similarity"] <= 1 for order in similar)
    assert {order["id"]: order["department"] for order in similar}["S01"] == "市城管局"


def test_the_citys_catalogue_decides_and_is_named(minsheng: Minsheng, home: Path) -> None:
    """Of a few plain texts the first whose topic the model, whichever it is, is sure of."""
    plain = (
        COMPLAINT,
        "公司拖欠农民工工资三个月，劳动监察大队没有人管。",
        "化工厂夜里偷排刺鼻废气，河水发黑发臭，污染环境。",
    )
    read = ((text, routed(minsheng, text)) for text in plain)
    text, topic = next((text, answer["topic"]) for text, answer in read if answer["topic"] and answer["urgency"] < 3)
    home.mkdir(exist_ok=True)
    (home / "catalogue.csv").write_text(
        f"topic,district,code,unit,binding\n{topic},河东区,公用,路灯管理所,是\n", "utf-8"
    )
    answer = routed(minsheng, text, "--district", "河东区")
    assert (answer["department"], answer["unit"], answer["to_person"]) == ("公用", "路灯管理所", False)
    assert "路灯管理所" in answer["reason"]["rule"]
    assert routed(minsheng, text, "--district", "河西区")["unit"] != "路灯管理所"
    assert "路灯管理所（公用）" in minsheng("route", text, "--district", "河东区").output


def test_danger_goes_to_a_person_and_people_read_why(minsheng: Minsheng) -> None:
    text = "楼下煤气泄漏了，闻到很重的气味，有老人晕倒，快来救人！"
    answer = routed(minsheng, text)
    assert (answer["department"], answer["to_person"], answer["urgency"]) == (None, True, 3)
    assert "人身安全" in answer["reason"]["rule"]
    output = minsheng("route", text).output
    assert "交人工：可能危及人身安全" in output
    assert "煤气泄漏" in output


def test_an_empty_house_routes_without_examples(minsheng: Minsheng) -> None:
    answer = routed(minsheng, COMPLAINT)
    assert answer["similar"] == []
    output = minsheng("route", COMPLAINT).output
    assert "候选：" in output
    assert "关键词：" in output


def test_the_text_can_come_by_standard_input_and_is_not_kept(minsheng: Minsheng) -> None:
    assert routed(minsheng, "-", stdin=COMPLAINT) == routed(minsheng, COMPLAINT)
    with House(read_only=True) as house:
        assert house.inbox.books().received == 0


def test_the_title_counts(minsheng: Minsheng) -> None:
    assert (
        routed(minsheng, "请处理", "--title", "工地拖欠农民工工资")["candidates"]
        != routed(minsheng, "请处理")["candidates"]
    )


@pytest.mark.parametrize(("text", "stdin"), [("", None), ("  ", None), ("-", "\n")])
def test_nothing_said_is_refused(minsheng: Minsheng, text: str, stdin: str | None) -> None:
    with pytest.raises(EmptyText):
        minsheng("route", text, stdin=stdin)


def test_falls_are_recorded_by_the_clock(minsheng: Minsheng, orders: Path) -> None:
    assert "新登记 0 条下降预警" in minsheng("index", "--record").output


def test_nothing_is_recorded_of_an_empty_house(minsheng: Minsheng) -> None:
    assert "没有工单" in minsheng("index", "--record").output
