"""A house of its own for each test, one annotator for all of them, and a city's order file with headers of its own."""

from __future__ import annotations

import csv
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from api.cli import load_commands
from api.intake import open_file, take_in
from api.wiring import House
from models.settings import Settings

if TYPE_CHECKING:
    from nlp.annotate import Annotator

COLUMNS = ("编号", "受理时间", "标题", "内容", "区县", "承办单位", "满意度")
ROWS = (
    ("S01", "2026-03-02 09:15:00", "青松路路灯不亮", "青松路南段的路灯整夜不亮，老人出门看不清台阶。", "河东区", "市城管局", "满意"),
    ("S02", "2026-03-02 21:40:00", "工地夜间施工噪音", "荷塘街道的工地半夜还在打桩，孩子没法睡觉。", "河东区", "市住建局", "不满意"),
    ("S03", "2026-03-03 08:05:00", "咨询幼儿园报名", "请问柳岸花园附近的公办幼儿园几月开始报名？", "河西区", "市教育局", ""),
    ("S04", "2026-03-04 10:00:00", "小区停水", "石桥镇从昨天晚上停水到现在，没有任何通知。", "河西区", "自来水公司", "非常不满意"),
    ("S05", "2026-03-04 23:59:59", "路灯又不亮了", "北门广场的路灯修好一天又灭了，请派人来看看。", "河西区", "市城管局", ""),
)  # fmt: skip

Row = Sequence[str]
Minsheng = Callable[..., Result]
WriteCsv = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_annotator: Annotator) -> Path:
    """MINSHENG_HOME of the test; every house takes the shared annotator."""
    home = tmp_path / "home"
    monkeypatch.setenv("MINSHENG_HOME", str(home))
    monkeypatch.setattr(House, "annotator", shared_annotator)
    return home


@pytest.fixture
def minsheng(home: Path) -> Minsheng:
    """minsheng("ingest", file, "--json") -> what the command did; errors of our own tree are raised."""

    def run(*words: object, stdin: str | None = None) -> Result:
        handlers, level = logging.root.handlers[:], logging.root.level
        result = CliRunner().invoke(load_commands(), [str(word) for word in words], input=stdin)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def write_rows(path: Path, rows: Sequence[Row], columns: Row = COLUMNS, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """write_csv(rows=ROWS, name="orders.csv", columns=COLUMNS, encoding="utf-8") -> the file"""

    def write(rows: Sequence[Row] = ROWS, name: str = "orders.csv", columns: Row = COLUMNS, encoding: str = "utf-8") -> Path:  # fmt: skip
        return write_rows(tmp_path / name, rows, columns, encoding)

    return write


@pytest.fixture
def rows() -> list[list[str]]:
    """The five orders, to be changed by the test."""
    return [list(row) for row in ROWS]


@pytest.fixture(scope="session")
def taken_in(tmp_path_factory: pytest.TempPathFactory, shared_annotator: Annotator) -> Path:
    """A house's folder with the five orders, made once and copied from then on."""
    folder = tmp_path_factory.mktemp("taken-in")
    path = write_rows(folder / "orders.csv", ROWS)
    with House(Settings(home=folder / "home", store="embedded")) as house:
        house.__dict__["annotator"] = shared_annotator
        take_in(house, open_file(house, path).items(), "orders")
    return folder / "home"


@pytest.fixture
def orders(minsheng: Minsheng, home: Path, taken_in: Path, write_csv: WriteCsv) -> Path:
    """A house with the five orders taken in; the file they came from."""
    shutil.copytree(taken_in, home)
    return write_csv()
