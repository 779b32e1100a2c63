"""`minsheng responsiveness` on a small house."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadRequest

Run = Callable[..., Any]


def table(path: Path, rows: int = 40) -> Path:
    lines = ["工单编号,标题,内容,受理时间,办结时间"]
    lines += [
        f"R{n},路灯不亮{n},巷口第{n}盏灯坏了很久,2026-03-02 09:00,2026-03-{9 if n % 2 else 27:02} 10:00"
        for n in range(rows)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_by_year_as_table_and_as_json(minsheng: Run, tmp_path: Path) -> None:
    assert "没有工单" in minsheng("responsiveness").stdout
    assert minsheng("ingest", table(tmp_path / "orders.csv")).exit_code == 0
    shown = minsheng("responsiveness").stdout
    assert "数据截至 2026-03-27" in shown
    assert "样本不足" not in shown
    [year, whole] = json.loads(minsheng("responsiveness", "--json", "--limit", 5).stdout)
    assert (year["key"], year["orders"], year["share"], year["median"]) == ("2026", 40, 50.0, 5.0)
    assert whole["key"] == "总体"


def test_what_is_none_of_its_parts_is_refused_by_name(minsheng: Run) -> None:
    with pytest.raises(BadRequest, match="street"):
        minsheng("responsiveness", "--by", "street")
