"""A table of questionnaires from XLSX or CSV: a row for each, with day, district and one answer on satisfaction."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crawlers.feeds.tables import Row, open_sheet
from crawlers.feeds.times import parse_time
from crawlers.feeds.values import parse_value
from indices.civic.surveys import Answer
from models.clock import city_day
from models.errors import BadFile

DAY: Final = ("日期", "调查日期", "填写时间", "时间")
DISTRICT: Final = ("区县", "所在区县", "区域")
LEVEL: Final = ("满意度", "总体满意度", "满意程度", "评价")
SCORE: Final = ("得分", "满意度得分", "百分制得分")
WEIGHT: Final = ("权重", "样本权重")


def read_survey(path: Path, *, sheet: str | None = None) -> list[Answer]:
    """Every questionnaire of the file: five levels (words or 1–5) or a score on 0–100.

    Raises:
        BadFile: a column is missing or a cell cannot be read; names line and value.
        HostileFile: as every workbook.
    """
    opened = open_sheet(path, sheet)
    columns = {key: next((c for name in names for c in opened.columns if c.strip() == name), "")
               for key, names in (("day", DAY), ("district", DISTRICT), ("level", LEVEL), ("score", SCORE), ("weight", WEIGHT))}  # fmt: skip
    missing = [names[0] for key, names in (("day", DAY), ("district", DISTRICT)) if not columns[key]]
    if not columns["level"] and not columns["score"]:
        missing.append("满意度（五级）或得分（百分制）")
    if missing:
        raise BadFile(
            file=path.name, reason=f"缺少列 {'、'.join(missing)}；见到的列：{'、'.join(opened.columns)[:200]}"
        )
    found = [_answer(row, columns, path.name, number) for number, row in enumerate(opened.rows, start=2)]
    if not found:
        raise BadFile(file=path.name, reason="没有一行数据")
    return found


def _answer(row: Row, columns: dict[str, str], file: str, line: int) -> Answer:
    def bad(column: str, reason: str) -> BadFile:
        return BadFile(file=file, reason=f"第 {line} 行 {column} 的 {str(row[column])[:40]!r} {reason}")

    try:
        day = city_day(parse_time(row[columns["day"]]))
    except ValueError:
        raise bad(columns["day"], "不是日期") from None
    if columns["score"]:
        score = _number(row[columns["score"]])
        if score is None or not 0 <= score <= 100:
            raise bad(columns["score"], "应为 0 至 100 的数")
    else:
        try:
            level = parse_value("rating", row[columns["level"]])
        except ValueError:
            level = None
        if not isinstance(level, int):
            raise bad(columns["level"], "应为五级评价（非常满意 … 非常不满意，或 5 … 1）")
        score = 25.0 * (level - 1)
    weight = _number(row[columns["weight"]]) if columns["weight"] else 1.0
    if weight is None or not 0 < weight < 1e9:
        raise bad(columns["weight"], "应为大于 0 的数")
    district = str(row[columns["district"]] or "").strip()
    return Answer(number=line - 1, day=day, district=district, score=score, weight=weight)


def _number(value: object) -> float | None:
    try:
        return float(str(value).strip())
    except ValueError:
        return None
