from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadFile
from nlp.classifier import HEADS, Classifier, content
from nlp.heads import Head
from nlp.linear import FILE, LinearClassifier
from nlp.training.linear import Trained

TITLE = "柳岸花园化工厂夜里排放刺鼻废气"
TEXT = "您好，柳岸花园旁边的化工厂夜里排放刺鼻废气，老人孩子都睡不着，盼回复"
HOSTILE = ("", " ", "\x00\x01", "\ud800", "😀😀", "hello", "12345", "<p>", "的" * 5_000, "路灯坏了")


@pytest.fixture(scope="module")
def model(trained: Trained) -> LinearClassifier:
    return trained.model


def test_it_is_a_classifier(model: LinearClassifier) -> None:
    assert isinstance(model, Classifier)
    assert dict(model.heads) == HEADS


def test_it_learned_its_made_up_world(model: LinearClassifier) -> None:
    found = model.predict([TITLE, ""], [TEXT, "请问石桥镇小学招生划片范围"])
    best = {head: [HEADS[head][column] for column in rows.argmax(axis=1)] for head, rows in found.items()}
    assert best["topic"] == ["环境保护", "教育文体"]
    assert best["subtopic"] == ["环境保护/环境污染", "教育文体/教育行政管理"]
    assert best["demand_type"] == ["投诉", "咨询"]
    assert best["department"] == ["生态", "教育"]
    assert best["sentiment"][0] == "-2"


def test_probabilities_are_over_the_full_label_sets_and_add_up(model: LinearClassifier) -> None:
    found = model.predict([TITLE] * len(HOSTILE), HOSTILE)
    assert list(found) == list(HEADS)
    for head, rows in found.items():
        assert rows.shape == (len(HOSTILE), len(HEADS[head]))
        assert rows.dtype == np.float32
        assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
        assert (rows >= 0).all()


def test_subtopics_add_up_to_their_topic(model: LinearClassifier) -> None:
    found = model.predict([TITLE], [TEXT])
    for column, topic in enumerate(HEADS["topic"]):
        under = [place for place, path in enumerate(HEADS["subtopic"]) if path.split("/")[0] == topic]
        assert found["subtopic"][0, under].sum() == pytest.approx(found["topic"][0, column], abs=1e-6)


@pytest.mark.parametrize("size", [1, 3])
def test_any_batch_gives_the_same_bits(model: LinearClassifier, size: int) -> None:
    titles, texts = [*HOSTILE, TITLE, ""], [*HOSTILE[::-1], TEXT, TEXT * 9]
    together = model.predict(titles, texts)
    for start in range(0, len(titles), size):
        alone = model.predict(titles[start : start + size], texts[start : start + size])
        for head, rows in alone.items():
            assert np.array_equal(rows, together[head][start : start + size]), head
    reverse = model.predict(titles[::-1], texts[::-1])
    assert all(np.array_equal(rows[::-1], together[head]) for head, rows in reverse.items())


def test_no_text_gives_no_rows(model: LinearClassifier) -> None:
    assert {head: rows.shape for head, rows in model.predict([], []).items()} == {
        head: (0, len(labels)) for head, labels in HEADS.items()
    }


@pytest.mark.parametrize(("head", "label"), [("topic", "环境保护"), ("subtopic", "环境保护/环境污染"), ("department", "生态"),
                                             ("demand_type", "咨询"), ("emotion", "angry"), ("urgency", "1")])  # fmt: skip
@pytest.mark.parametrize("title", [TITLE, ""])
def test_an_explanation_adds_up_to_the_logit(model: LinearClassifier, head: str, label: str, title: str) -> None:
    logit = model.logits([title], [TEXT])[head][0, HEADS[head].index(label)]
    shares, intercept = model.contributions(title, TEXT, head, label)
    assert sum(share for *_, share in shares) + intercept == pytest.approx(logit, abs=1e-4)
    assert sum(model.word_shares(title, TEXT, head, label).values()) + intercept == pytest.approx(logit, abs=1e-4)


def test_an_explanation_names_the_words_that_speak_for_a_label(model: LinearClassifier) -> None:
    words = model.explain(TITLE, TEXT, "topic", "环境保护", n=4)
    assert 0 < len(words) <= 4
    assert {word for word, _ in words} & {"废气", "排放", "刺鼻", "化工厂", "化工", "夜里"}
    shares = [share for _, share in words]
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > 0


def test_an_unknown_label_cannot_be_explained(model: LinearClassifier) -> None:
    with pytest.raises(ValueError):
        model.explain("", TEXT, "topic", "天气")


def test_it_is_certain_above_the_threshold_of_the_class(model: LinearClassifier) -> None:
    limits = tuple(0.9 if label == "城乡建设" else 0.5 for label in HEADS["topic"])
    strict = replace(model, settings={**model.settings, "topic": Head(HEADS["topic"], thresholds=limits)})
    rows = np.zeros((4, len(HEADS["topic"])), dtype=np.float32)
    rows[0, 0], rows[1, 0], rows[2, 1], rows[3, 1] = 0.95, 0.85, 0.6, 0.4
    assert strict.certain("topic", rows).tolist() == [True, False, True, False]


def test_levels_follow_the_cuts_of_the_expected_level(model: LinearClassifier) -> None:
    cut = replace(model, settings={**model.settings, "urgency": Head(HEADS["urgency"], cuts=(0.3, 1.2, 2.5))})
    rows = np.array([[0.9, 0.1, 0, 0], [0.6, 0.4, 0, 0], [0.6, 0, 0.4, 0], [0, 0, 0, 1]], dtype=np.float32)
    assert cut.levels("urgency", rows).tolist() == [0, 1, 1, 3]
    assert cut.levels("topic", rows).tolist() == [0, 0, 0, 3]


def test_content_grows_with_the_level() -> None:
    assert content(np.eye(4, dtype=np.float32)).tolist() == pytest.approx([0.0, 0.1, 0.5, 1.0])


def test_the_file_holds_the_whole_model(model: LinearClassifier, tmp_path: Path) -> None:
    data = model.to_bytes()
    assert data == LinearClassifier.from_bytes(data).to_bytes()
    (tmp_path / FILE).write_bytes(data)
    for path in (tmp_path, tmp_path / FILE):
        again = LinearClassifier.load(path)
        assert again.version == model.version
        before, after = model.predict([TITLE], [TEXT]), again.predict([TITLE], [TEXT])
        assert all(np.array_equal(rows, after[head]) for head, rows in before.items())


def test_other_weights_are_another_version(model: LinearClassifier, trained: Trained) -> None:
    assert LinearClassifier.from_bytes(trained.judged.to_bytes()).version != model.version


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_file_is_refused_by_name(model: LinearClassifier, tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "broken.zst"
    path.write_bytes(model.to_bytes()[:-2_000] if damage is None else damage)
    with pytest.raises(BadFile) as refused:
        LinearClassifier.load(path)
    assert refused.value.fields["file"] == str(path)


def test_missing_weights_name_the_repair(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="minsheng train linear"):
        LinearClassifier.load(tmp_path / "nowhere.zst")
