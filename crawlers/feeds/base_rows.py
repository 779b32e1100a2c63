"""A table of base data (人口、户数、法人单位) from XLSX or CSV: a row for each division, a column for each number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from crawlers.feeds.tables import Row, open_sheet
from crawlers.feeds.workbook import Cell
from indices.civic.base_data import INDICATORS, BaseFigure
from models.errors import BadFile

CODE: Final = ("区划代码", "行政区划代码", "代码", "code")
NAME: Final = ("名称", "区划名称", "区县", "街道", "name")
YEAR: Final = ("年份", "年度", "year")
SOURCE: Final = ("来源", "数据来源", "source")
COLUMNS: Final = {
    "population": ("常住人口", "人口", "人口数"), "households": ("户数", "家庭户", "家庭户数"),
    "legal_persons": ("法人单位数", "法人单位", "法人数"),
}  # fmt: skip
_CODE: Final = re.compile(r"\d{6}(?:\d{3}){0,2}")
_AGE: Final = re.compile(r"(?:常住人口|人口)?[（(]?(\d+(?:[-–—至]\d+)?岁(?:以上|及以上|以下)?)[）)]?")
_YEARS: Final = range(1949, 2100)


def read_base(path: Path, *, sheet: str | None = None) -> list[BaseFigure]:
    """Every number of the file.

    Raises:
        BadFile: a column is missing, a code has another form or comes twice for one year, a year or number is none; names line and value.
        HostileFile: as every workbook.
    """
    opened = open_sheet(path, sheet)
    found = {
        key: _column(opened.columns, names)
        for key, names in (("code", CODE), ("name", NAME), ("year", YEAR), ("source", SOURCE))
    }
    missing = [
        names[0]
        for key, names in (("code", CODE), ("name", NAME), ("year", YEAR), ("source", SOURCE))
        if not found[key]
    ]
    numbers = _numbers(opened.columns)
    if missing or not numbers:
        wanted = missing or ["、".join(INDICATORS.values()) + " 之一"]
        raise BadFile(file=path.name, reason=f"缺少列 {'、'.join(wanted)}；见到的列：{'、'.join(opened.columns)[:200]}")
    rows: list[BaseFigure] = []
    lines: dict[tuple[str, int], int] = {}
    codes: dict[tuple[str, int], str] = {}
    for number, row in enumerate(opened.rows, start=2):
        code, year = _code(row[found["code"]], path.name, number), _year(row[found["year"]], path.name, number)
        if (code, year) in lines:
            reason = (
                f"第 {lines[code, year]} 行和第 {number} 行的区划代码都是 {code}（{year} 年）；一个区划一年只留一行"
            )
            raise BadFile(file=path.name, reason=reason)
        lines[code, year] = number
        name = str(row[found["name"]] or "").strip()
        if (other := codes.setdefault((name, len(code)), code)) != code:
            raise BadFile(
                file=path.name, reason=f"第 {number} 行：{name} 有两个区划代码 {other} 和 {code}；同级不能重名，请核对"
            )
        rows += _figures(row, found, numbers, code, year, path.name, number)
    if not rows:
        raise BadFile(file=path.name, reason="没有一行数据")
    return rows


def _column(columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    return next((column for name in names for column in columns if column.strip() == name), "")


def _numbers(columns: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Column → (indicator, part)."""
    found = {column: (indicator, "") for indicator, names in COLUMNS.items() if (column := _column(columns, names))}
    for column in columns:
        if age := _AGE.fullmatch(column.strip()):
            found[column] = ("population", re.sub("[–—至]", "-", age[1]).replace("及以上", "以上"))
    return found


def _figures(
    row: Row, found: dict[str, str], numbers: dict[str, tuple[str, str]], code: str, year: int, file: str, line: int
) -> list[BaseFigure]:
    name, source = (str(row[found[key]] or "").strip() for key in ("name", "source"))
    for key, value in (("名称", name), ("来源", source)):
        if not value:
            raise BadFile(file=file, reason=f"第 {line} 行（{code}）没有{key}")
    return [
        BaseFigure(code=code, name=name, indicator=indicator, part=part, year=year, source=source, value=_value(row[column], column, file, line))
        for column, (indicator, part) in numbers.items() if row[column] is not None and str(row[column]).strip()
    ]  # fmt: skip


def _code(cell: Cell, file: str, line: int) -> str:
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell or "").strip()
    if not _CODE.fullmatch(text):
        raise BadFile(file=file, reason=f"第 {line} 行的区划代码 {text!r} 应为 6、9 或 12 位数字")
    return text


def _year(cell: Cell, file: str, line: int) -> int:
    text = (
        str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell or "").strip().removesuffix("年")
    )
    if not text.isdigit() or int(text) not in _YEARS:
        raise BadFile(file=file, reason=f"第 {line} 行的年份 {text!r} 应为四位数字，如 2025")
    return int(text)


def _value(cell: Cell, column: str, file: str, line: int) -> float:
    text = str(cell).strip().replace(",", "").replace("，", "")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e10:
        raise BadFile(file=file, reason=f"第 {line} 行 {column} 的 {text[:40]!r} 应为不小于 0 的数（不带“万”等单位）")
    return value
