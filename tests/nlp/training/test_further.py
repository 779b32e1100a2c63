"""Rows that were read after civic_by_reading: the labels in the repository, and their texts found again by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import zstandard

from nlp.classifier import HEADS, NONE, SECOND
from nlp.training import further
from nlp.training.further import FEEDS, FURTHER, NO_PLACE, further_rows, line_id
from nlp.training.rows import HELD_FOLDS, Corpus, read_corpus

FILLER = "堤边步道的护栏锈断了三处，孩子跑过去很危险，"


@pytest.fixture(scope="module")
def labels() -> list[dict[str, str]]:
    return further._labels()


def test_every_label_is_one_of_ours_and_no_text_is_among_them(labels: list[dict[str, str]]) -> None:
    assert len({row["id"] for row in labels}) == len(labels) > 2_000
    columns = {
        "l1": "topic",
        "type": "demand_type",
        "dept": "department",
        "urgency": "urgency",
        "sentiment": "sentiment",
    }
    for row in labels:
        for column, head in columns.items():
            assert row[column] in HEADS[head], row
        assert row["l1"] == "其他" or f"{row['l1']}/{row['l2']}" in HEADS["subtopic"], row
        assert row["dept2"] == "" or row["dept2"] in SECOND["second_department"], row
        assert row["place"] in ("", NO_PLACE) or [part.isdigit() for part in row["place"].split(":")] == [True] * 3, row
        assert row["id"].split(":")[0] in (*FEEDS, "topic", "line")


def label(name: str, **changed: str) -> dict[str, str]:
    return {"id": name, "day": "", "l1": "城乡建设", "l2": "城乡规划", "l1b": "", "l2b": "", "type": "投诉", "sentiment": "-1", "urgency": "1",
            "dept": "城管", "dept2": "", "place": NO_PLACE, "unsure": "0"} | changed  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A feed of three messages and two lines of unlabelled text; the labels of two messages, of one line and of one lost row."""
    line = "柳岸街的窨井盖缺了一块。希望补上"
    book = openpyxl.Workbook()
    sheet: Any = book.active
    file, *columns = FEEDS["board"]
    sheet.append(["序", *columns])
    sheet.append([1, 501, " 柳岸街路灯 ", f"\t{FILLER}柳岸街南段"])
    sheet.append([2, 502, "公园", FILLER])
    sheet.append([3, 503, None, None])
    (tmp_path / "feeds").mkdir()
    book.save(tmp_path / "feeds" / file)
    (tmp_path / "pretrain").mkdir()
    (tmp_path / "pretrain" / "message_board.txt.zst").write_bytes(
        zstandard.ZstdCompressor().compress(f"{line}\n\n另一行\n".encode())
    )
    there = [label("board:501", day="2019-03-02", place="0:0:3", dept2="住建", l1b="政法"), label("board:502", unsure="1", place=""),
             label(line_id(line), place="0:0:3"), label("board:777")]  # fmt: skip
    monkeypatch.setattr(further, "_labels", lambda: there)
    return tmp_path


def test_texts_are_found_again_by_their_ids(data: Path) -> None:
    first, second, third = further_rows(data)
    assert (first["title"], first["text"]) == ("柳岸街路灯", f"{FILLER}柳岸街南段")
    assert (first["place"], first["time"].isoformat(), first["sentiment"]) == ("柳岸街", "2019-03-02T00:00:00", -1)
    assert (second["place"], second["time"], second["unsure"]) == (None, None, True), (
        "a place that was not found is not 'none'"
    )
    assert (third["source"], third["title"], third["text"]) == ("line", "", "柳岸街的窨井盖缺了一块。希望补上")


def test_without_the_feeds_there_are_none(tmp_path: Path) -> None:
    assert further_rows(tmp_path) == []


@pytest.fixture
def corpus(data: Path, labelled_folder: Path) -> Corpus:
    (data / "labelled").symlink_to(labelled_folder)
    return read_corpus(data / "labelled")


def test_they_are_learnt_from_and_never_judged_on(corpus: Corpus, labelled_folder: Path) -> None:
    civic, mine = corpus.civic, corpus.civic.source == FURTHER
    assert corpus.sizes[FURTHER] == mine.sum() == 3
    assert not np.isin(civic.fold[mine], HELD_FOLDS).any()
    assert [name for name in civic.ids if name in ("board:501", "board:502")] == ["board:501", "board:502"]
    first = civic.take(np.array([civic.ids.index("board:501")]))
    told = {head: (HEADS | SECOND)[head][column[0]] for head, column in first.labels.items() if column[0] >= 0}
    assert told == {"topic": "城乡建设", "subtopic": "城乡建设/城乡规划", "demand_type": "投诉", "department": "城管", "urgency": "1",
                    "sentiment": "-1", "second_topic": "政法", "second_department": "住建"}  # fmt: skip
    alone = read_corpus(labelled_folder).civic
    rest = civic.take(~mine & (civic.source != "title"))
    assert rest.fold.tolist() == alone.fold[alone.source != "title"].tolist(), "the split stays as it is"


def test_a_copy_of_a_row_that_is_judged_on_is_left_out(
    data: Path, labelled_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = read_corpus(labelled_folder).civic
    text = next(text for text, fold, source in zip(alone.texts, alone.fold, alone.source, strict=True)
                if fold in HELD_FOLDS and source == "board")  # fmt: skip
    copy = label("line:0") | {
        "source": "line",
        "title": "",
        "text": text,
        "time": None,
        "sentiment": "0",
        "unsure": False,
    }
    monkeypatch.setattr("nlp.training.rows.further_rows", lambda _: [copy])
    assert read_corpus(labelled_folder).sizes[FURTHER] == 0


def test_a_row_without_a_second_demand_says_so(corpus: Corpus) -> None:
    civic = corpus.civic
    board = civic.source == "board"
    for head, names in SECOND.items():
        assert names[0] == NONE
        assert (civic.labels[head][board] == 0).all()
        assert not civic.has(head)[civic.source == "topic_train"].any()
