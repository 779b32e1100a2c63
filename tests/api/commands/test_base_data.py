"""`minsheng base`: a statistics office's table goes in, what does not fit the orders is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadFile

Run = Callable[..., Any]


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["区划代码,名称,年份,来源,常住人口,户数", *rows]), encoding="utf-8")
    return path


def test_import_names_what_matches_nothing_and_what_is_missing(minsheng: Run, orders: Path, tmp_path: Path) -> None:
    file = table(tmp_path / "人口.csv", "990101,河东区,2025,年鉴,500000,180000", "980109,河冻区,2025,年鉴,1,1")
    told = minsheng("base", "import", file).stdout
    assert "2 个区划的 4 个数" in told
    assert "980109 河冻区" in told
    assert "1 个区划的代码不以本市的四位开头" in told
    assert "没有基础数据" in told
    assert "河西区" in told.splitlines()[-1]
    rows = json.loads(minsheng("base", "list", "--json").stdout)
    assert [(row["name"], row["indicator"], row["value"]) for row in rows if row["name"] == "河东区"] == [
        ("河东区", "households", 180000.0), ("河东区", "population", 500000.0),
    ]  # fmt: skip
    assert "年鉴" in minsheng("base", "list").stdout


def test_a_bad_table_changes_nothing(minsheng: Run, orders: Path, tmp_path: Path) -> None:
    assert "没有基础数据" in minsheng("base", "list").stdout
    file = table(tmp_path / "人口.csv", "990101,河东区,2025,年鉴,500000,1", "990101,河东区,2025,年鉴,500001,1")
    with pytest.raises(BadFile, match="990101"):
        minsheng("base", "import", file)
    assert "没有基础数据" in minsheng("base", "list").stdout
