"""`minsheng train heads --labels`: from a city's tables to a model that is used, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from api.cli import load_commands
from models.errors import BadFile, BadRequest

if TYPE_CHECKING:
    from nlp.training.linear import Trained

Run = Callable[..., Result]
# what is said of it, own topic, own department, urgency
MATTERS = (
    ("路灯不亮", "市容", "河东城管局", "0"), ("小贩占道经营", "市容", "河东城管局", "0"), ("公交半天不来", "出行", "河东交通局", "0"),
    ("出租车拒载绕路", "出行", "河东交通局", "1"), ("工资拖欠三个月", "劳动", "河东人社局", "1"), ("老板不给加班费", "劳动", "河东人社局", "1"),
)  # fmt: skip
HEADER = ("标题", "内容", "一级分类", "承办单位", "紧急程度")
PLACES = (
    "青松路",
    "荷塘街道",
    "柳岸花园",
    "向阳小区",
    "北门广场",
    "石桥镇",
    "锦江名都",
    "南湖新村",
    "东风巷",
    "望江桥",
)


def orders(n: int, seed: int = 1) -> list[list[str]]:
    draw = random.Random(seed)
    rows = []
    for _ in range(n):
        what, *labels = draw.choice(MATTERS)
        filler = "".join(draw.choices("的一是在不了有和人这中大为上个国", k=30))
        rows.append([draw.choice(PLACES) + what, f"{draw.choice(PLACES)}{what}，{filler}", *labels])
    return rows


def write(path: Path, rows: list[list[str]], header: tuple[str, ...] = HEADER, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def base(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "底层"
    folder.mkdir()
    (folder / "linear.zst").write_bytes(trained.model.to_bytes())
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("train", "heads", …) in a home of its own; errors of our own tree are raised."""
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Result:
        result = CliRunner().invoke(load_commands(), list(map(str, words)))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def refused(run: Run, base: Path, tmp_path: Path) -> Callable[..., str]:
    """refused(rows, header=…) -> why; nothing is written."""

    def refused(rows: list[list[str]], header: tuple[str, ...] = HEADER, *words: object) -> str:
        table = write(tmp_path / "t.csv", rows, header)
        with pytest.raises(BadRequest) as error:
            run("train", "heads", "--labels", table, "--base", base, "-o", tmp_path / "out", *words)
        assert not (tmp_path / "out").exists()
        return str(error.value)

    return refused


