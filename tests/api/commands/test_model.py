"""`minsheng model`: list, use, compare."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import load_commands
from models.errors import BadModel, BadRequest

if TYPE_CHECKING:
    from nlp.training.linear import Trained

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("list", "--json"): in a home of its own; errors of our own tree are raised."""
    monkeypatch.setenv("MINSHENG_HOME", str(tmp_path / "home"))

    def run(*words: object) -> Result:
        result = CliRunner().invoke(load_commands(), ["model", *map(str, words)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="module")
def good(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `minsheng train linear` writes it, card and all."""
    from nlp.training.card import write
    from nlp.training.figures import figures

    folder = tmp_path_factory.mktemp("models") / "good"
    write(folder, trained.model, figures(trained.judged, trained.held_out), {"civic_by_reading": 480})
    return folder


@pytest.fixture(scope="module")
def weak(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model that says the first topic and type of nearly everything, and has no type 咨询."""
    folder = tmp_path_factory.mktemp("models") / "weak"
    blocks = dict(trained.model.blocks)
    for name, block in blocks.items():
        intercepts = block.intercepts.copy()
        for head in ("topic", "demand_type"):
            if head in block.columns:
                intercepts[block.columns[head][0]] += 50
        blocks[name] = replace(block, intercepts=intercepts)
    settings = dict(trained.model.settings)
    labels = tuple("办事咨询" if label == "咨询" else label for label in settings["demand_type"].labels)
    settings["demand_type"] = replace(settings["demand_type"], labels=labels)
    folder.mkdir()
    (folder / "linear.zst").write_bytes(replace(trained.model, blocks=blocks, settings=settings).to_bytes())
    return folder


MATTERS = {
    "环境保护": ("化工厂夜里排放刺鼻废气", "河水发黑发臭"), "政法": ("路口红绿灯坏了", "门前违停车辆堵住通道"),
    "教育文体": ("请问小学招生划片范围", "咨询转学需要什么手续"), "劳动和社会保障": ("包工头拖欠三十名工人工资", "公司克扣加班费"),
}  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """160 labelled rows of our own, five of a class nobody knows."""
    draw, path = random.Random(5), tmp_path / "labels.csv"
    rows = []
    for number in range(160):
        topic = draw.choice(list(MATTERS))
        kind = {"教育文体": "咨询", "政法": "求助"}.get(topic, "投诉")
        rows.append((f"{draw.choice(MATTERS[topic])}，请尽快处理{number}", topic, kind, ""))
    rows += [(f"路灯不亮{number}", "城市照明", "投诉", "很急") for number in range(5)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([("内容", "主题", "类型", "紧急程度"), *rows])
    return path


# --- list and use -------------------------------------------------------------------------------------------------------
def listed(run: Run) -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = json.loads(run("list", "--json").stdout)["models"]
    return models


def test_a_new_house_has_the_shipped_model_and_is_left_as_it_was(run: Run, tmp_path: Path) -> None:
    (shipped,) = listed(run)
    assert (shipped["name"], shipped["in_use"], shipped["made_at"], shipped["problem"]) == ("shipped", True, None, "")
    assert shipped["size_bytes"] > 1_000_000
    assert {"topic", "department"} <= set(shipped["figures"])
    assert not (tmp_path / "home").exists()
    words = run("list").stdout
    assert "● 在用 shipped" in words
    assert "demand_type：宏 F1 0." in words


def test_a_model_is_used_listed_and_left_again(run: Run, good: Path, weak: Path) -> None:
    said = run("use", good).stdout
    assert "在用的模型：good（linear-" in said
    assert "minsheng annotate --again" in said
    run("use", weak)
    shown = {one["name"]: one for one in listed(run)}
    assert [name for name, one in shown.items() if one["in_use"]] == ["weak"]
    assert list(shown) == ["shipped", "good", "weak"]
    assert shown["good"]["kind"] == "linear"
    assert shown["good"]["version"].startswith("linear-")
    assert shown["good"]["made_at"][:4].isdigit()
    assert shown["good"]["figures"]["topic"]["measure"] == "accuracy"
    assert shown["good"]["figures"]["urgency"]["measure"] == "kappa"
    assert shown["weak"]["figures"] is None
    assert "没有这一版的说明卡" in run("list").stdout
    assert "shipped" in run("use", "shipped").stdout
    assert [one["name"] for one in listed(run) if one["in_use"]] == ["shipped"]


def test_a_damaged_folder_is_refused_and_what_was_in_use_stays(run: Run, good: Path, tmp_path: Path) -> None:
    run("use", good)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "linear.zst").write_bytes((good / "linear.zst").read_bytes()[:5_000])
    with pytest.raises(BadModel, match="在用的模型没有变"):
        run("use", bad)
    assert [one["name"] for one in listed(run) if one["in_use"]] == ["good"]


def test_damaged_models_stay_in_the_list_with_what_is_wrong(run: Run, good: Path, weak: Path, tmp_path: Path) -> None:
    run("use", weak)
    run("use", good)
    for name in ("weak", "good"):
        (tmp_path / "home" / "models" / name / "linear.zst").write_bytes(b"damaged")
    shown = {one["name"]: one for one in listed(run)}
    assert [name for name, one in shown.items() if one["problem"]] == ["good", "weak"]
    assert shown["good"]["in_use"]
    assert "good" in run("list").stdout


def test_a_choice_that_cannot_be_read_is_in_the_list(run: Run, good: Path, tmp_path: Path) -> None:
    run("use", good)
    (tmp_path / "home" / "models" / "in_use.json").write_text("{", encoding="utf-8")
    assert [one["problem"] != "" for one in listed(run)] == [False, False, True]
    assert [one["in_use"] for one in listed(run)] == [False, False, True]


def test_a_card_of_another_version_says_nothing_of_this_one(run: Run, good: Path, weak: Path) -> None:
    (weak / "card.json").write_bytes((good / "card.json").read_bytes())
    try:
        run("use", weak)
        assert listed(run)[1]["figures"] is None
    finally:
        (weak / "card.json").unlink()


def test_annotate_reads_with_the_model_in_use(run: Run, good: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("内容\n路灯不亮\n", encoding="utf-8")
    models = []
    for words in (good, "shipped"):
        run("use", words)
        CliRunner().invoke(load_commands(), ["annotate", str(tmp_path / "t.csv"), "-o", str(tmp_path / "o.jsonl")])
        models.append(json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8"))["model"])
    assert models == [{one["name"]: one["version"] for one in listed(run)}[name] for name in ("good", "shipped")]


# --- compare ------------------------------------------------------------------------------------------------------------
def test_compare_says_class_by_class_what_became_better(run: Run, good: Path, weak: Path, table: Path) -> None:
    found = json.loads(run("compare", weak, good, "--labels", table, "--json").stdout)
    assert (found["rows"], found["without_text"], found["columns"]["topic"]) == (165, 0, "主题")
    assert found["versions"]["a"] != found["versions"]["b"]
    heads = {head["head"]: head for head in found["heads"]}
    topic = heads["topic"]
    assert topic["n"] == 160
    assert topic["verdict"] == "better"
    assert topic["accuracy"]["a"] < 0.3 < 0.9 < topic["accuracy"]["b"]
    low, high = topic["accuracy"]["interval"]
    assert 0 < low <= topic["accuracy"]["difference"] <= high
    assert {each["label"] for each in topic["classes"]} == set(MATTERS)
    assert {each["verdict"] for each in topic["classes"]} == {"better"}
    assert sum(each["n"] for each in topic["classes"]) == 160


def test_labels_that_a_model_does_not_have_are_named_and_not_scored(
    run: Run, good: Path, weak: Path, table: Path
) -> None:
    found = json.loads(run("compare", weak, good, "--labels", table, "--json").stdout)
    assert found["unknown"]["b"] == {"topic": {"城市照明": 5}, "urgency": {"很急": 5}}
    questions = found["unknown"]["a"]["demand_type"]["咨询"]
    types = next(head for head in found["heads"] if head["head"] == "demand_type")
    assert types["n"] == 165 - questions < 165
    assert "咨询" not in {each["label"] for each in types["classes"]}
    assert "urgency" not in {head["head"] for head in found["heads"]}
    words = run("compare", weak, good, "--labels", table).stdout
    assert f"模型 A 的 demand_type 没有这些类，共 {questions} 行未计分：咨询（{questions}）" in words
    assert "模型 B 的 topic 没有这些类，共 5 行未计分：城市照明（5）" in words


def test_the_words_of_the_verdicts(run: Run, good: Path, weak: Path, table: Path) -> None:
    assert "变好" in run("compare", weak, good, "--labels", table).stdout
    assert "变差" in run("compare", good, weak, "--labels", table).stdout
    same = run("compare", good, good, "--labels", table).stdout
    assert "看不出差别" in same
    assert "变好" not in same
    assert "变差" not in same
    assert "95% 区间" in same


def test_models_by_name_and_the_shipped_one(run: Run, good: Path, table: Path) -> None:
    run("use", good)
    found = json.loads(run("compare", "shipped", "good", "--labels", table, "--json").stdout)
    assert (found["a"], found["b"]) == ("shipped", "good")


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("内容,备注", "路灯不亮,无", "没有标注列"),
        ("编号,一级分类", "1,政法", "--text"),
        ("内容,一级分类", "路灯不亮,城市照明", "没有一行的标注是两个模型都有的类。表中的标注：城市照明"),
        ("内容,一级分类", "路灯不亮,", "（全是空的）"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(
    run: Run, good: Path, tmp_path: Path, header: str, row: str, told: str
) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(BadRequest) as refused:
        run("compare", good, good, "--labels", tmp_path / "t.csv")
    assert told in str(refused.value)


def test_a_model_that_is_not_there(run: Run, good: Path, table: Path) -> None:
    with pytest.raises(BadRequest, match="现有：shipped"):
        run("compare", "ours", good, "--labels", table)
