"""The classifier with a city's own labels: the port, its file, and the arithmetic of labels old and own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadFile, BadModel
from nlp import city
from nlp.annotate import Annotator, Draft, path_under, public_line
from nlp.city import CityClassifier, Own, beside_kept, spread
from nlp.classifier import HEADS, Classifier, load
from nlp.heads import Head
from nlp.linear import Block, LinearClassifier
from nlp.shelf import Shelf
from nlp.training.city import ask, teach
from nlp.training.city_rows import choose, city_rows

if TYPE_CHECKING:
    from nlp.training.linear import Trained

OFFICES = ("河东城管局", "河东人社局", "河东交通局")
TOPICS = ("市容", "教育文体")  # the second is one of the base's, which knows what stands under it
WIDTH = sum(map(len, HEADS.values()))
TEXTS = ("路灯不亮，晚上看不清", "公司拖欠三个月工资", "公交车半小时不来一趟", "", "OK", "😀😀", "路" * 3_000)


def own_head(head: str, labels: tuple[str, ...], base: LinearClassifier, source: str) -> tuple[Own, Block]:
    """Something of every part, drawn once."""
    draw = np.random.default_rng(len(labels))
    j, m = len(base.heads[source]), len(labels)
    below = base.blocks["civic"]
    some = np.arange(0, len(below.buckets), 5)
    block = Block(below.fields, below.buckets[some], below.idf[some],
                  draw.normal(0, 0.5, (len(some), m)).astype(np.float16).astype(np.float32),
                  draw.normal(size=m).astype(np.float32), {head: (0, m)})  # fmt: skip
    own = Own(np.arange(m), source, draw.dirichlet(np.full(m, 0.3), size=j).astype(np.float32),
              np.full(WIDTH, -3, dtype=np.float32), np.full(WIDTH, 0.1, dtype=np.float32),
              draw.normal(0, 0.3, (WIDTH, m)).astype(np.float32), np.zeros(0, dtype=np.float32), heat=1.2, weight=0.4)  # fmt: skip
    return own, block


@pytest.fixture(scope="module")
def model(trained: Trained) -> CityClassifier:
    base = trained.model
    parts = {
        "topic": own_head("topic", TOPICS, base, "subtopic"),
        "department": own_head("department", OFFICES, base, "department"),
    }
    known = np.array([HEADS["demand_type"].index(label) for label in ("投诉", "咨询")])
    own, block = own_head("demand_type", ("投诉", "咨询"), base, "demand_type")
    parts["demand_type"] = replace(own, taught=known, kept=np.ones(7, dtype=np.float32)), block
    below = base.settings["subtopic"]
    paths = ("市容", *(path for path in below.labels if path.split("/")[0] == "教育文体"))
    settings = base.settings | {
        "topic": Head(TOPICS, 1.1, thresholds=(0.5, 0.5)),
        "department": Head(OFFICES, 0.9, thresholds=(0.3, 0.3, 0.3)),
        "demand_type": replace(base.settings["demand_type"], temperature=1.0, shift=None),
        "subtopic": Head(paths, thresholds=(0.3,) * len(paths)),
    }
    names = {"topic": TOPICS, "department": OFFICES, "demand_type": ("投诉", "咨询")}
    words = LinearClassifier(
        {head: Head(labels, 0.5, 0.1) for head, labels in names.items()},
        {head: block for head, (_, block) in parts.items()},
    )
    made = CityClassifier(settings, base, words, {head: own for head, (own, _) in parts.items()})
    return CityClassifier.from_bytes(made.to_bytes(), base)


@pytest.fixture
def folder(model: CityClassifier, tmp_path: Path) -> Path:
    (tmp_path / "linear.zst").write_bytes(model.base.to_bytes())  # type: ignore[union-attr]
    (tmp_path / city.FILE).write_bytes(model.to_bytes())
    return tmp_path


# --- the port -------------------------------------------------------------------------------------------------------------
def test_it_is_a_classifier_whose_rows_add_up(model: CityClassifier) -> None:
    assert isinstance(model, Classifier)
    found = model.predict([""] * len(TEXTS), TEXTS)
    assert found.keys() == model.heads.keys()
    for head, values in found.items():
        assert values.shape == (len(TEXTS), len(model.heads[head]))
        assert values.dtype == np.float32
        assert (values >= 0).all()
        np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-5)


def test_no_text_gives_no_row(model: CityClassifier) -> None:
    assert {head: values.shape for head, values in model.predict([], []).items()} == {
        head: (0, len(labels)) for head, labels in model.heads.items()
    }


@given(order=st.permutations(range(len(TEXTS))), size=st.integers(1, len(TEXTS)))
def test_a_text_gives_the_same_row_in_any_batch(model: CityClassifier, order: list[int], size: int) -> None:
    alone = [model.predict(["路灯"], [text]) for text in TEXTS]
    some = order[:size]
    together = model.predict(["路灯"] * size, [TEXTS[place] for place in some])
    for head, values in together.items():
        for row, place in zip(values, some, strict=True):
            assert (row == alone[place][head][0]).all(), head


def test_heads_that_were_not_taught_are_the_base_s(model: CityClassifier) -> None:
    found, below = model.predict(["路灯"] * 3, TEXTS[:3]), model.base.predict(["路灯"] * 3, TEXTS[:3])
    for head in ("urgency", "sentiment", "emotion"):
        assert (found[head] == below[head]).all()


def test_labels_that_were_not_taught_keep_what_the_base_says(model: CityClassifier) -> None:
    found, below = (
        model.predict([""] * 3, TEXTS[:3])["demand_type"],
        model.base.predict([""] * 3, TEXTS[:3])["demand_type"],
    )
    kept = [column for column, label in enumerate(HEADS["demand_type"]) if label not in ("投诉", "咨询")]
    np.testing.assert_allclose(found[:, kept], below[:, kept], atol=1e-6)
    assert not np.allclose(found, below, atol=1e-3)


def test_second_levels_add_up_to_their_topics(model: CityClassifier) -> None:
    found = model.predict([""] * 3, TEXTS[:3])
    for column, topic in enumerate(TOPICS):
        mine = [place for place, path in enumerate(model.heads["subtopic"]) if path.split("/")[0] == topic]
        np.testing.assert_allclose(found["subtopic"][:, mine].sum(axis=1), found["topic"][:, column], atol=1e-6)


def test_an_annotator_reads_with_own_labels(model: CityClassifier) -> None:
    (reading,) = Annotator(model).annotate([Draft("路灯不亮", "青松路的路灯三天不亮")])
    assert {each.label for each in reading.annotation.departments} == set(OFFICES)
    assert reading.annotation.model == model.version
    line = public_line("1", reading)
    assert line["department"]["label"] in OFFICES
    assert line["topic"]["label"] in TOPICS
    assert line["topic"]["path"].split("/")[0] == line["topic"]["label"]
    assert path_under(model.heads["subtopic"], "市容", [0.0] * len(model.heads["subtopic"])) == "市容"


def test_on_an_encoder_it_finds_places_and_drops_what_no_longer_fits(
    model: CityClassifier, trained: Trained, small: Any, tmp_path: Path
) -> None:
    """A second topic of the old set beside topics of the city's own would be nonsense; that of a department, too."""
    from nlp.classifier import ENCODED, POLARITY
    from nlp.encoder import Encoder
    from nlp.hybrid import HybridClassifier, Mix

    more = {head: Head(labels, thresholds=(0.5,) * len(labels)) for head, labels in ENCODED.items()}
    settings = {**trained.model.settings, **more}
    encoder = Encoder.load(small.folder, {head: len(setting.labels) for head, setting in settings.items()})
    base = HybridClassifier(settings, trained.model, encoder, dict.fromkeys((*HEADS, *POLARITY), Mix(0.5)))
    drafts = [Draft("路灯" * (1 + n % 5), f"路灯不亮{n}" if n % 2 else f"工资拖欠{n}") for n in range(60)]
    labels = {
        "department": ["甲局" if n % 2 else "乙局" for n in range(60)],
        "sentiment": ["-1" if n % 3 else "0" for n in range(60)],
    }
    rows = city_rows([(drafts, labels)])
    _, found, given = ask(base, rows, lambda _: None)
    chosen, refused = choose(rows, base.heads, base.heads["topic"])
    assert not refused
    made = teach(base, None, rows, chosen, found, given, lambda _: None).model
    assert base.heads.keys() - made.heads.keys() == {"second_department", "polarity"}
    answers, places = made.read(rows.titles[:4], rows.texts[:4])
    assert answers.keys() == made.heads.keys()
    assert list(places) == list(base.read(rows.titles[:4], rows.texts[:4])[1])
    (reading,) = Annotator(made).annotate([Draft("路灯", "路灯不亮")])
    assert reading.annotation.departments[0].label == "甲局"


