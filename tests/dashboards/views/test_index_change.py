"""Sentences on a change: every number is a claim, chance is called chance, a part is named only where it is sure."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.briefing_check import loose_numbers
from dashboards.views.index_change import change_view, spanned, why
from models.figures import Drivers, IndexChange, Moved, Span, TextPrediction

NOTHING = Drivers(points=(), importance_cut=0, performance_cut=0, n=0)
NO_TEXT = TextPrediction(enough=False, months=(), n=0, bins=())
DAYS = (date(2026, 1, 1), date(2026, 1, 28))


def span(value: float, half: float = 1.0) -> Span:
    value, half = round(value, 2), round(half, 2)
    return Span(
        value=value,
        low=round(value - half, 2),
        high=round(value + half, 2),
        low90=round(value - half, 2),
        high90=round(value + half, 2),
    )


def change(before: float, rate: float, mix: float, *, half: float = 1.0, parts: tuple[Moved, ...] = ()) -> IndexChange:
    total = rate + mix
    return IndexChange(field="topic", before=span(before), after=span(before + total), change=span(total, half), rate=span(rate), mix=span(mix),
                       parts=parts, n_before=500, n_after=600)  # fmt: skip


def text(found: IndexChange) -> str:
    return "".join(one.text for one in why(found, "topic"))


def test_a_sure_fall_and_whose_it_is() -> None:
    parts = (
        Moved(name="物业管理", rate=span(-2.4, 0.5), mix=span(0.1)),
        Moved(name="教育", rate=span(-0.3, 0.9), mix=span(-0.4)),
    )
    said = text(change(76.2, -2.7, -0.3, parts=parts))
    assert "由 76.2 下降到 73.2，下降 3.0 分（区间 −4.0 ~ −2.0）" in said
    assert "主要是办理得好坏变了" in said
    assert "“物业管理”拉低 2.4 分" in said
    assert "教育" not in said, "what cannot be told from chance is not named"


def test_what_chance_would_do_is_called_chance_and_mix_is_called_mix() -> None:
    said = text(change(76.2, 0.1, 0.6, half=2.0))
    assert "变化 +0.7 分（区间 −1.3 ~ +2.7），与偶然波动分不开" in said
    assert "主要是来的是哪些诉求变了" in said
    assert "没有哪个分类自身的变化能与偶然波动分开" in said


@given(st.floats(0, 100), st.floats(-50, 50), st.floats(-50, 50), st.floats(0, 20), st.text(max_size=12))
def test_no_number_stands_without_its_claim(before: float, rate: float, mix: float, half: float, name: str) -> None:
    found = change(before, rate, mix, half=half, parts=(Moved(name=name, rate=span(rate, half), mix=span(mix)),))
    for one in why(found, "topic"):
        assert loose_numbers(one) == []
        if one.claims:
            assert re.search(r"\d", one.text)


def test_a_sentence_whose_number_is_no_claim_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboards.views import index_change

    monkeypatch.setattr(index_change, "_split", lambda _: index_change.Statement(text="其中 99.9 分来历不明。"))
    assert "99.9" not in text(change(70, 1, 1))


def test_bars_are_scaled_by_the_widest_part_and_the_rest_is_counted() -> None:
    parts = tuple(Moved(name=f"类{i}", rate=span(4.0 - i), mix=span(0.5)) for i in range(15))
    view = change_view(change(70, 1, 1, parts=parts), NOTHING, NO_TEXT, by="topic", before=DAYS, after=DAYS)
    assert len(view.rows) == 12
    assert view.hidden == 3
    assert view.rows[0].rate_width == 57.1
    assert [row.sure for row in view.rows[:5]] == [True, True, True, False, False]
    assert max(abs(row.rate_width) for row in view.rows) == 100.0


def test_without_a_change_there_is_the_reason() -> None:
    view = change_view(None, NOTHING, NO_TEXT, by="district", before=DAYS, after=DAYS, problem="不能比较")
    assert (view.sentences, view.rows, view.quadrants, view.calibration) == ((), (), None, None)


def test_a_span_reads_with_its_signs() -> None:
    assert spanned(span(-1.2, 0.8)) == "−1.2（−2.0 ~ −0.4）"
