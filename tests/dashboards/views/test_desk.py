from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from dashboards.views.desk import Counters, by_urgency_and_doubt, desk_view
from models.figures import Reason
from models.record import Annotation, Candidate


@pytest.fixture
def order(city: ModuleType) -> Any:
    return city.record(1, city.NOW - timedelta(hours=3), city.ISSUES[3], city.Random(1))


def noted(city: ModuleType, number: int, urgency: int, sure: float | None, hours: int = 1) -> Any:
    departments = () if sure is None else (Candidate(label="城管", probability=sure),)
    note = Annotation(model="m", urgency=urgency, departments=departments)
    return city.record(number, city.NOW - timedelta(hours=hours), city.ISSUES[0], city.Random(1), annotation=note)


def test_the_queue_is_by_urgency_then_doubt_then_age(city: ModuleType) -> None:
    made = [
        noted(city, 1, 0, 0.5),
        noted(city, 2, 3, 0.9),
        noted(city, 3, 3, 0.4),
        noted(city, 4, 0, None),
        noted(city, 5, 0, 0.5, hours=9),
    ]
    assert [int(r.id, 16) for r in by_urgency_and_doubt(made)] == [3, 2, 4, 5, 1]


def test_reason_words_are_marked_where_they_stand(city: ModuleType, order: Any) -> None:
    shown = desk_view([order], now=city.NOW, current=(order, city.routing(order))).order
    assert shown
    assert [piece.text for piece in shown.title if piece.mark == "reason"] == ["路灯", "不亮"]
    assert "".join(piece.text for piece in shown.text) == order.text


def test_words_against_a_department_are_not_marked(city: ModuleType, order: Any) -> None:
    routing = city.routing(order).model_copy(update={"reason": Reason(words=(("路灯", -1.0), ("不亮", 2.0)))})
    shown = desk_view([order], now=city.NOW, current=(order, routing)).order
    assert shown
    assert [piece.text for piece in shown.title if piece.mark] == ["不亮"]
    assert [word for word, _ in shown.reasons] == ["不亮"]
    assert shown.reasons[0][1].high == 100.0


def test_candidates_are_numbered_and_their_confidence_is_put_in_words(city: ModuleType, order: Any) -> None:
    candidates = tuple(
        Candidate(label=d, probability=p) for d, p in (("城管", 0.86), ("住建", 0.6), ("公用", 0.1), ("交通", 0.05))
    )
    routing = city.routing(order).model_copy(
        update={"candidates": candidates, "department": "城管", "confidence": 0.86}
    )
    shown = desk_view([order], now=city.NOW, current=(order, routing)).order
    assert shown
    assert [(c.number, c.name, c.words) for c in shown.candidates] == [
        (1, "城市管理和综合执法", "把握大"), (2, "住房和城乡建设", "较可能"), (3, "水电气热企业", "把握小"),
    ]  # fmt: skip
    assert shown.verdict == "建议派 城市管理和综合执法，置信度 86%。"


def test_danger_is_no_doubt_of_the_model(city: ModuleType, order: Any) -> None:
    routing = city.routing(order, to_person=True).model_copy(update={"urgency": 3})
    shown = desk_view([order], now=city.NOW, current=(order, routing)).order
    assert shown
    assert (shown.verdict, shown.urgency_name) == ("可能危及人身安全，请人工即刻处理。", "特急")


def test_an_unsure_model_says_so(city: ModuleType, order: Any) -> None:
    shown = desk_view([order], now=city.NOW, current=(order, city.routing(order, to_person=True))).order
    assert shown
    assert shown.to_person
    assert shown.verdict == "模型没有把握，请人工判断。"


def test_deadlines_are_said_in_time_left_or_time_over(city: ModuleType, order: Any) -> None:
    def deadline(due: Any) -> tuple[str, bool]:
        changed = order.model_copy(update={"due_at": due})
        shown = desk_view([changed], now=city.NOW, current=(changed, city.routing(order))).order
        assert shown
        return shown.deadline, shown.overdue

    assert deadline(city.NOW - timedelta(hours=5)) == ("已逾期 5 小时", True)
    assert deadline(city.NOW + timedelta(days=3)) == ("11月27日 10:05 到期，还有 3 天", False)
    assert deadline(None) == ("未定", False)


def test_merging_goes_to_the_incident_else_to_a_near_twin_else_nowhere(city: ModuleType, order: Any) -> None:
    incident = city.hotspots().hotspots[0]
    routing = city.routing(order)
    into = [
        desk_view([order], now=city.NOW, current=(order, r), incident=i).order
        for r, i in ((routing, incident), (routing, None), (routing.model_copy(update={"similar": ()}), None))
    ]
    assert [view.merge_into for view in into if view] == [incident.record_ids[0], f"{3:032x}", ""]


def test_an_empty_queue_has_nothing_to_decide(city: ModuleType) -> None:
    view = desk_view([], now=city.NOW)
    assert view.order is None
    assert view.counters == Counters(waiting=0)
    assert len(view.departments) == 34


def test_the_current_order_is_marked_in_the_queue(city: ModuleType, order: Any) -> None:
    other = noted(city, 2, 3, None, hours=50)
    view = desk_view([other, order], now=city.NOW, current=(order, city.routing(order)), departments=["城管"])
    assert [(row.current, row.age, row.confidence is None) for row in view.queue] == [
        (False, "2 天", True),
        (True, "3 小时", False),
    ]
    assert view.departments == (("城管", "城市管理和综合执法"),)
