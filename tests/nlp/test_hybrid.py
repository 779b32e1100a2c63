"""The mixture of linear classifier and encoder; the encoder is a small one of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.errors import BadFile
from nlp.classifier import ENCODED, HEADS, POLARITY, SECOND, Classifier, content, contentment
from nlp.encoder import Encoder
from nlp.heads import Head
from nlp.hybrid import HybridClassifier, Mix, log_shares, unsure

if TYPE_CHECKING:
    from nlp.training.linear import Trained

SIZES = {head: len(labels) for head, labels in (HEADS | ENCODED).items()}
TITLES = ["物业乱收停车管理费", "", "河水发黑", ""]
TEXTS = [
    "物业乱收停车管理费，请查处",
    "包工头拖欠三十名工人工资",
    "化工厂夜里排放刺鼻废气，河水发黑发臭",
    "今天天气很好",
]


@pytest.fixture(scope="module")
def encoder(small: Any) -> Encoder:
    return Encoder.load(small.folder, SIZES)


def hybrid(trained: Trained, encoder: Encoder, weight: float, sure: float = 2.0) -> HybridClassifier:
    mixes = dict.fromkeys((*HEADS, *POLARITY), Mix(weight, 1.5, sure))
    further = {head: Head(labels, thresholds=(0.0, *(0.02,) * (len(labels) - 1))) for head, labels in SECOND.items()}
    settings = {**trained.model.settings, "polarity": Head(POLARITY["polarity"]), **further}
    return HybridClassifier(settings, trained.model, encoder, mixes)


def test_it_is_a_classifier(trained: Trained, encoder: Encoder) -> None:
    model = hybrid(trained, encoder, 0.4)
    assert isinstance(model, Classifier)
    found = model.predict(TITLES, TEXTS)
    assert {head: values.shape for head, values in found.items()} == {head: (4, size) for head, size in SIZES.items()}
    for values in found.values():
        assert values.dtype == np.float32
        assert values.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_without_weight_the_order_is_the_linear_ones(trained: Trained, encoder: Encoder) -> None:
    mine, linear = hybrid(trained, encoder, 0.0).predict(TITLES, TEXTS), trained.model.predict(TITLES, TEXTS)
    for head in ("topic", "department", "demand_type"):
        assert (mine[head].argmax(axis=1) == linear[head].argmax(axis=1)).all()


def test_the_weight_moves_from_one_to_the_other(trained: Trained, encoder: Encoder) -> None:
    read = encoder.logits(TITLES, TEXTS)
    whole = hybrid(trained, encoder, 1.0).predict(TITLES, TEXTS)
    for head in ("topic", "department", "demand_type"):
        assert (whole[head].argmax(axis=1) == read[head].argmax(axis=1)).all()


def test_the_encoder_is_asked_only_where_the_linear_one_is_not_sure(trained: Trained, encoder: Encoder) -> None:
    model = hybrid(trained, encoder, 0.5, sure=0.6)
    logits = trained.model.logits(TITLES, TEXTS)
    asked = unsure(trained.model, logits, model.mixes)
    found, never = model.predict(TITLES, TEXTS), hybrid(trained, encoder, 0.5, sure=0.0).predict(TITLES, TEXTS)
    always = hybrid(trained, encoder, 0.5).predict(TITLES, TEXTS)
    for row in range(4):
        same = always if asked[row] else never
        assert (found["topic"][row] == same["topic"][row]).all()
    read: list[int] = []

    class Counting:
        def read(self, titles: list[str], texts: list[str]) -> Any:
            read.append(len(titles))
            return encoder.read(titles, texts)

    HybridClassifier(model.settings, trained.model, Counting(), model.mixes).predict(TITLES, TEXTS)  # type: ignore[arg-type]
    assert read == [int(asked.sum())]


def test_a_row_is_the_same_in_any_company(trained: Trained, encoder: Encoder) -> None:
    model = hybrid(trained, encoder, 0.5, sure=0.6)
    together = model.predict(TITLES, TEXTS)
    for row in range(4):
        alone = model.predict(TITLES[row : row + 1], TEXTS[row : row + 1])
        for head, values in alone.items():
            assert values[0] == pytest.approx(together[head][row], abs=1e-6)


def test_the_polarity_is_mixed_as_well(trained: Trained, encoder: Encoder) -> None:
    linear, read = trained.model.predict(TITLES, TEXTS), encoder.logits(TITLES, TEXTS)["polarity"].astype(np.float64)
    alone, whole = (hybrid(trained, encoder, weight).predict(TITLES, TEXTS) for weight in (0.0, 1.0))
    assert contentment(alone) == pytest.approx(content(linear["sentiment"]), abs=1e-5)
    assert contentment(whole) == pytest.approx(1 / (1 + np.exp((read[:, 0] - read[:, 1]) / 1.5)), abs=1e-5)
    assert contentment(linear) == pytest.approx(content(linear["sentiment"]))


def test_a_second_label_is_the_best_beside_none_or_none(trained: Trained, encoder: Encoder) -> None:
    asked, skipped = hybrid(trained, encoder, 0.5), hybrid(trained, encoder, 0.5, sure=0.0)
    found = asked.predict(TITLES, TEXTS)
    for head in SECOND:
        said = asked.seconds(head, found[head])
        best = found[head][:, 1:].argmax(axis=1) + 1
        enough = found[head].max(axis=1, where=np.arange(SIZES[head]) > 0, initial=0) >= 0.02
        assert (said == np.where(enough, best, 0)).all()
        assert enough.any(), head
        assert not skipped.seconds(head, skipped.predict(TITLES, TEXTS)[head]).any(), "nobody looked"


def test_what_an_annotation_says_of_it(trained: Trained, encoder: Encoder) -> None:
    from nlp.annotate import Annotator, Draft

    model = hybrid(trained, encoder, 0.5)
    for reading in Annotator(model).annotate([Draft(title, text) for title, text in zip(TITLES, TEXTS, strict=True)]):
        note = reading.annotation
        firsts = {note.topics[0].label, note.departments[0].label}
        assert note.second_topic is None or note.second_topic in set(SECOND["second_topic"][1:]) - firsts
        assert note.second_department is None or note.second_department in set(SECOND["second_department"][1:]) - firsts
        assert note.positive == pytest.approx(reading.probabilities["polarity"]["positive"], abs=1e-5)


def test_subtopics_add_up_to_their_topic(trained: Trained, encoder: Encoder) -> None:
    model = hybrid(trained, encoder, 0.5)
    found = model.predict(TITLES, TEXTS)
    for column in np.unique(model.parents):
        children = found["subtopic"][:, model.parents == column].sum(axis=1)
        assert children == pytest.approx(found["topic"][:, column], abs=1e-5)


def test_shares_within_a_parent() -> None:
    shares = np.exp(log_shares(np.array([[1.0, 1.0, 5.0, -2.0]]), np.array([0, 0, 1, 2])))
    assert shares[0] == pytest.approx([0.5, 0.5, 1.0, 1.0])


def test_words_of_both_parts_explain(trained: Trained, encoder: Encoder) -> None:
    linear = hybrid(trained, encoder, 0.0).explain(TITLES[0], TEXTS[0], "topic", "城乡建设")
    assert linear == [
        (word, pytest.approx(share)) for word, share in trained.model.explain(TITLES[0], TEXTS[0], "topic", "城乡建设")
    ]
    mixed = dict(hybrid(trained, encoder, 1.0).explain(TITLES[0], TEXTS[0], "topic", "城乡建设", n=50))
    column = HEADS["topic"].index("城乡建设")
    whole = encoder.logits(TITLES[:1], TEXTS[:1])["topic"][0, column]
    for word, share in mixed.items():
        without = encoder.logits([TITLES[0].replace(word, " ")], [TEXTS[0].replace(word, " ")])["topic"][0, column]
        assert share == pytest.approx((whole - without) / 1.5, abs=1e-4)
        assert share > 0


def test_it_is_kept_and_read_again(trained: Trained, encoder: Encoder, small: Any, tmp_path: Path) -> None:
    model = hybrid(trained, encoder, 0.4, sure=0.9)
    model.save(tmp_path)
    for name in ("encoder.onnx.zst", "vocab.txt"):
        (tmp_path / name).write_bytes((small.folder / name).read_bytes())
    again = HybridClassifier.load(tmp_path)
    assert again.version.startswith("hybrid-")
    assert again.mixes == model.mixes
    before, after = model.predict(TITLES, TEXTS), again.predict(TITLES, TEXTS)
    assert all((before[head] == after[head]).all() for head in before)
    (tmp_path / "hybrid.json").write_text('{"format": 99}')
    with pytest.raises(BadFile, match="format 99"):
        HybridClassifier.load(tmp_path)
    (tmp_path / "hybrid.json").unlink()
    with pytest.raises(BadFile, match=r"hybrid\.json"):
        HybridClassifier.load(tmp_path)


def test_the_cascade_asks_only_where_topic_type_or_department_is_in_doubt(trained: Trained, encoder: Encoder) -> None:
    whole = hybrid(trained, encoder, 0.5)
    fast = whole.cascading(0.6)
    assert fast.version == f"{whole.version}-fast"  # its annotations can be told from the others
    shares = trained.model.predict(TITLES, TEXTS)
    doubt = np.any([shares[head].max(axis=1) < 0.6 for head in ("topic", "demand_type", "department")], axis=0)
    assert doubt.tolist() == unsure(trained.model, trained.model.logits(TITLES, TEXTS), fast.mixes).tolist()
    found, always = fast.read(TITLES, TEXTS), whole.read(TITLES, TEXTS)
    for row in range(4):
        if doubt[row]:
            assert found[1][row] == always[1][row]
            assert (found[0]["urgency"][row] == always[0]["urgency"][row]).all()
        else:
            assert found[1][row] is None
            assert whole.seconds("second_topic", found[0]["second_topic"])[row] == 0
    assert not unsure(trained.model, trained.model.logits(TITLES, TEXTS), whole.cascading(0.0).mixes).any()
