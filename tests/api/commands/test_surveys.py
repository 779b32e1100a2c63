"""`minsheng surveys`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadRequest

Run = Callable[..., Any]


def test_import_list_replace(minsheng: Run, tmp_path: Path) -> None:
    assert "没有问卷" in minsheng("surveys", "list").stdout
    path = tmp_path / "问卷.csv"
    path.write_text("日期,区县,满意度\n" + "2026-05-10,河东区,满意\n" * 40, encoding="utf-8")
    assert (
        "40 份，2026-05-10 至 2026-05-10，75.0（75.0–75.0）"
        in minsheng("surveys", "import", path, "--name", "上半年").stdout
    )
    with pytest.raises(BadRequest, match="--replace"):
        minsheng("surveys", "import", path, "--name", "上半年")
    minsheng("surveys", "import", path, "--name", "上半年", "--replace")
    assert "上半年" in minsheng("surveys", "list").stdout
    [one] = json.loads(minsheng("surveys", "list", "--json").stdout)
    assert one["overall"]["n"] == 40
