"""A city's own labels taught to the linear classifier of the made-up rows."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.annotate import Draft
from nlp.city import CityClassifier
from nlp.classifier import HEADS, load
from nlp.compare import Verdict
from nlp.training import city
from nlp.training.city import Taught, ask, steps, teach
from nlp.training.city_card import About, left_out, write
from nlp.training.city_figures import HeadResult, results
from nlp.training.city_rows import Chosen, CityRows, choose, city_rows
from nlp.training.rows import NO_LABEL

if TYPE_CHECKING:
    from nlp.training.linear import Trained

pytestmark = pytest.mark.slow

# what is said of it, own topic, own department, demand type
MATTERS = (
    ("路灯不亮", "市容", "河东城管局", "投诉"), ("小贩占道经营", "市容", "河东城管局", "投诉"), ("垃圾没人清运", "市容", "河东城管局", "求助"),
    ("公交半天不来", "出行", "河东交通局", "投诉"), ("出租车拒载绕路", "出行", "河东交通局", "投诉"), ("请问地铁几点收车", "出行", "河东交通局", "咨询"),
    ("工资拖欠三个月", "劳动", "河东人社局", "求助"), ("社保断缴怎么补", "劳动", "河东人社局", "咨询"), ("老板不给加班费", "劳动", "河东人社局", "投诉"),
)  # fmt: skip
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


def drafts_and_labels(n: int, seed: int = 1) -> tuple[list[Draft], dict[str, list[str]]]:
    draw = random.Random(seed)
    chosen = [draw.choice(MATTERS) for _ in range(n)]
    drafts = [
        Draft(
            draw.choice(PLACES) + what,
            f"{draw.choice(PLACES)}{what}，{''.join(draw.choices('的一是在不了有和人这中大为上个国', k=30))}",
        )
        for what, *_ in chosen
    ]
    names = ("topic", "department", "demand_type")
    return drafts, {head: [labels[place] for _, *labels in chosen] for place, head in enumerate(names)}


@pytest.fixture(scope="module")
def rows() -> CityRows:
    return city_rows([drafts_and_labels(260)])


@pytest.fixture(scope="module")
def chosen(rows: CityRows) -> list[Chosen]:
    return choose(rows, HEADS, HEADS["topic"])[0]


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def taught(trained: Trained, rows: CityRows, chosen: list[Chosen], said: list[str]) -> Taught:
    base, found, given = ask(trained.model, rows, lambda _: None)
    return teach(base, None, rows, chosen, found, given, said.append)


@pytest.fixture(scope="module")
def measured(taught: Taught, trained: Trained, rows: CityRows, chosen: list[Chosen]) -> list[HeadResult]:
    return results(taught, chosen, trained.model, ask(trained.model, rows, lambda _: None)[2])


def test_own_labels_are_learnt_and_known_ones_stay_among_the_old(taught: Taught) -> None:
    heads = taught.model.heads
    assert set(heads["topic"]) == {"市容", "出行", "劳动"}
    assert set(heads["department"]) == {"河东城管局", "河东交通局", "河东人社局"}
    assert heads["demand_type"] == HEADS["demand_type"]
    assert heads["emotion"] == HEADS["emotion"]
    drafts, labels = drafts_and_labels(60, seed=9)
    found = taught.model.predict([draft.title for draft in drafts], [draft.text for draft in drafts])
    for head, truth in labels.items():
        right = [heads[head][column] == label for column, label in zip(found[head].argmax(axis=1), truth, strict=True)]
        assert np.mean(right) > 0.9, head


def test_a_text_is_answered_by_a_model_that_has_not_seen_it(
    trained: Trained, rows: CityRows, chosen: list[Chosen], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, found, given = ask(trained.model, rows, lambda _: None)
    (one,) = [one for one in chosen if one.head == "department"]
    trained_on: list[set[int]] = []
    fit = city._fit_words

    def fit_words(counted, dense, train, truth, size, n):  # type: ignore[no-untyped-def]
        trained_on.append(set(train.tolist()))
        assert (truth == one.truth[train]).all()
        return fit(counted, dense, train, truth, size, n)

    monkeypatch.setattr(city, "_fit_words", fit_words)
    teach(base, None, rows, [one], found, given, lambda _: None)
    folds = [set(np.flatnonzero(rows.fold == fold).tolist()) for fold in range(5)]
    assert len(trained_on) == 6
    assert all(not seen & fold for seen, fold in zip(trained_on, folds, strict=False))
    assert trained_on[-1] == set(np.flatnonzero(one.truth != NO_LABEL).tolist())


def test_labels_of_nothing_teach_nothing(trained: Trained, rows: CityRows) -> None:
    """Drawn labels: the answers on unseen rows must not know them, or the folds leak."""
    draw = np.random.default_rng(2)
    noise = replace(rows, labels={"department": draw.choice(["甲局", "乙局"], size=len(rows)).tolist()})
    chosen, _ = choose(noise, HEADS, HEADS["topic"])
    base, found, given = ask(trained.model, noise, lambda _: None)
    blind = teach(base, None, noise, chosen, found, given, lambda _: None)
    truth = chosen[0].truth[blind.rows["department"]]
    right = (blind.answers["department"].argmax(axis=1) == truth).mean()
    assert right < 0.65
    assert blind.answers["department"].max(axis=1).mean() < 0.75
    assert min(blind.model.settings["department"].thresholds) > 0.75, "it abstains"


def test_every_step_is_told(said: list[str], taught: Taught, chosen: list[Chosen]) -> None:
    assert len(said) == steps(chosen)
    assert said[0] == "统计字串"
    assert "department 第 5/5 折" in said


def test_what_was_learnt_is_what_is_kept(taught: Taught, rows: CityRows, trained: Trained) -> None:
    again = CityClassifier.from_bytes(taught.model.to_bytes(), trained.model)
    assert again.version == taught.model.version
    assert again.to_bytes() == taught.model.to_bytes()


# --- better or not --------------------------------------------------------------------------------------------------------
def test_what_the_old_model_does_not_know_has_no_before(measured: list[HeadResult]) -> None:
    by_head = {each.head: each for each in measured}
    for head in ("topic", "department"):
        assert not by_head[head].before
        assert by_head[head].verdict is None
        assert all(not one.before and one.verdict is None for one in by_head[head].classes)
        assert set(by_head[head].lost) == set(HEADS[head])
    known = by_head["demand_type"]
    assert known.before
    assert known.lost == ()
    assert {one.label: one.before for one in known.classes} == {"投诉": True, "咨询": True, "求助": True}
    assert known.verdict in tuple(Verdict)


def test_figures_are_those_of_the_answers_on_unseen_rows(
    taught: Taught, measured: list[HeadResult], chosen: list[Chosen]
) -> None:
    for each, one in zip(measured, chosen, strict=True):
        truth = one.taught[one.truth[taught.rows[one.head]]]
        right = taught.answers[one.head].argmax(axis=1) == truth
        assert each.accuracy.b == pytest.approx(right.mean(), abs=1e-4)
        assert sum(c.n for c in each.classes) == each.n == len(truth)


def test_a_head_that_cannot_promise_anything_says_so(measured: list[HeadResult], rows: CityRows) -> None:
    silent = [replace(each, coverage=0.0, answered_right=None) for each in measured]
    told = [line for line in left_out(rows, silent, {}) if "一律不作答" in line]
    assert len(told) == len(measured)
    assert not [line for line in left_out(rows, [replace(measured[0], coverage=0.4)], {}) if "一律不作答" in line]


def test_the_folder_loads_as_what_was_learnt_and_its_card_says_so(
    taught: Taught, measured: list[HeadResult], rows: CityRows, trained: Trained, tmp_path: Path
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "linear.zst").write_bytes(trained.model.to_bytes())
    out = tmp_path / "out"
    out.mkdir()
    (out / "hybrid.json").write_text("of another model", encoding="utf-8")
    about = About("below", trained.model.version, ("own.csv",), {"urgency": "没有可用的标注"})
    written = write(out, below, taught.model, measured, rows, about)
    assert {path.name for path in out.iterdir()} == {path.name for path in written}
    assert not (out / "hybrid.json").exists()
    model = load(out)
    assert model.version == taught.model.version
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert card["model"] == model.version
    assert card["base"] == {"name": "below", "version": trained.model.version}
    figures = {figure["head"]: figure for figure in card["figures"]}
    assert figures["department"]["before"] is None
    assert (
        figures["demand_type"]["before"]["accuracy"]
        == measured[-2 if measured[-1].head == "department" else -1].accuracy.a
    )
    words = (out / "model_card.md").read_text(encoding="utf-8")
    assert "urgency 没有教：没有可用的标注" in words
    assert "| 河东城管局 |" in words
    assert "近似文本" in words


def test_the_folder_of_the_base_may_be_written_over(
    taught: Taught, measured: list[HeadResult], rows: CityRows, trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "linear.zst").write_bytes(trained.model.to_bytes())
    write(tmp_path, tmp_path, taught.model, measured, rows, About("x", trained.model.version, (), {}))
    assert load(tmp_path).version == taught.model.version


# --- once more ------------------------------------------------------------------------------------------------------------
def test_a_head_taught_earlier_is_kept_when_another_is_taught(taught: Taught, rows: CityRows) -> None:
    later = replace(rows, labels={"demand_type": rows.labels["demand_type"]})
    base, found, given = ask(taught.model, later, lambda _: None)
    assert base is taught.model.base
    chosen, _ = choose(later, base.heads, taught.model.heads["topic"])
    model = teach(base, taught.model, later, chosen, found, given, lambda _: None).model
    assert model.heads == taught.model.heads
    titles, texts = rows.titles[:8], rows.texts[:8]
    old, new = taught.model.predict(titles, texts), model.predict(titles, texts)
    for head in ("topic", "subtopic", "department"):
        assert (old[head] == new[head]).all(), head


def test_second_levels_of_a_city(trained: Trained, rows: CityRows) -> None:
    paths = ["市容/照明" if "路灯" in text else "市容/其他市容" if topic == "市容" else "" for text, topic in
             zip(rows.texts, rows.labels["topic"], strict=True)]  # fmt: skip
    both = replace(rows, labels={"topic": rows.labels["topic"], "subtopic": paths})
    base, found, given = ask(trained.model, both, lambda _: None)
    chosen, _ = choose(both, HEADS, HEADS["topic"])
    model = teach(base, None, both, chosen, found, given, lambda _: None).model
    assert set(model.heads["subtopic"]) == {"市容/照明", "市容/其他市容", "出行", "劳动"}
    answers = model.predict(["青松路路灯不亮"], ["青松路路灯不亮，请修"])
    paths_of = dict(zip(model.heads["subtopic"], answers["subtopic"][0].tolist(), strict=True))
    topic_of = dict(zip(model.heads["topic"], answers["topic"][0].tolist(), strict=True))
    assert max(paths_of, key=lambda path: paths_of[path]) == "市容/照明"
    assert paths_of["市容/照明"] + paths_of["市容/其他市容"] == pytest.approx(topic_of["市容"], abs=1e-6)
    assert paths_of["出行"] == pytest.approx(topic_of["出行"], abs=1e-6)


def test_kept_labels_are_as_frequent_as_in_the_rows() -> None:
    """The base says 丙 of half of the rows and 丁 of a few; the city has no 丙, and as many 丁 as the base says."""
    found = np.zeros((100, 4), dtype=np.float32)
    found[:, 0], found[:, 2], found[:, 3] = 0.4, 0.5, 0.1
    truth = np.array([0] * 50 + [1] * 40 + [NO_LABEL] * 10)
    chosen = Chosen(
        "department",
        ("甲", "乙", "丙", "丁"),
        np.array([0, 1]),
        truth,
        np.ones(100, dtype=bool),
        {"丁": 10},
        known=True,
    )
    np.testing.assert_allclose(city._kept({"department": found}, chosen), [1.0, 1.0, 1 / 51, 1.0], rtol=1e-5)


# --- translation ----------------------------------------------------------------------------------------------------------
def translation(found: np.ndarray, truth: list[int], size: int) -> np.ndarray:
    labels = tuple(f"类{number}" for number in range(size))
    chosen = Chosen(
        "department",
        labels,
        np.arange(size),
        np.array(truth, dtype=np.int64),
        np.ones(len(truth), dtype=bool),
        {},
        known=False,
    )
    return city._translation({"department": found.astype(np.float32)}, chosen, "department", np.arange(len(truth)))


def test_labels_that_only_have_another_name_are_translated_one_to_one() -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 4, size=400)
    names = np.array([2, 0, 3, 1])  # own label → label of the base
    found = np.full((400, 4), 0.05)
    found[np.arange(400), names[truth]] = 0.85
    table = translation(found, truth.tolist(), 4)
    assert (table[names, np.arange(4)] > 0.95).all()


@given(st.integers(2, 5), st.integers(2, 6), st.integers(0, 40), st.integers(0, 999))
def test_each_label_of_the_base_is_translated_to_shares(size: int, old: int, n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    found = draw.dirichlet(np.full(old, 0.3), size=n)
    table = translation(found, draw.integers(0, size, size=n).tolist(), size)
    assert table.shape == (old, size)
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-5)


# --- thresholds -----------------------------------------------------------------------------------------------------------
def sure_and_right(right: list[bool], confidence: float = 0.96) -> tuple[np.ndarray, np.ndarray]:
    answers = np.tile([confidence, 1 - confidence, 0.0], (len(right), 1))
    return answers, np.array([0 if good else 1 for good in right])


def test_old_thresholds_hold_until_the_rows_speak_against_them() -> None:
    old, few = np.array([0.9, 0.8, 0.7]), np.full(3, 2.0)
    taught = np.array([0, 1])
    answers, truth = sure_and_right([True] * 20)
    np.testing.assert_array_equal(city._with_the_old(few, old, answers, truth, taught, 0.95), old)
    answers, truth = sure_and_right([True] * 10 + [False] * 10)
    np.testing.assert_array_equal(city._with_the_old(few, old, answers, truth, taught, 0.95), [2.0, 2.0, 2.0])


def test_a_label_held_back_on_evidence_stays_so_and_proof_lowers_a_threshold() -> None:
    old, taught = np.array([0.9, 0.8, 0.7]), np.array([0, 1])
    answers, truth = sure_and_right([True] * 100)
    found = city._with_the_old(np.array([0.6, 0.99, 0.6]), old, answers, truth, taught, 0.95)
    np.testing.assert_array_equal(found, [0.6, 0.99, 0.7])
