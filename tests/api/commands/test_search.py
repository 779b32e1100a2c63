"""`minsheng search` and `minsheng export`: the public JSON shape, and files that open again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import Result

from api.questions import FACETS
from models.errors import BadQuery, BadRequest

Minsheng = Callable[..., Result]


@pytest.fixture
def found(minsheng: Minsheng, orders: Path) -> Callable[..., dict[str, Any]]:
    """found("路灯", "--filter", …) -> the JSON on stdout"""

    def ask(*words: object) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(minsheng("search", *words, "--json").stdout)
        return answer

    return ask


def numbers(answer: dict[str, Any]) -> list[str]:
    return [hit["native_id"] for hit in answer["hits"]]


def test_the_json_has_total_hits_and_facets(found: Callable[..., dict[str, Any]]) -> None:
    answer = found()
    assert list(answer) == ["total", "hits", "facets"]
    assert answer["total"] == 5
    assert numbers(answer) == ["S05", "S04", "S03", "S02", "S01"], "without words the newest first"
    assert set(answer["facets"]) == set(FACETS)
    assert answer["facets"]["district"] == {"河西区": 3, "河东区": 2}
    assert answer["facets"]["department"]["市城管局"] == 2
    hit = answer["hits"][-1]
    assert (hit["title"], hit["district"], hit["rating"]) == ("青松路路灯不亮", "河东区", 4)
    assert {"topic", "departments", "keywords", "model"} <= set(hit["annotation"])
    assert not {"title_tokens", "text_tokens"} & set(hit["annotation"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("路灯",), {"S01", "S05"}), (("路灯 -北门",), {"S01"}), (("停水 OR 噪音",), {"S02", "S04"}), (('"公办 幼儿园"',), {"S03"}),
        (("区县:河西区",), {"S03", "S04", "S05"}), (("不存在的词",), set()), (("--filter", "district:河东区"), {"S01", "S02"}),
        (("路灯", "--filter", "district:河东区"), {"S01"}), (("--filter", "rating:4", "--filter", "rating:1"), {"S01", "S04"}),
        (("--from", "2026-03-03", "--to", "2026-03-04"), {"S03", "S04", "S05"}), (("--to", "20260302"), {"S01", "S02"}),
        (("--from", "2026/03/04"), {"S04", "S05"}),
    ],
)  # fmt: skip
def test_words_filters_and_days_narrow_hits_total_and_facets(
    found: Callable[..., dict[str, Any]], words: tuple[str, ...], expected: set[str]
) -> None:
    answer = found(*words)
    assert set(numbers(answer)) == expected
    assert answer["total"] == len(expected)
    assert sum(answer["facets"]["district"].values()) == len(expected)


def test_order_and_pages(found: Callable[..., dict[str, Any]]) -> None:
    assert numbers(found("--sort", "oldest", "--size", 2)) == ["S01", "S02"]
    page = found("--sort", "oldest", "--size", 2, "--offset", 4)
    assert (numbers(page), page["total"]) == (["S05"], 5)
    assert found("--size", 0)["hits"] == []
    assert all(hit["score"] > 0 for hit in found("路灯")["hits"]), "with words the most relevant first"


def test_for_people_a_line_each_and_the_counts(minsheng: Minsheng, orders: Path) -> None:
    output = minsheng("search", "路灯").output
    assert "共 2 件" in output
    assert "S01  2026-03-02 09:15  河东区" in output
    assert "department: 市城管局 2" in output


@pytest.mark.parametrize(
    ("words", "error", "seen"),
    [
        (("(路灯",), BadQuery, "字符"), (("--filter", "colour:red"), BadRequest, "'colour:red'"), (("--from", "yesterday"), BadRequest, "'yesterday'"),
        (("--to", "2026-02-30"), BadRequest, "'2026-02-30'"), (("--from", "2026-03-05", "--to", "2026-03-04"), BadRequest, "2026-03-05"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["search", "export"])
def test_a_question_that_is_none_is_refused_with_what_was_seen(
    minsheng: Minsheng, tmp_path: Path, command: str, words: tuple[str, ...], error: type[Exception], seen: str
) -> None:
    output = ("-o", tmp_path / "x.csv") if command == "export" else ()
    with pytest.raises(error) as caught:
        minsheng(command, *output, *words)
    assert seen in str(caught.value)
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(("option", "value", "seen"), [("--sort", "best", "'best'"), ("--offset", "9990", "10000")])
def test_an_order_or_page_that_is_none_is_refused(minsheng: Minsheng, option: str, value: str, seen: str) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("search", option, value)
    assert seen in caught.value.message


def test_an_empty_house_has_nothing_to_find(minsheng: Minsheng) -> None:
    answer = json.loads(minsheng("search", "路灯", "--json").stdout)
    assert (answer["total"], answer["hits"]) == (0, [])


# --- export -----------------------------------------------------------------------------------------------------------
def test_a_csv_opens_again_with_everything_found(minsheng: Minsheng, orders: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    assert f"已导出 5 件到 {path}" in minsheng("export", "-o", path).output
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["编号"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"S01", "S02", "S03", "S04", "S05"}
    assert (rows["S04"]["承办单位"], rows["S04"]["满意度"], rows["S04"]["受理时间"]) == (
        "自来水公司",
        "1",
        "2026-03-04 10:00:00",
    )


def test_xlsx_and_jsonl_by_their_suffix(minsheng: Minsheng, orders: Path, tmp_path: Path) -> None:
    book, lines = tmp_path / "lights.XLSX", tmp_path / "lights.jsonl"
    minsheng("export", "路灯", "-o", book)
    minsheng("export", "路灯", "-o", lines)
    sheet = load_workbook(book.rename(tmp_path / "lights.xlsx")).active
    assert sheet is not None
    assert {row[0] for row in sheet.iter_rows(min_row=2, values_only=True)} == {"S01", "S05"}
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    assert {record["native_id"] for record in records} == {"S01", "S05"}


@pytest.mark.parametrize("name", ["all", "all.doc", "all."])
def test_a_suffix_that_is_none_is_refused_and_leaves_no_file(
    minsheng: Minsheng, orders: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng("export", "-o", tmp_path / name)
    assert "csv" in caught.value.message
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("command", [("export",), ("briefing",), ("feed", "inspect", "orders.csv")])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_done(
    minsheng: Minsheng, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with pytest.raises(BadRequest) as caught:
        minsheng(*command, "-o", tmp_path / "gone" / "all.csv")
    assert f"{tmp_path / 'gone'} 不存在" in caught.value.message
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadRequest) as caught:
        minsheng(*command, "-o", tmp_path / "folder.csv")
    assert "文件夹" in caught.value.message


def test_a_cell_that_looks_like_a_formula_is_neutral(
    minsheng: Minsheng, write_csv: Callable[..., Path], rows: list[list[str]], tmp_path: Path
) -> None:
    rows[0][2] = "=HYPERLINK(1)"
    minsheng("ingest", write_csv(rows))
    minsheng("export", "-o", tmp_path / "all.csv")
    assert "'=HYPERLINK(1)" in (tmp_path / "all.csv").read_text("utf-8-sig")
