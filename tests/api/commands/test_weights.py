"""`minsheng weights`, `metrics` and `policies` on a small house."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import BadFile, BadRequest, NotFound

Run = Callable[..., Any]


def scheme(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


GOOD = 'version = "某市"\ntitle = "某市三率"\nowner = "政研室"\neffective = 2099-01-01\nweights = { "解决" = 1, "满意" = 3 }\n'


def test_a_citys_weights_are_saved_and_listed(minsheng: Run, tmp_path: Path) -> None:
    assert "* 五层-2026" in minsheng("weights", "list").stdout
    assert "自 2099-01-01 起生效" in minsheng("weights", "save", scheme(tmp_path / "w.toml", GOOD)).stdout
    told = minsheng("weights", "list").stdout
    assert "解决 25.0%，满意 75.0%" in told
    assert "* 五层-2026" in told, "not before its day"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weights = { 解决 = 1 }", "加引号"),
        ('version = "x"', "title"),
        (GOOD.replace('"满意"', '"满意度"'), "满意度"),
        (GOOD.replace("2099", "2020"), "2020-01-01"),
    ],
)
def test_faults_are_named(minsheng: Run, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises((BadFile, BadRequest), match=words):
        minsheng("weights", "save", scheme(tmp_path / "w.toml", text))
    with pytest.raises(BadFile, match=r"w2\.toml"):
        minsheng("weights", "save", tmp_path / "w2.toml")


def test_metrics_as_table_and_as_json(minsheng: Run, orders: Path) -> None:
    period = ("--from", "2026-03-01", "--to", "2026-03-31")
    found = {one["name"]: one for one in json.loads(minsheng("metrics", *period, "--json").stdout)["metrics"]}
    assert (
        found["received"]["value"],
        found["satisfaction_rate"]["numerator"],
        found["satisfaction_rate"]["denominator"],
    ) == (5.0, 1, 3)
    assert "满意率" in minsheng("metrics", *period).stdout
    east = json.loads(minsheng("metrics", *period, "--district", "河东区", "--json").stdout)["metrics"]
    assert east[0]["value"] == 2.0


def test_policies_are_added_listed_and_refused_where_there_is_too_little(minsheng: Run, orders: Path) -> None:
    assert "没有登记政策" in minsheng("policies", "list").stdout
    assert "政策 1" in minsheng("policies", "add", "路灯整治", "--start", "2026-03-02", "--district", "河东区").stdout
    assert "河东区" in minsheng("policies", "list").stdout
    with pytest.raises(BadRequest, match="0 周"):
        minsheng("policies", "effect", 1)
    with pytest.raises(NotFound):
        minsheng("policies", "effect", 9)
