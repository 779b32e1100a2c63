from __future__ import annotations

import random
import threading
import time

import pytest

from models.labels import DEMAND_TYPES, DEPARTMENTS, EMOTIONS, OTHER, TOPICS
from nlp.annotate import READ_CHARACTERS, Annotator, Draft, Reading, path_under, public_line
from nlp.classifier import HEADS
from nlp.training.linear import Trained

SMOKE = Draft(
    "柳岸花园化工厂夜里排放刺鼻废气",
    "您好，柳岸花园旁边的化工厂夜里排放刺鼻废气，我的电话13812345678，盼回复",
    "已转生态环境局。",
)
DRAFTS = (
    SMOKE, Draft("", "请问石桥镇小学招生划片范围"), Draft("路口红绿灯坏了", ""), Draft("", ""), Draft("", "😀😀😀"),
    Draft("", "<p>健身房关门<b>不退</b>会员费</p>"), Draft("", "The street lamp is broken."), Draft("123", "456 789"),
    Draft("\x00\x1f\ud800", "\u200b\ufeff"), Draft("公交车", "公交车半小时不来一趟" * 200),
)  # fmt: skip


@pytest.fixture(scope="module")
def annotator(trained: Trained) -> Annotator:
    return Annotator(trained.model)


def test_a_reading_is_masked_and_annotated(annotator: Annotator) -> None:
    (reading,) = annotator.annotate([SMOKE])
    assert "13812345678" not in reading.text
    assert reading.reply == SMOKE.reply
    note = reading.annotation
    assert note.model == annotator.version
    assert note.topics[0].label == "环境保护"
    assert [c.probability for c in note.topics] == sorted((c.probability for c in note.topics), reverse=True)
    assert len(note.topics) == len(note.demand_types) == len(note.departments) == 3
    assert note.departments[0].label == "生态"
    assert "废气" in note.text_tokens
    assert note.keywords
    assert len(note.fingerprint) == 16


def test_labels_are_those_of_the_readings(annotator: Annotator) -> None:
    labels, readings = annotator.labels(DRAFTS), annotator.annotate(DRAFTS)
    assert set(labels) == set(HEADS)
    for head in ("topic", "department", "emotion"):
        assert labels[head] == [max(r.probabilities[head], key=r.probabilities[head].__getitem__) for r in readings]
    assert labels["urgency"] == [str(reading.annotation.urgency) for reading in readings]
    assert set(labels["sentiment"]) <= set(HEADS["sentiment"])
    assert annotator.labels([])["topic"] == []


def test_entity_offsets_count_in_the_masked_body(annotator: Annotator) -> None:
    for reading in annotator.annotate(DRAFTS):
        assert reading.masked == (f"{reading.title}\n{reading.text}" if reading.title else reading.text)
        for entity in reading.annotation.entities:
            assert reading.masked[entity.start : entity.end] == entity.text
    assert any(reading.annotation.entities for reading in annotator.annotate(DRAFTS))


def test_what_is_uncertain_is_abstained_from(annotator: Annotator) -> None:
    """The made-up world is too small to promise 95 % of second levels of 50 later rows; the heads differ."""
    for reading in annotator.annotate(DRAFTS):
        note = reading.annotation
        for head, answer in (("topic", note.topic), ("demand_type", note.demand_type), ("emotion", note.emotion)):
            assert (answer is None) == (head in note.abstained)
            if answer is not None:
                assert answer == max(reading.probabilities[head], key=reading.probabilities[head].__getitem__)
        if note.subtopic is not None:
            assert note.subtopic.split("/")[0] == note.topic


