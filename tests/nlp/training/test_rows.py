from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadFile
from nlp.classifier import HEADS
from nlp.training import rows
from nlp.training.rows import FOLDS, NO_LABEL, Corpus, data_folder, fold_of, group_keys, read_corpus


@pytest.fixture(scope="module")
def corpus(labelled_folder: Path) -> Corpus:
    return read_corpus(labelled_folder)


def test_every_set_is_read_with_its_labels(corpus: Corpus) -> None:
    assert corpus.sizes == {
        "civic_by_reading": 480,
        "further": 0,
        "topic_train": 160,
        "emotion_train": 400,
        "polarity_train": 200,
    }
    read = corpus.civic.source == "board"
    for head in ("topic", "subtopic", "demand_type", "department", "urgency"):
        assert corpus.civic.has(head)[read].all(), head
    extra = corpus.civic.source == "topic_train"
    assert corpus.civic.has("topic")[extra].all()
    assert not corpus.civic.has("department")[extra].any()
    assert (corpus.civic.labels["topic"][corpus.civic.source == "none"] == len(HEADS["topic"]) - 1).all()
    assert corpus.feeling.has("emotion").sum() == 400
    assert corpus.feeling.has("sentiment").sum() == 480 + 200


def test_kinds_of_positive_feeling_are_one_label(corpus: Corpus) -> None:
    like = HEADS["emotion"].index("like")
    mine = corpus.feeling.source == "covid19_labelled"
    assert (corpus.feeling.labels["emotion"][mine] == like).any()
    assert not any("感谢" in text for text, label in zip(corpus.feeling.texts, corpus.feeling.labels["emotion"], strict=True)
                   if label not in (like, NO_LABEL))  # fmt: skip


def test_a_text_of_both_sets_is_there_once(corpus: Corpus) -> None:
    """civic row topic:t0 stands for topic_train row t0."""
    assert (corpus.civic.source == "topic_train").sum() == 159


def test_unsure_rows_and_rows_of_others_weigh_less(corpus: Corpus) -> None:
    civic = corpus.civic
    assert set(civic.weight[civic.source == "board"]) == {rows.UNSURE_WEIGHT, 1.0}
    assert set(civic.weight[civic.source == "topic_train"]) == {rows.TOPIC_ROW_WEIGHT}


def test_titles_stand_alone_beside_their_texts_in_the_same_fold(corpus: Corpus) -> None:
    civic = corpus.civic
    whole = sorted((title, fold) for title, fold in zip(civic.titles, civic.fold.tolist(), strict=True) if title)
    titles = civic.take(civic.source == "title")
    assert len(titles) == 479
    assert not any(titles.titles)
    assert set(titles.weight) == {rows.TITLE_WEIGHT, rows.TITLE_WEIGHT * rows.UNSURE_WEIGHT}
    assert sorted(zip(titles.texts, titles.fold.tolist(), strict=True)) == whole
    assert titles.has("department").all()
    assert not titles.has("demand_type").any()


def test_take_keeps_rows_together(corpus: Corpus) -> None:
    some = corpus.civic.take(np.array([5, 3]))
    assert some.titles == [corpus.civic.titles[5], corpus.civic.titles[3]]
    assert some.labels["topic"].tolist() == corpus.civic.labels["topic"][[5, 3]].tolist()
    assert len(corpus.civic.take(corpus.civic.source == "none")) == (corpus.civic.source == "none").sum()


def test_copies_share_a_group_and_its_key_does_not_depend_on_order() -> None:
    base = "柳岸花园门口的路灯坏了半个月一直没有人来修理晚上老人出门很不方便"
    texts = [
        base,
        base + "请尽快处理",
        "教育局什么时候公布今年小学招生的划片范围呢",
        base[:28],
        "完全不同的一段话讲的是公交车的事情",
    ]
    keys = group_keys(texts)
    assert keys[0] == keys[1] == keys[3]
    assert len(set(keys)) == 3
    order = [4, 2, 0, 3, 1]
    assert group_keys([texts[place] for place in order]) == [keys[place] for place in order]


def test_named_groups_are_joined_even_where_texts_differ() -> None:
    keys = group_keys(["甲乙丙丁戊己", "子丑寅卯辰巳", "天地玄黄宇宙"], ["a", "", "a"], ["", "x", ""])
    assert keys[0] == keys[2] != keys[1]


def test_empty_texts_are_one_group() -> None:
    assert len(set(group_keys(["", "", "路灯"]))) == 2


def test_no_text_stands_on_both_sides(corpus: Corpus) -> None:
    for part in (corpus.civic.take(corpus.civic.source != "title"), corpus.feeling):
        seen: dict[str, int] = {}
        for text, fold in zip(part.texts, part.fold.tolist(), strict=True):
            assert seen.setdefault(text, fold) == fold


def test_folds_are_fixed_and_even() -> None:
    assert [fold_of(f"key {number}") for number in range(8)] == [fold_of(f"key {number}") for number in range(8)]
    counts = np.bincount([fold_of(str(number)) for number in range(5_000)], minlength=FOLDS)
    assert counts.min() > 900


def test_the_split_does_not_depend_on_the_order_of_rows(labelled_folder: Path, tmp_path: Path) -> None:
    import pyarrow.parquet

    folder = tmp_path / "shuffled"
    shutil.copytree(labelled_folder, folder)
    table = pyarrow.parquet.read_table(folder / "civic_by_reading.parquet")
    order = list(range(len(table)))
    random.Random(1).shuffle(order)
    pyarrow.parquet.write_table(table.take(order), folder / "civic_by_reading.parquet")
    before, after = (
        part.take(part.source != "title") for part in (read_corpus(labelled_folder).civic, read_corpus(folder).civic)
    )
    assert dict(zip(before.texts, before.fold.tolist(), strict=True)) == dict(
        zip(after.texts, after.fold.tolist(), strict=True)
    )


def test_the_folder_comes_from_the_argument_or_the_environment(
    labelled_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert data_folder(labelled_folder) == labelled_folder
    (tmp_path / "labelled").symlink_to(labelled_folder)
    assert data_folder(tmp_path) == tmp_path / "labelled"
    monkeypatch.setenv("MINSHENG_DATA", str(labelled_folder))
    assert data_folder() == labelled_folder
    monkeypatch.delenv("MINSHENG_DATA")
    with pytest.raises(BadFile, match="MINSHENG_DATA"):
        data_folder()
    with pytest.raises(BadFile, match="civic_by_reading"):
        data_folder(tmp_path / "empty")


def test_only_the_civic_set_is_needed(labelled_folder: Path, tmp_path: Path) -> None:
    shutil.copy(labelled_folder / "civic_by_reading.parquet", tmp_path)
    corpus = read_corpus(tmp_path)
    assert corpus.sizes["emotion_train"] == 0
    assert len(corpus.civic) == 480 + 479


def test_a_damaged_set_is_named(labelled_folder: Path, tmp_path: Path) -> None:
    shutil.copy(labelled_folder / "civic_by_reading.parquet", tmp_path)
    (tmp_path / "topic_train.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(BadFile, match="topic_train"):
        read_corpus(tmp_path)
