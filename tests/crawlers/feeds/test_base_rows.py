"""Tables of base data: what is read, and what each fault is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawlers.feeds.base_rows import read_base
from models.errors import BadFile

HEAD = "区划代码,名称,年份,来源,常住人口,户数,法人单位数,60岁及以上"


def table(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    path = tmp_path / "人口.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def test_every_number_of_a_row_is_one_figure(tmp_path: Path) -> None:
    found = read_base(table(tmp_path, '990101,河东区,2025,统计年鉴,"512,300",180000,,61000'))
    assert [(f.indicator, f.part, f.value) for f in found] == [
        ("population", "", 512_300.0), ("households", "", 180_000.0), ("population", "60岁以上", 61_000.0),
    ]  # fmt: skip
    assert {(f.code, f.name, f.year, f.source) for f in found} == {("990101", "河东区", 2025, "统计年鉴")}


def test_a_workbook_whose_codes_are_numbers(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active.append(["行政区划代码", "区划名称", "年度", "数据来源", "人口数", "常住人口0-14岁"])
    book.active.append([990101, "河东区", 2025, "公报", 500_000, 80_000])
    book.save(tmp_path / "人口.xlsx")
    found = read_base(tmp_path / "人口.xlsx")
    assert [(f.code, f.part, f.value) for f in found] == [("990101", "", 500_000.0), ("990101", "0-14岁", 80_000.0)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["99010,河东区,2025,年鉴,5,,,"], ["第 2 行", "'99010'", "6、9 或 12 位"]),
        (["990101,河东区,2025,年鉴,5,,,", "990101,河东区,2025,年鉴,6,,,"], ["第 2 行和第 3 行", "990101", "2025"]),
        (["990101,河东区,2025,年鉴,5,,,", "990102,河东区,2025,年鉴,6,,,"], ["第 3 行", "990101", "990102", "两个区划代码"]),
        (["990101,河东区,二五,年鉴,5,,,"], ["第 2 行", "'二五'", "年份"]),
        (["990101,河东区,2025,年鉴,51.2万,,,"], ["第 2 行", "常住人口", "51.2万"]),
        (["990101,河东区,2025,年鉴,-5,,,"], ["第 2 行", "'-5'"]),
        (["990101,河东区,2025,,5,,,"], ["第 2 行", "没有来源"]),
        (["990101,,2025,年鉴,5,,,"], ["第 2 行", "没有名称"]),
        ([], ["没有一行数据"]),
    ],
)  # fmt: skip
def test_faults_name_the_line_the_value_and_the_repair(tmp_path: Path, rows: list[str], words: list[str]) -> None:
    with pytest.raises(BadFile) as caught:
        read_base(table(tmp_path, *rows))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_one_year_after_another_is_no_doubling(tmp_path: Path) -> None:
    found = read_base(table(tmp_path, "990101,河东区,2024,年鉴,5,,,", "990101,河东区,2025年,年鉴,6,,,"))
    assert [f.year for f in found] == [2024, 2025]


@pytest.mark.parametrize(
    ("head", "word"), [("区划代码,名称,年份,常住人口", "来源"), ("区划代码,名称,年份,来源,备注", "常住人口")]
)
def test_a_missing_column_is_named(tmp_path: Path, head: str, word: str) -> None:
    with pytest.raises(BadFile, match=word):
        read_base(table(tmp_path, "990101,河东区,2025,1", head=head))