def test_none_of_the_classes_and_not_sure_are_two_answers(annotator: Annotator) -> None:
    (nothing,) = annotator.annotate([Draft("", "！！！")])
    assert nothing.annotation.topic is None
    assert set(nothing.annotation.abstained) >= {"topic", "demand_type", "department", "emotion"}
    assert OTHER in nothing.probabilities["topic"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_batch_size_and_order_change_nothing(trained: Trained, size: int) -> None:
    together = Annotator(trained.model).annotate(DRAFTS)
    fresh = Annotator(trained.model, cache_texts=0)
    order = list(range(len(DRAFTS)))
    random.Random(size).shuffle(order)
    for start in range(0, len(order), size):
        some = order[start : start + size]
        assert fresh.annotate([DRAFTS[place] for place in some]) == [together[place] for place in some]


def test_duplicates_are_read_once_and_the_cache_is_bounded(trained: Trained) -> None:
    read: list[int] = []

    class Counting(Annotator):
        def _read(self, drafts: list[Draft]) -> list[Reading]:  # type: ignore[override]
            read.append(len(drafts))
            return super()._read(drafts)

    annotator = Counting(trained.model, cache_texts=2)
    one, two, three = DRAFTS[:3]
    first = annotator.annotate([one, one, two, one])
    assert read == [2]
    assert first[0] is first[1] is first[3]
    annotator.annotate([two, one, three])
    annotator.annotate([two])
    assert read == [2, 1, 1]
    annotator.annotate([Draft(text="长" * 2_000)] * 2)
    assert len(annotator._cache) == 2


def test_threads_share_it(annotator: Annotator) -> None:
    expected, found = annotator.annotate(DRAFTS), []
    threads = [threading.Thread(target=lambda: found.append(annotator.annotate(DRAFTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.parametrize("text", [
    "投" * 100_000, "的" * 1_000_000, "a" * 1_000_000, "1" * 1_000_000, "\x00" * 1_000_000, "😀" * 100_000, "<p>" * 100_000,
    "路" * 100_000, "138" * 50_000, "张某某" * 30_000,
])  # fmt: skip
def test_monstrous_texts_end_soon(annotator: Annotator, text: str) -> None:
    start = time.perf_counter()
    (reading,) = annotator.annotate([Draft(text, text, text)])
    assert time.perf_counter() - start < 20, "seconds; a hundredth of it on an idle machine"
    assert len(reading.text) <= READ_CHARACTERS
    assert len(reading.title) <= 2_000
    assert set(reading.probabilities) == set(HEADS)


def test_the_public_line_keeps_its_form(annotator: Annotator) -> None:
    for draft, reading in zip(DRAFTS, annotator.annotate(DRAFTS), strict=True):
        line = public_line("a-7", reading)
        assert list(line) == ["id", "topic", "demand_type", "department", "urgency", "sentiment", "emotion", "keywords",
                              "entities", "place", "second", "masked", "abstained", "model"]  # fmt: skip
        assert line["id"] == "a-7"
        assert line["second"] == {"topic": None, "department": None}, "the linear classifier has no such heads"
        if place := line["place"]:
            assert place["text"] == line["masked"][place["start"] : place["end"]]
        labels = {
            "topic": (*TOPICS, OTHER),
            "demand_type": DEMAND_TYPES,
            "department": tuple(DEPARTMENTS),
            "emotion": EMOTIONS,
        }
        for head, known in labels.items():
            probabilities = line[head]["probabilities"]
            assert tuple(probabilities) == known
            assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-9)
            assert line[head]["label"] == max(probabilities, key=probabilities.__getitem__)
        assert line["topic"]["path"].split("/")[0] == line["topic"]["label"]
        assert line["urgency"] in (0, 1, 2, 3)
        assert 0 <= line["sentiment"]["positive"] <= 1
        assert set(line["abstained"]) == {"topic", "demand_type", "department"}
        assert all(isinstance(flag, bool) for flag in line["abstained"].values())
        assert all(set(entity) == {"text", "kind", "start", "end"} for entity in line["entities"])
        assert line["masked"] == reading.masked
        assert line["model"].startswith("linear-"), draft


def test_a_path_is_that_of_the_most_probable_child() -> None:
    paths = ("甲/一", "甲/二", "乙/一", "其他")
    assert path_under(paths, "甲", [0.1, 0.2, 0.6, 0.1]) == "甲/二"
    assert path_under(paths, "其他", [0.1, 0.2, 0.6, 0.1]) == "其他"
    assert path_under(paths, "丙", [0.1, 0.2, 0.6, 0.1]) == "丙"


def test_explanations_are_of_the_masked_text(annotator: Annotator) -> None:
    words = annotator.explain(SMOKE.title, SMOKE.text, "department", "生态")
    assert words
    assert not any("13812345678" in word for word, _ in words)


def test_the_shipped_annotator_reads_plain_cases(shared_annotator: Annotator) -> None:
    smoke, school = shared_annotator.annotate([SMOKE, Draft("", "请问孩子上小学的招生划片范围怎么查？")])
    assert smoke.annotation.topics[0].label == "环境保护"
    assert school.annotation.topics[0].label == "教育文体"
    assert school.annotation.demand_types[0].label == "咨询"
    assert school.annotation.positive > smoke.annotation.positive
