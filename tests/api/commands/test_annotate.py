from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import load_commands
from models.errors import BadFile, BadRequest
from models.labels import DEMAND_TYPES, DEPARTMENTS, EMOTIONS, OTHER, TOPICS
from nlp.training.linear import Trained

HEADER = ("受理编号", "标题", "内容")
ROWS = (
    ("12-7", "柳岸花园化工厂夜里排放刺鼻废气", "老人孩子都睡不着，电话13812345678"),
    ("12-8", "", "请问石桥镇小学招生划片范围"),
    ("12-9", "", ""),
)


@pytest.fixture(scope="module")
def weights(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "linear.zst"
    path.write_bytes(trained.model.to_bytes())
    return path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(load_commands(), ["annotate", *map(str, arguments)])


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make(kind: str, folder: Path, rows: tuple[tuple[str, ...], ...] = ROWS) -> Path:
    path, table = folder / f"orders.{kind}", [dict(zip(HEADER, row, strict=True)) for row in rows]
    if kind == "csv":
        path.write_text("\n".join(",".join(row) for row in (HEADER, *rows)), encoding="gb18030")
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in table), encoding="utf-8")
    elif kind == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), path)
    else:
        from openpyxl import Workbook

        book = Workbook()
        for row in (HEADER, *rows):
            book.active.append(row)
        book.save(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl", "parquet"])
def test_every_kind_of_file_gives_the_same_lines(tmp_path: Path, weights: Path, kind: str) -> None:
    result = run(make(kind, tmp_path), "-o", tmp_path / "out.jsonl", "--model", weights)
    assert result.exit_code == 0, result.output
    lines = written(tmp_path / "out.jsonl")
    assert [line["id"] for line in lines][:2] == ["12-7", "12-8"]
    assert lines[0]["topic"]["label"] == "环境保护"
    assert lines[0]["masked"].startswith("柳岸花园化工厂夜里排放刺鼻废气\n老人孩子")
    assert "13812345678" not in json.dumps(lines, ensure_ascii=False)
    assert lines[1]["masked"] == "请问石桥镇小学招生划片范围"
    assert not (tmp_path / "out.jsonl.part").exists()


def test_the_public_line(tmp_path: Path, weights: Path) -> None:
    run(make("jsonl", tmp_path), "-o", tmp_path / "out.jsonl", "--model", weights)
    for line in written(tmp_path / "out.jsonl"):
        assert set(line) == {"id", "topic", "demand_type", "department", "urgency", "sentiment", "emotion", "keywords", "entities", "place", "second",
                             "masked", "abstained", "model"}  # fmt: skip
        assert set(line["topic"]) == {"label", "path", "probabilities"}
        for head, labels in (("topic", (*TOPICS, OTHER)), ("demand_type", DEMAND_TYPES), ("department", tuple(DEPARTMENTS)),
                             ("emotion", EMOTIONS)):  # fmt: skip
            assert set(line[head]["probabilities"]) == set(labels)
            assert sum(line[head]["probabilities"].values()) == pytest.approx(1.0, abs=1e-6)
        assert set(line["sentiment"]) == {"positive"}
        assert set(line["abstained"]) == {"topic", "demand_type", "department"}


def test_columns_by_name_and_row_numbers_as_ids(tmp_path: Path, weights: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("甲,乙\n路灯,请问石桥镇小学招生划片范围\n井盖,公交车半小时不来一趟\n", encoding="utf-8")
    assert run(path, "-o", tmp_path / "out.jsonl", "--title", "甲", "--text", "乙", "--model", weights).exit_code == 0
    lines = written(tmp_path / "out.jsonl")
    assert [line["id"] for line in lines] == ["1", "2"]
    assert lines[1]["masked"] == "井盖\n公交车半小时不来一趟"


def test_more_rows_than_a_batch_stay_in_order(tmp_path: Path, weights: Path) -> None:
    rows = tuple((str(number), "", f"公交车半小时不来一趟{number % 7}") for number in range(600))
    assert run(make("csv", tmp_path, rows), "-o", tmp_path / "out.jsonl", "--model", weights).exit_code == 0
    assert [line["id"] for line in written(tmp_path / "out.jsonl")] == [str(number) for number in range(600)]


def test_standard_output(tmp_path: Path, weights: Path) -> None:
    result = run(make("jsonl", tmp_path), "-o", "-", "--model", weights)
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 3
    assert "已标注 3 行" in result.stderr


def test_a_file_without_rows_gives_a_file_without_lines(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "empty.csv").write_text("标题,内容\n", encoding="utf-8")
    assert run(tmp_path / "empty.csv", "-o", tmp_path / "out.jsonl", "--model", weights).exit_code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_broken_line_leaves_no_output(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "broken.jsonl").write_text('{"text": "路灯坏了"}\n{oops\n', encoding="utf-8")
    result = run(tmp_path / "broken.jsonl", "-o", tmp_path / "out.jsonl", "--model", weights)
    assert isinstance(result.exception, BadFile)
    assert "第 2 行" in str(result.exception)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(("arguments", "error", "told"), [
    (("--text", "正文"), BadRequest, "受理编号、标题、内容"), (("--model", "/nowhere/at/all"), BadFile, "minsheng train linear"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_the_repair(
    tmp_path: Path, arguments: tuple[str, ...], error: type[Exception], told: str
) -> None:
    result = run(make("csv", tmp_path), "-o", tmp_path / "out.jsonl", *arguments)
    assert isinstance(result.exception, error)
    assert told in str(result.exception)


def test_fast_is_the_same_where_there_is_no_encoder_to_spare(tmp_path: Path, weights: Path) -> None:
    file = make("csv", tmp_path)
    for name, more in (("all", ()), ("fast", ("--fast",))):
        assert run(file, "-o", tmp_path / f"{name}.jsonl", "--model", weights, *more).exit_code == 0
    assert written(tmp_path / "fast.jsonl") == written(tmp_path / "all.jsonl")
    assert isinstance(run("--again", "--fast").exception, BadRequest)
