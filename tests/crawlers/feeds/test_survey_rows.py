"""Tables of questionnaires: levels in words or numbers, scores, weights; each fault by line and value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crawlers.feeds.survey_rows import read_survey
from models.errors import BadFile


def table(tmp_path: Path, head: str, *rows: str) -> Path:
    path = tmp_path / "问卷.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def test_levels_and_weights(tmp_path: Path) -> None:
    found = read_survey(
        table(tmp_path, "调查日期,区县,总体满意度,样本权重", "2026-05-10,河东区,非常满意,1.5", "2026年5月11日,,2,0.5")
    )
    assert [(one.day, one.district, one.score, one.weight) for one in found] == [
        (date(2026, 5, 10), "河东区", 100.0, 1.5), (date(2026, 5, 11), "", 25.0, 0.5),
    ]  # fmt: skip


def test_scores(tmp_path: Path) -> None:
    [one] = read_survey(table(tmp_path, "日期,区县,得分", "2026-05-10,河东区,86.5"))
    assert (one.score, one.weight, one.number) == (86.5, 1.0, 1)


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ("日期,区县,满意度", "五月,河东区,满意", "第 2 行 日期 的 '五月' 不是日期"),
        ("日期,区县,满意度", "2026-05-10,河东区,还行", "第 2 行 满意度 的 '还行' 应为五级"),
        ("日期,区县,满意度", "2026-05-10,河东区,", "五级"),
        ("日期,区县,得分", "2026-05-10,河东区,101", "0 至 100"),
        ("日期,区县,得分,权重", "2026-05-10,河东区,80,0", "大于 0"),
        ("日期,区县,备注", "2026-05-10,河东区,x", "缺少列 满意度"),
        ("日期,得分", "2026-05-10,80", "缺少列 区县"),
    ],
)
def test_faults_are_named(tmp_path: Path, head: str, row: str, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        read_survey(table(tmp_path, head, row))


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="没有一行"):
        read_survey(table(tmp_path, "日期,区县,得分"))