# --- explanations ---------------------------------------------------------------------------------------------------------
def test_words_explain_by_what_their_absence_does(model: CityClassifier) -> None:
    title, text = "公司拖欠工资", "工地的工资拖欠三个月，请人社局处理"
    (row,) = model.predict([title], [text])["department"]
    label = OFFICES[int(row.argmax())]
    found = model.explain(title, text, "department", label, n=3)
    assert 0 < len(found) <= 3
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
    word, share = found[0]
    assert share > 0
    (without,) = model.predict([title.replace(word, " ")], [text.replace(word, " ")])["department"]
    column = OFFICES.index(label)
    assert without[column] < row[column]
    assert np.log(row[column] / (1 - row[column])) - np.log(without[column] / (1 - without[column])) == pytest.approx(
        share, abs=0.01
    )


def test_every_head_explains_any_text(model: CityClassifier) -> None:
    for head, labels in model.heads.items():
        for text in TEXTS:
            assert all(word and share > 0 for word, share in model.explain("", text, head, labels[0]))


def test_a_head_of_the_base_is_explained_by_the_base(model: CityClassifier) -> None:
    assert model.explain("", TEXTS[0], "urgency", "1") == model.base.explain("", TEXTS[0], "urgency", "1")


def test_a_label_that_only_translation_moves_is_explained_by_what_was_translated(model: CityClassifier) -> None:
    flat = replace(
        model.own["department"], translation=np.full_like(model.own["department"].translation, 1 / 3), weight=0.0
    )
    still = replace(model, own={**model.own, "department": flat})
    told = model.base.predict([""], [TEXTS[1]])["department"][0]
    best = model.base.heads["department"][int(told.argmax())]
    assert still.explain("", TEXTS[1], "department", OFFICES[0]) == model.base.explain("", TEXTS[1], "department", best)


