from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

from dashboards.views.records import place_of, record_view, title_of
from models.labels import Resolved
from models.record import Annotation, Candidate, Entity


def made(city: ModuleType, **changes: Any) -> Any:
    return city.record(1, city.NOW, city.ISSUES[0], city.Random(1), **changes)


def test_entities_of_the_body_are_marked_at_their_offsets(city: ModuleType) -> None:
    note = Annotation(
        model="m",
        entities=(
            Entity(text="长堤路", kind="road", start=3, end=6),
            Entity(text="路灯", kind="place", start=0, end=2),
        ),
    )
    view = record_view(made(city, title="路灯", text="长堤路北段不亮", annotation=note))
    assert [(p.text, p.mark) for p in view.text_pieces] == [("长堤路", "entity 道路"), ("北段不亮", "")]


def test_without_a_title_offsets_count_in_the_text(city: ModuleType) -> None:
    note = Annotation(model="m", entities=(Entity(text="长堤路", kind="road", start=0, end=3),))
    view = record_view(made(city, title="", text="长堤路北段不亮", annotation=note))
    assert view.text_pieces[0].text == "长堤路"
    assert view.title == "长堤路北段不亮"


def test_words_of_the_search_replace_the_entities(city: ModuleType) -> None:
    view = record_view(made(city), words=["打桩"])
    assert [p.text for p in view.text_pieces if p.mark == "hit"] == ["打桩"]


def test_only_known_facts_and_times_are_shown(city: ModuleType) -> None:
    view = record_view(
        made(city, status=None, returns=2, resolved=Resolved.PARTLY, rating=2, due_at=None, replied_at=None)
    )
    facts = dict(view.facts)
    assert "状态" not in facts
    assert (facts["退单"], facts["是否解决"], view.rating) == ("2 次", "部分解决", "不满意")
    assert [step.name for step in view.steps] == ["提出", "受理"]
    assert view.steps[1].at - view.steps[0].at == timedelta(minutes=12)


def test_what_the_model_did_not_dare_is_said(city: ModuleType) -> None:
    note = Annotation(model="m", topics=(Candidate(label="政法", probability=0.4),), departments=(Candidate(label="交警", probability=0.9),),
                      abstained=("topic",), positive=0.2, emotion="angry")  # fmt: skip
    view = record_view(made(city, annotation=note))
    assert [(r.name, r.sure, r.candidates[0].label) for r in view.readings] == [
        ("分类", False, "政法"),
        ("承办单位", True, "公安交警"),
    ]
    assert view.mood == "愤怒，正面概率 20%"


def test_a_record_without_annotation_is_shown_all_the_same(city: ModuleType) -> None:
    view = record_view(made(city, annotation=None))
    assert (view.readings, view.mood, view.urgency, view.keywords) == ((), "", "", ())


def test_titles_and_places(city: ModuleType) -> None:
    assert title_of(made(city, title=" ", text="字" * 60)) == "字" * 36 + "…"
    assert title_of(made(city, title="", text=" ")) == "（无标题）"
    assert (
        place_of(made(city, district="东桥区", street="柳营街道", community=None, place="柳营街道"))
        == "东桥区 柳营街道"
    )
