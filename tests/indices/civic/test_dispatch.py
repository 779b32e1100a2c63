"""Dispatch: certain, bound by the catalogue, unsure, dangerous; the reason and the similar orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from indices.civic.catalogue import Catalogue, Entry
from indices.civic.dispatch import REASON_WORDS, SIMILAR, Dispatcher
from indices.stores.memory import MemoryStore
from models.clock import city_day, now
from models.errors import EmptyText
from models.figures import Routing
from models.record import Annotation, Candidate, Record
from nlp.annotate import Draft, Reading
from nlp.segment import segment

AT = now() - timedelta(days=3)
TITLE, TEXT = "青松路路灯不亮", "青松路南段的路灯整夜不亮，老人出门看不清台阶。"
PROBABILITIES = {"城管": 0.72, "住建": 0.18, "公用": 0.07, "交通": 0.03}


class Says:
    """An annotator whose opinion is set by the test; tokens and keywords are those of the text. Remembers what it was asked."""

    version = "says-1"

    def __init__(self, **note: Any) -> None:
        self.probabilities: dict[str, float] = note.pop("probabilities", PROBABILITIES)
        best = sorted(self.probabilities, key=lambda code: -self.probabilities[code])[:3]
        self.note = {
            "topic": "城乡建设", "topics": (Candidate(label="城乡建设", probability=0.9),), "demand_type": "投诉", "urgency": 1,
            "departments": tuple(Candidate(label=code, probability=self.probabilities[code]) for code in best),
        } | note  # fmt: skip
        self.explained: list[tuple[str, str]] = []

    def annotate(self, drafts: Sequence[Draft]) -> list[Reading]:
        return [self._read(draft) for draft in drafts]

    def _read(self, draft: Draft) -> Reading:
        title, text = tuple(segment(draft.title)), tuple(segment(draft.text))
        keywords = tuple(word for word in dict.fromkeys((*title, *text)) if len(word) > 1)
        note = Annotation(model=self.version, title_tokens=title, text_tokens=text, keywords=keywords, **self.note)
        return Reading(draft.title, draft.text, "", note, {"department": self.probabilities})

    def explain(self, title: str, text: str, head: str, label: str, n: int = 8) -> list[tuple[str, float]]:
        self.explained.append((head, label))
        return [("路灯", 2.34567), ("不亮", 1.0), ("台阶", 0.2), ("老人", -0.4)][:n]


def order(number: int, text: str, **fields: Any) -> Record:
    note = Annotation(
        model="m", text_tokens=tuple(segment(text)), departments=(Candidate(label="城管", probability=0.6),)
    )
    known = {
        "revision": 1,
        "intake": "1",
        "source": "s",
        "native_id": f"N{number}",
        "created_at": AT,
        "annotation": note,
    }
    return Record.model_validate({"id": f"{number:032x}", "text": text, **known, **fields})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def route(store: MemoryStore) -> Callable[..., Routing]:
    """route(entries=(), says=…, title=, text=, **place) -> Routing"""

    def ask(
        entries: Sequence[Entry] = (), says: Says | None = None, title: str = TITLE, text: str = TEXT, **place: Any
    ) -> Routing:
        dispatcher = Dispatcher(says or Says(), Catalogue(entries), store)  # type: ignore[arg-type]
        return dispatcher.route(title, text, **place)

    return ask


Route = Callable[..., Routing]


# --- who takes it -----------------------------------------------------------------------------------------------------
def test_a_sure_model_names_the_department_and_the_office_of_this_city(route: Route) -> None:
    entries = [
        Entry("城管", "市城管局"),
        Entry("城管", "河东区综合执法大队", district="河东区"),
        Entry("住建", "市住建局"),
    ]
    found = route(entries, district="河东区")
    assert (found.department, found.unit, found.confidence) == ("城管", "河东区综合执法大队", 0.72)
    assert not found.to_person
    assert route(entries, district="河西区").unit == "市城管局"
    assert found.reason.rule == "按文字判断，派单目录没有强制规定"
    assert (found.topic, found.demand_type, found.urgency, found.model) == ("城乡建设", "投诉", 1, "says-1")


def test_a_city_without_a_catalogue_gets_the_generic_name(route: Route) -> None:
    assert route().unit == "城市管理和综合执法"


def test_a_binding_row_decides_against_the_model_and_says_so(route: Route) -> None:
    says = Says()
    found = route([Entry("公用", "供电公司", topic="城乡建设", binding=True)], says)
    assert (found.department, found.unit, found.to_person) == ("公用", "供电公司", False)
    assert found.confidence == 0.9, "as sure as the model is of the topic"
    assert found.reason.rule == "派单目录：全市 城乡建设 由 供电公司（公用）承办"
    assert [c.label for c in found.candidates] == ["公用", "城管", "住建"]
    assert says.explained == [("department", "公用")]


def test_a_binding_row_decides_although_the_model_is_unsure_of_the_department(route: Route) -> None:
    unsure = Says(abstained=("department",))
    assert route([Entry("公用", "供电公司", topic="城乡建设", binding=True)], unsure).department == "公用"


def test_a_department_that_only_the_catalogue_knows_still_comes_first(route: Route) -> None:
    says = Says(probabilities={"城管": 0.8, "住建": 0.2})
    found = route([Entry("公用", "供电公司", topic="城乡建设", binding=True)], says)
    assert [(c.label, c.probability) for c in found.candidates] == [("公用", 0.0), ("城管", 0.8), ("住建", 0.2)]
    assert found.reason.words == (), "the model has no words for a department that it was not taught"
    assert says.explained == []


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (Entry("公用", "u", topic="城乡建设", binding=True), {"topic": None}),
        (Entry("公用", "u", binding=True), {"topic": None}),
        (Entry("公用", "u", topic="环境保护", binding=True), {}),
        (Entry("公用", "u", topic="城乡建设", district="河西区", binding=True), {}),
        (Entry("公用", "u", topic="城乡建设", binding=True, until=date(2020, 1, 1)), {}),
        (Entry("公用", "u", topic="城乡建设", binding=True, since=date(2120, 1, 1)), {}),
        (Entry("公用", "u", topic="城乡建设"), {}),
    ],
    ids=["topic unsure", "any topic, unsure", "other topic", "other district", "expired", "not yet", "not binding"],
)
def test_a_row_that_does_not_apply_decides_nothing(route: Route, entry: Entry, note: dict[str, Any]) -> None:
    assert route([entry], Says(**note), district="河东区").department == "城管"


def test_the_row_in_force_on_the_day_decides(route: Route) -> None:
    entries = [
        Entry("公用", "旧", topic="城乡建设", binding=True, until=date(2024, 12, 31)),
        Entry("属地", "新", topic="城乡建设", binding=True, since=date(2025, 1, 1)),
    ]
    assert route(entries, day=date(2024, 12, 31)).unit == "旧"
    assert route(entries, day=date(2025, 1, 1)).unit == "新"
    assert route(entries).unit == route(entries, day=city_day(now())).unit == "新"


# --- a person has to decide -------------------------------------------------------------------------------------------
def test_an_unsure_model_hands_to_a_person_and_keeps_its_candidates(route: Route) -> None:
    found = route(says=Says(abstained=("department", "topic"), topic=None))
    assert (found.department, found.unit, found.to_person) == (None, None, True)
    assert found.reason.rule == "把握不足，请人工判断"
    assert [(c.label, c.probability) for c in found.candidates] == [("城管", 0.72), ("住建", 0.18), ("公用", 0.07)]
    assert found.confidence == 0.72


def test_doubt_about_something_else_does_not_matter(route: Route) -> None:
    assert route(says=Says(abstained=("emotion", "topic"), topic=None)).department == "城管"


@pytest.mark.parametrize("urgency", [0, 1, 2, 3])
def test_danger_always_goes_to_a_person(route: Route, urgency: int) -> None:
    found = route(says=Says(urgency=urgency))
    assert found.to_person == (urgency == 3)
    assert (found.department is None) == (urgency == 3)
    if urgency == 3:
        assert found.reason.rule == "可能危及人身安全，须由人工即刻处理"


def test_danger_is_named_even_where_the_catalogue_has_a_binding_row(route: Route) -> None:
    found = route([Entry("公用", "供气公司", topic="城乡建设", binding=True)], Says(urgency=3))
    assert (found.department, found.to_person) == (None, True)
    assert found.reason.rule.startswith("可能危及人身安全，须由人工即刻处理")
    assert "供气公司" in found.reason.rule, "whom the person may call is said, too"


@pytest.mark.parametrize(
    ("title", "text"), [("", "楼下煤气泄漏，闻到很重的气味。"), ("有人要跳楼", "在北门广场的天台上。")]
)
def test_words_of_danger_go_to_a_person_whatever_the_model_reads(route: Route, title: str, text: str) -> None:
    """A model that is sure, calm and wrong: the case that must not happen."""
    found = route(says=Says(urgency=0), title=title, text=text)
    assert (found.department, found.unit, found.to_person, found.urgency) == (None, None, True, 3)
    assert found.reason.rule.startswith("可能危及人身安全，须由人工即刻处理")
    assert ("煤气泄漏" in found.reason.rule) or ("跳楼" in found.reason.rule), "the words are named"
    bound = route([Entry("公用", "供气公司", topic="城乡建设", binding=True)], Says(urgency=0), title=title, text=text)
    assert bound.to_person
    assert "供气公司" in bound.reason.rule


def test_a_model_without_any_department_hands_to_a_person(route: Route) -> None:
    found = route(says=Says(departments=(), probabilities={}))
    assert (found.to_person, found.confidence, found.candidates, found.reason.words) == (True, 0.0, (), ())


# --- reason -----------------------------------------------------------------------------------------------------------
def test_the_reason_words_speak_for_the_department(route: Route) -> None:
    says = Says()
    assert route(says=says).reason.words == (("路灯", 2.346), ("不亮", 1.0), ("台阶", 0.2))
    assert says.explained == [("department", "城管")]
    assert REASON_WORDS == 6


@pytest.mark.parametrize(("title", "text"), [("", ""), (" ", "\n\t"), ("", "　")])
def test_nothing_said_is_refused(route: Route, title: str, text: str) -> None:
    with pytest.raises(EmptyText) as caught:
        route(title=title, text=text)
    assert caught.value.code == "MS201"


def test_a_title_alone_is_enough(route: Route) -> None:
    assert route(text="").department == "城管"


# --- similar orders ---------------------------------------------------------------------------------------------------
FAR, NEAR, SAME = (
    "路灯坏了好几盏，请来修。",
    "青松路南段的路灯整夜不亮，请尽快修。",
    f"{TITLE}\n{TEXT}",
)


def test_similar_orders_are_the_most_alike_first(route: Route, store: MemoryStore) -> None:
    store.upsert([order(1, FAR), order(2, SAME), order(3, NEAR, department="市城管局"), order(4, "幼儿园几月报名？")])
    found = route().similar
    assert [one.id for one in found] == ["N2", "N3", "N1"]
    assert [one.record_id for one in found] == [f"{n:032x}" for n in (2, 3, 1)]
    assert found[0].similarity == 1.0
    assert 1 > found[1].similarity > found[2].similarity >= 0
    assert [one.department for one in found] == ["城管", "市城管局", "城管"], "who had it; else who should have had it"


def test_an_order_is_no_example_for_itself(route: Route, store: MemoryStore) -> None:
    store.upsert([order(1, SAME), order(2, NEAR)])
    assert [one.id for one in route(exclude=f"{1:032x}").similar] == ["N2"]


def test_the_same_street_and_district_come_a_little_nearer(route: Route, store: MemoryStore) -> None:
    store.upsert([
        order(1, NEAR), order(2, NEAR, district="河东区"), order(3, NEAR, district="河东区", street="青松街道"),
        order(4, SAME, district="河西区", street="别处街道"),
    ])  # fmt: skip
    found = route(district="河东区", street="青松街道").similar
    assert [one.id for one in found] == ["N4", "N3", "N2", "N1"], "what was said counts more than where"
    assert len({one.similarity for one in found[1:]}) == 1, (
        "the bonus orders; the similarity shown is that of the texts"
    )
    assert [one.id for one in route().similar] == ["N4", "N1", "N2", "N3"], "no place given: no bonus for having none"


def test_among_orders_in_quite_other_words_the_search_decides(route: Route, store: MemoryStore) -> None:
    """No five characters in common with any of them: the more words are shared, the nearer."""
    store.upsert([order(1, "路灯费谁来出？"), order(2, "老人摔下台阶，因为路灯坏了。"), order(3, "老人过马路")])
    found = route().similar
    assert [one.similarity for one in found] == [0.0, 0.0, 0.0]
    assert found[0].id == "N2"


def test_at_most_five_are_shown_and_those_without_number_or_title_can_be_told(route: Route, store: MemoryStore) -> None:
    store.upsert([order(n, f"{NEAR}{n}", native_id=None) for n in range(1, 12)])
    found = route().similar
    assert len(found) == SIMILAR == 5
    assert all(one.id == one.record_id and one.title == f"{NEAR}{int(one.id, 16)}"[:40] for one in found)


def test_a_text_without_words_has_no_similar_orders(route: Route, store: MemoryStore) -> None:
    store.upsert([order(1, SAME)])
    assert route(title="", text="？！").similar == ()