# --- the file -------------------------------------------------------------------------------------------------------------
def test_a_folder_is_loaded_as_what_it_is(model: CityClassifier, folder: Path) -> None:
    again = load(folder)
    assert isinstance(again, CityClassifier)
    assert (again.version, again.heads) == (model.version, model.heads)
    titles, texts = [""] * len(TEXTS), list(TEXTS)
    old, new = model.predict(titles, texts), again.predict(titles, texts)
    assert all((old[head] == new[head]).all() for head in old)
    for head in ("department", "demand_type"):
        assert (model.certain(head, old[head]) == again.certain(head, new[head])).all()
    (folder / city.FILE).unlink()
    assert load(folder).version == model.base.version


def test_its_version_is_that_of_its_bytes(model: CityClassifier) -> None:
    other = replace(model, card={"rows": 2})
    assert model.version.startswith("city-")
    assert CityClassifier.from_bytes(other.to_bytes(), model.base).version != model.version
    assert CityClassifier.from_bytes(model.to_bytes(), model.base).version == model.version


@pytest.mark.parametrize("damage", [b"", b"no model", None], ids=["empty", "overwritten", "cut"])
def test_a_damaged_file_is_refused_by_name(folder: Path, damage: bytes | None) -> None:
    path = folder / city.FILE
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(BadFile, match=city.FILE):
        load(folder)


def test_another_base_below_is_refused(folder: Path, model: CityClassifier) -> None:
    other = replace(model.base, card={"of": "another city"})
    (folder / "linear.zst").write_bytes(other.to_bytes())  # type: ignore[union-attr]
    with pytest.raises(BadFile, match="底层模型应为"):
        load(folder)


def test_without_a_base_it_is_refused(folder: Path) -> None:
    (folder / "linear.zst").unlink()
    with pytest.raises(BadFile, match=r"linear\.zst"):
        load(folder)


def test_a_shelf_takes_it_whole_and_a_part_of_it_not(model: CityClassifier, folder: Path, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "home" / "models")
    name, annotator = shelf.use(str(folder))
    assert annotator.version == shelf.current().version == model.version
    assert {path.name for path in (shelf.folder / name).iterdir()} == {"linear.zst", city.FILE}
    (shelf.folder / name / city.FILE).unlink()
    with pytest.raises(BadModel, match=f"选用的是 {model.version}"):
        shelf.current()


# --- arithmetic -----------------------------------------------------------------------------------------------------------
@given(st.integers(1, 6), st.integers(0, 5), st.integers(0, 999), st.booleans())
def test_taught_labels_share_what_the_kept_ones_leave(taught: int, more: int, seed: int, own: bool) -> None:
    draw = np.random.default_rng(seed)
    size = taught + more
    columns = draw.permutation(size)[:taught]
    shares = draw.dirichlet(np.ones(taught), size=4)
    below = draw.dirichlet(np.ones(size), size=4).astype(np.float32)
    found = beside_kept(shares, columns, None if own else below, size)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    others = np.setdiff1d(np.arange(size), columns)
    np.testing.assert_allclose(found[:, others], 0.0 if own else below[:, others], atol=1e-6)
    np.testing.assert_allclose(found[:, columns] / found[:, columns].sum(axis=1, keepdims=True), shares, atol=1e-6)


def test_a_kept_label_that_the_city_does_not_have_gives_way() -> None:
    below = np.array([[0.1, 0.0, 0.9]])
    found = beside_kept(np.array([[0.5, 0.5]]), np.array([0, 1]), below * np.array([1.0, 1.0, 0.01]), 3)
    np.testing.assert_allclose(found, np.array([[0.05, 0.05, 0.009]]) / 0.109)


def test_a_path_without_a_column_has_all_of_its_topic() -> None:
    found = spread(np.array([[0.2, 0.8]]), ("甲/一", "乙/二"), ("乙/二", "丙"))
    np.testing.assert_allclose(found, [[0.8, 1.0]])