# --- the way through ------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_city_teaches_its_offices_uses_them_and_compares(run: Run, base: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "本市.csv", orders(200), encoding="gb18030")
    out = tmp_path / "河东"
    told = run("train", "heads", "--labels", table, "--base", base, "-o", out)
    assert told.exit_code == 0, told.output
    assert "department 第 5/5 折" not in told.stdout, "progress is no part of the answer"
    assert "原模型没有这样的类" in told.stdout
    assert "换成了表中的类" in told.stdout
    assert "「前」会偏高" in told.stdout
    assert "department（承办单位）" in told.stderr
    assert f"minsheng model use {out}" in told.stdout

    assert "city-" in run("model", "use", out).stdout
    listed = {one["name"]: one for one in json.loads(run("model", "list", "--json").stdout)["models"]}
    assert listed["河东"]["in_use"]
    assert listed["河东"]["figures"]["department"]["rows"] == "本市标注行（五折交叉检验）"

    run("annotate", write(tmp_path / "new.csv", orders(12, seed=7)), "-o", tmp_path / "new.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["department"]["label"] for line in lines] == [row[3] for row in orders(12, seed=7)]
    assert {line["topic"]["path"] for line in lines} <= {"市容", "出行", "劳动"}
    assert {line["model"] for line in lines} == {listed["河东"]["version"]}

    routed = json.loads(run("route", "石桥镇工资拖欠三个月", "--json").stdout)
    assert routed["candidates"][0]["label"] == "河东人社局"
    compared = json.loads(run("model", "compare", base, "河东", "--labels", table, "--json").stdout)
    assert [head["head"] for head in compared["heads"]] == ["urgency"], "the old one has none of the other labels"


@pytest.mark.slow
def test_later_tables_correct_earlier_ones_and_what_is_left_out_is_said(run: Run, base: Path, tmp_path: Path) -> None:
    rows = orders(160)
    first = write(
        tmp_path / "a.csv", [*rows, ["", "  ", "市容", "河东城管局", "0"], ["别的", "小事", "其余", "小局", ""]]
    )
    second = write(tmp_path / "b.csv", [[row[0], row[1], "", " 河东公用局 ", ""] for row in rows[:30]])
    told = run("train", "heads", "--labels", first, "--labels", second, "--base", base, "-o", tmp_path / "out").stdout
    assert "1 行没有文字，未用" in told
    assert "department：30 条文本的标注以后面的表为准" in told
    assert "department：不足 20 行的类没有教，这些行也没有用：小局（1）" in told
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["tables"] == ["a.csv", "b.csv"]
    (department,) = [figure for figure in card["figures"] if figure["head"] == "department"]
    assert {"河东公用局"} < {one["label"] for one in department["classes"]}
    assert sum(one["n"] for one in department["classes"]) == 160


@pytest.mark.slow
def test_more_is_taught_on_top_of_a_city_s_own_model(run: Run, base: Path, tmp_path: Path) -> None:
    rows = orders(120)
    only_offices = write(tmp_path / "a.csv", [[*row[:2], row[3]] for row in rows], ("标题", "内容", "承办单位"))
    only_topics = write(tmp_path / "b.csv", [row[:3] for row in rows], HEADER[:3])
    run("train", "heads", "--labels", only_offices, "--base", base, "-o", tmp_path / "one")
    told = run("train", "heads", "--labels", only_topics, "--base", tmp_path / "one", "-o", tmp_path / "two")
    assert told.exit_code == 0, told.output
    from nlp.classifier import load

    heads = load(tmp_path / "two").heads
    assert set(heads["department"]) == {"河东城管局", "河东交通局", "河东人社局"}
    assert set(heads["topic"]) == {"市容", "出行", "劳动"}


# --- what is refused ------------------------------------------------------------------------------------------------------
def test_one_class_or_one_row_is_refused_with_what_there_is(refused: Callable[..., str]) -> None:
    rows = orders(60)
    told = refused([[*row[:2], "", "河东城管局", ""] for row in rows])
    assert "没有可以学的列" in told
    assert "department 只有 1 类（河东城管局）满 20 行" in told
    assert "topic 没有可用的标注" in told
    assert "河东城管局 1" in refused([["路灯", "路灯不亮", "", "河东城管局", ""]])


def test_levels_that_there_are_not_are_named(refused: Callable[..., str]) -> None:
    told = refused([*orders(30), ["路灯", "路灯不亮", "市容", "河东城管局", "加急"]])
    assert "加急（1 行）" in told
    assert "urgency 只能是 0、1、2、3" in told


def test_columns_that_there_are_not_are_named(refused: Callable[..., str]) -> None:
    rows = orders(3)
    assert "'正文'" in refused(rows, HEADER, "--text", "正文")
    assert "没有标注列，只有：标题、内容" in refused([row[:2] for row in rows], HEADER[:2])
    assert "--text" in refused([row[2:] for row in rows], HEADER[2:])
    assert "的每一行都没有文字" in refused([["", "", *row[2:]] for row in rows])


@pytest.mark.parametrize("name", ["none.csv", "t.docx"])
def test_a_table_that_cannot_be_read_is_named(run: Run, base: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadFile, match=name):
        run("train", "heads", "--labels", tmp_path / name, "--base", base, "-o", tmp_path / "out")


def test_a_base_that_there_is_not_is_named(run: Run, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", orders(3))
    with pytest.raises(BadRequest, match=r"没有这个模型.*现有：shipped"):
        run("train", "heads", "--labels", table, "--base", "河西", "-o", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--labels 标注.csv"),
        (("--labels", "a.csv", "--encoder", "b"), "请分两次运行"),
        (("--encoder", "b", "--title", "标题"), "只与 --labels 一起用"),
        (("--encoder", "b", "--base", "shipped"), "只与 --labels 一起用"),
    ],
)
def test_the_two_ways_are_not_mixed(run: Run, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        run("train", "heads", *words)


CODE = """
import sys
from api.cli import load_commands
load_commands()(sys.argv[1:], standalone_mode=False)
print("loaded:", sorted({"torch", "transformers", "onnx"} & sys.modules.keys()))
"""


@pytest.mark.slow
def test_it_loads_neither_torch_nor_transformers(base: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", orders(90))
    words = ["train", "heads", "--labels", table, "--base", base, "-o", tmp_path / "out"]
    home = os.environ | {"MINSHENG_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", CODE, *map(str, words)], cwd=Path(__file__).parents[2], env=home,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"
