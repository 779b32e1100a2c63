"""Which units are alike: two columns, each fault named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from indices.civic.peers import read_peers
from models.errors import BadFile


def test_units_and_their_groups(tmp_path: Path) -> None:
    path = tmp_path / "peers.csv"
    path.write_text("\ufeff单位,组,备注\n河东区,城区,\n白石县,县,山区\n", encoding="utf-8")
    assert read_peers(path) == {"河东区": "城区", "白石县": "县"}
    assert read_peers(tmp_path / "none.csv") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("单位,类\n甲,乙\n", "缺少列 组"),
        ("单位,组\n甲,\n", "第 2 行"),
        ("单位,组\n甲,城\n甲,乡\n", "第 3 行把 甲 归入 乡，前面已归入 城"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "peers.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFile, match=words):
        read_peers(path)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "peers.csv"
    path.write_bytes("单位,组\n甲,城\n".encode("gb18030"))
    with pytest.raises(BadFile, match="UTF-8"):
        read_peers(path)
