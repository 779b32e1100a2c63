"""Tables of labelled texts, as the trade writes them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from api.labelled import HEADERS, read_labelled
from models.errors import BadFile, BadRequest
from nlp.classifier import HEADS

KNOWN = {head: frozenset(labels) for head, labels in HEADS.items()}


def write(path: Path, header: str, *rows: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *(row.split(",") for row in rows)])
    return path


def test_every_head_has_headers_and_no_two_share_one() -> None:
    assert set(HEADERS) == set(HEADS)
    every = [header for headers in HEADERS.values() for header in headers]
    assert len(every) == len(set(every))
    assert all(header == "".join(header.split()).lower() for header in every)


def test_columns_named_as_the_heads(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        "title,text,topic,subtopic,demand_type,department,urgency,sentiment,emotion",
        "路灯,路灯不亮,城乡建设,城乡建设/城市建设和市政管理,投诉,城管,1,-1,angry",
    )
    found = read_labelled(path, KNOWN)
    assert found.text_columns == ("title", "text")
    assert (found.drafts[0].title, found.drafts[0].text) == ("路灯", "路灯不亮")
    assert {head: labels[0] for head, labels in found.labels.items()} == {
        "topic": "城乡建设", "subtopic": "城乡建设/城市建设和市政管理", "demand_type": "投诉", "department": "城管", "urgency": "1",
        "sentiment": "-1", "emotion": "angry",
    }  # fmt: skip
    assert all(label in KNOWN[head] for head, labels in found.labels.items() for label in labels)


def test_columns_and_labels_in_the_words_of_the_trade(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.csv",
        "工单标题,诉求内容,一级分类,二级分类,诉求类型,承办单位,紧急程度,情感倾向,情绪",
        "路灯,路灯不亮,城乡建设,城市建设和市政管理,投诉,城市管理和综合执法,紧急,不满,愤怒",
        "来信,内容,,,,,,,",
    )
    found = read_labelled(path, KNOWN)
    assert [labels[0] for labels in found.labels.values()] == [
        "城乡建设", "城乡建设/城市建设和市政管理", "投诉", "城管", "2", "-1", "angry",
    ]  # fmt: skip
    assert {labels[1] for labels in found.labels.values()} == {""}


def test_a_column_that_may_be_title_or_topic_is_known_by_what_stands_in_it(tmp_path: Path) -> None:
    rows = ("政法,门前违停,投诉", "环境保护,河水发黑,投诉", "自定的类,别的,咨询")
    found = read_labelled(write(tmp_path / "topics.csv", "主题,内容,类型", *rows), KNOWN)
    assert found.columns == {"topic": "主题", "demand_type": "类型"}
    assert found.labels["topic"] == ["政法", "环境保护", "自定的类"]
    assert found.text_columns == ("内容",)
    rows = ("门前违停没人管,门前违停,投诉", "河水发黑,河水发黑,投诉", "政法,别的,咨询")
    found = read_labelled(write(tmp_path / "titles.csv", "主题,内容,类型", *rows), KNOWN)
    assert found.columns == {"demand_type": "类型"}
    assert found.text_columns == ("主题", "内容")


def test_columns_asked_for_by_name_are_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "甲,主题,类型", "路灯不亮,政法,投诉")
    found = read_labelled(path, KNOWN, title="主题", text="甲")
    assert found.columns == {"demand_type": "类型"}
    assert (found.drafts[0].title, found.drafts[0].text) == ("政法", "路灯不亮")


def test_rows_without_a_text_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "内容,主题", "路灯不亮,政法", ",政法", "  ,政法")
    found = read_labelled(path, KNOWN)
    assert (len(found.drafts), found.without_text, found.labels["topic"]) == (1, 2, ["政法"])


def test_a_table_whose_rows_have_different_columns(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "甲"}\n{"text": "乙", "topic": "政法"}\n', encoding="utf-8")
    assert read_labelled(tmp_path / "t.jsonl", KNOWN).labels == {"topic": ["", "政法"]}


@pytest.mark.parametrize(
    ("header", "row", "error", "told"),
    [
        ("编号,一级分类", "1,政法", BadRequest, "--text"),
        ("编号,内容", "1,路灯不亮", BadRequest, "没有标注列，只有：编号、内容"),
        ("编号,内容", "1,路灯不亮", BadRequest, "demand_type（type、诉求类型、工单类型）"),
        ("主题,类型", "政法,投诉", BadRequest, "--text"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, header: str, row: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        read_labelled(write(tmp_path / "t.csv", header, row), KNOWN)


def test_a_table_without_rows(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="没有数据行"):
        read_labelled(write(tmp_path / "t.csv", "内容,主题"), KNOWN)
