"""`minsheng corrections`: decisions of the desk as a labelled table, and back into a training."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import Result

from api.commands.corrections import COLUMNS
from api.intake import open_file, take_in
from api.labelled import read_labelled
from api.wiring import House
from models.errors import BadRequest, NotFound
from models.query import Query
from models.settings import Settings
from nlp.classifier import HEADS, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from nlp.annotate import Annotator
    from nlp.training.linear import Trained

KNOWN = {head: frozenset(labels) for head, labels in HEADS.items()}


@pytest.fixture
def desk(orders: Path, home: Path) -> dict[str, str]:
    """Native id → record id of the five orders, on some of which people decided."""
    with House(Settings(home=home), read_only=True) as house:
        ids = {hit.record.native_id or "": hit.record.id for hit in house.store.search(Query(size=50)).hits}
        decide = house.decisions.decide
        decide(ids["S01"], "wang", "accept", department="城管", suggested="城管")
        decide(ids["S02"], "wang", "department", department="生态", suggested="住建")
        decide(ids["S03"], "wang", "person")
        decide(ids["S04"], "wang", "accept", department="水务", suggested="水务")
        decide(ids["S04"], "li", "department", department="公用", suggested="水务")  # a later one stands
        decide(ids["S05"], "li", "accept", department="城管", suggested="城管")
        house.decisions.undo("li")
    return ids


def written(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_what_stands_is_written_and_nothing_else(
    desk: dict[str, str], minsheng: Callable[..., Result], tmp_path: Path
) -> None:
    told = minsheng("corrections", "-o", tmp_path / "c.csv").stdout
    assert "写出 3 行（采用 1 行，改派 2 行）" in told
    rows = written(tmp_path / "c.csv")
    assert [tuple(row) for row in rows] == [COLUMNS] * 3
    said = [(row["编号"], row["承办单位"], row["模型建议"], row["决定"]) for row in rows]
    assert said == [("S01", "城管", "城管", "采用"), ("S02", "生态", "住建", "改派"), ("S04", "公用", "水务", "改派")]
    assert rows[0]["标题"] == "青松路路灯不亮"
    assert "wang" not in (tmp_path / "c.csv").read_text(encoding="utf-8")


def test_the_table_is_read_as_it_is_by_the_training(
    desk: dict[str, str], minsheng: Callable[..., Result], tmp_path: Path
) -> None:
    minsheng("corrections", "-o", tmp_path / "c.csv")
    table = read_labelled(tmp_path / "c.csv", KNOWN)
    assert table.columns == {"department": "承办单位"}
    assert table.labels == {"department": ["城管", "生态", "公用"]}
    assert table.text_columns == ("标题", "内容")
    assert [draft.title for draft in table.drafts] == ["青松路路灯不亮", "工地夜间施工噪音", "小区停水"]


@pytest.mark.slow
def test_decisions_teach_a_model(
    minsheng: Callable[..., Result],
    home: Path,
    tmp_path: Path,
    trained: Trained,
    shared_annotator: Annotator,
    write_csv: Callable[..., Path],
) -> None:
    """Forty orders, each decided on, written, taught: the way from the desk back into the model."""
    draw = random.Random(3)
    matters = {"城管": "路灯不亮没人修", "人社": "公司拖欠工资三个月"}
    rows = [
        (
            f"T{n:02}",
            "2026-03-02 09:15:00",
            matters[code],
            f"{matters[code]}，{''.join(draw.choices('甲乙丙丁戊己庚辛', k=20))}",
            "河东区",
            "",
            "",
        )
        for n, code in enumerate(["城管", "人社"] * 22)
    ]
    with House(Settings(home=home)) as house:
        house.__dict__["annotator"] = shared_annotator
        take_in(house, open_file(house, write_csv(rows)).items(), "orders")
        for hit in house.store.search(Query(size=100)).hits:
            code = next(code for code, matter in matters.items() if matter == hit.record.title)
            house.decisions.decide(hit.record.id, "wang", "department", department=code, suggested="住建")
    assert "写出 44 行（采用 0 行，改派 44 行）" in minsheng("corrections", "-o", tmp_path / "c.csv").stdout
    (tmp_path / "linear.zst").write_bytes(trained.model.to_bytes())
    told = minsheng("train", "heads", "--labels", tmp_path / "c.csv", "--base", tmp_path, "-o", tmp_path / "out")
    assert told.exit_code == 0, told.output
    model = load(tmp_path / "out")
    assert model.version.startswith("city-")
    assert model.heads["department"] == HEADS["department"]
    answers = model.predict(list(matters.values()), ["", ""])["department"].argmax(axis=1)
    assert [model.heads["department"][column] for column in answers] == list(matters)


def test_every_access_is_in_the_audit_log(
    desk: dict[str, str], minsheng: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    minsheng("corrections", "-o", tmp_path / "c.csv")
    with House(Settings(home=home), read_only=True) as house:
        noted = [(entry.who, entry.action) for entry in house.audit.rows(limit=20)]
    assert ("console", "corrections.export") in noted
    assert ("console", "record.scan") in noted


def test_an_order_that_is_gone_is_counted(
    desk: dict[str, str], minsheng: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    with House(Settings(home=home), read_only=True) as house:
        house.decisions.decide("f" * 32, "wang", "accept", department="城管")
    result = minsheng("corrections", "-o", tmp_path / "c.csv")
    assert "写出 3 行" in result.stdout
    assert "1 件已不在库中" in result.stderr


def test_without_a_decision_nothing_is_written(orders: Path, minsheng: Callable[..., Result], tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="采用或改派过"):
        minsheng("corrections", "-o", tmp_path / "c.csv")
    assert not list(tmp_path.glob("c.csv*"))


def test_a_folder_that_is_not_there_is_said_before_anything_is_read(
    minsheng: Callable[..., Result], tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match="不存在"):
        minsheng("corrections", "-o", tmp_path / "none" / "c.csv")
